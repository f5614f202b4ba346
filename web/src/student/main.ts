import { mount } from "svelte";
import "../style/page.css";
import Student from "./Student.svelte";

mount(Student, { target: document.body });
