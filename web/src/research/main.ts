import { mount } from "svelte";
import "../style/page.css";
import { entitle, texts } from "../texts/index.ts";
import { applyTheme, storedTheme } from "../theme.ts";
import ResearchPage from "./ResearchPage.svelte";

applyTheme(storedTheme());
entitle(texts.research.title);
mount(ResearchPage, { target: document.body });
