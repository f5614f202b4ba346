import { mount } from "svelte";
import "../style/page.css";
import { entitle, texts } from "../texts/index.ts";
import { applyTheme, storedTheme } from "../theme.ts";
import PrivacyPage from "./PrivacyPage.svelte";

applyTheme(storedTheme());
entitle(texts.privacy.title);
mount(PrivacyPage, { target: document.body });
