import { mount } from "svelte";
import "../style/page.css";
import { entitle, texts } from "../texts/index.ts";
import { applyTheme, storedTheme } from "../theme.ts";
import StudentPage from "./StudentPage.svelte";

applyTheme(storedTheme());
entitle(texts.student.title);
mount(StudentPage, { target: document.body });
