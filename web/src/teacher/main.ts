import { mount } from "svelte";
import "../style/page.css";
import { entitle, texts } from "../texts/index.ts";
import { applyTheme, storedTheme } from "../theme.ts";
import TeacherPage from "./TeacherPage.svelte";

applyTheme(storedTheme());
entitle(texts.teacher.title);
mount(TeacherPage, { target: document.body });
