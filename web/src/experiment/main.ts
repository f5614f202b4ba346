import { mount } from "svelte";
import "../style/page.css";
import { entitle, texts } from "../texts/index.ts";
import { applyTheme, storedTheme } from "../theme.ts";
import ExperimentPage from "./ExperimentPage.svelte";

applyTheme(storedTheme());
entitle(texts.experiment.title);
mount(ExperimentPage, { target: document.body });
