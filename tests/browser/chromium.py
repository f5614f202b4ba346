"""Debian's Chromium for the tests, what it asks for, and what of a page a person could not read or reach."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).parents[2]
PAGE_FOLDER = ROOT / "src" / "classmood" / "server" / "page"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def missing(what: str) -> None:
    """In CI everything has to be there; elsewhere the test is skipped with the reason."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def built_pages() -> Path:
    """The pages of this checkout's sources."""
    spec = importlib.util.spec_from_file_location("page_build", ROOT / "web" / "page_build.py")
    assert spec is not None
    assert spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    try:
        build.provide_pages(ROOT / "web", PAGE_FOLDER, "quick")
    except build.PagesError as error:
        missing(str(error))
    return PAGE_FOLDER


@contextlib.contextmanager
def chromium(*more: str) -> Iterator[Browser]:
    """The browser, without a window."""
    path = shutil.which("chromium")
    if path is None:
        missing("Chromium is not installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *more])
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A context of a browser, as one person has it, and everything that its pages asked for or complained of."""

    def __init__(self, browser: Browser, **options: Any) -> None:
        self.context: BrowserContext = browser.new_context(**options)
        self.context.set_default_timeout(15000)
        self.asked: list[str] = []
        self.complaints: list[str] = []

    def page(self) -> Page:
        page = self.context.new_page()
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("websocket", lambda socket: self.asked.append(socket.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: self.complaints.append(message.text) if message.type in ("error", "warning") else None,
        )
        return page

    def hosts(self) -> set[str]:
        """Everybody who was asked for anything."""
        return {urlsplit(url).netloc for url in self.asked if not url.startswith(("data:", "blob:"))}


# What can be computed of WCAG 2.2: 1.4.3 contrast, 4.1.2 names, 2.4.3 order, 1.3.1 headings and ids, 3.1.1 language.
_FAULTS = r"""
() => {
  const faults = [];
  const shown = (node) => node.checkVisibility({ visibilityProperty: true }) && node.getClientRects().length > 0;
  const told = (node) => `${node.tagName.toLowerCase()} ${(node.textContent || node.id || "").trim().slice(0, 40)}`;
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (text) => {
    paint.clearRect(0, 0, 1, 1);
    paint.fillStyle = text;
    paint.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = paint.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => [0, 1, 2].map((k) => top[k] * top[3] + under[k] * (1 - top[3])).concat(1);
  const ground = (node) => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255, 1]);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };

  if (!document.documentElement.lang) faults.push("the page has no language");
  if (!document.title.trim()) faults.push("the page has no title");
  if (document.querySelectorAll("h1").length !== 1) faults.push(`${document.querySelectorAll("h1").length} h1`);
  if (document.querySelectorAll("main").length !== 1) faults.push("not one main");
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) faults.push(`id ${id} twice`);
  for (const node of document.querySelectorAll("[aria-labelledby],[aria-describedby]"))
    for (const id of (node.getAttribute("aria-labelledby") || node.getAttribute("aria-describedby")).split(" "))
      if (!document.getElementById(id)) faults.push(`${told(node)}: no element ${id}`);
  for (const node of document.querySelectorAll("[tabindex]"))
    if (node.tabIndex > 0) faults.push(`${told(node)}: tabindex`);

  const named = "button,a[href],input,select,textarea,summary,[role=radio],[role=img],img";
  for (const node of document.querySelectorAll(named)) {
    if (!shown(node)) continue;
    const labelled = node.getAttribute("aria-labelledby");
    const name =
      node.getAttribute("aria-label") ||
      (labelled && document.getElementById(labelled)?.textContent) ||
      (node.labels && [...node.labels].map((label) => label.textContent).join(" ")) ||
      node.getAttribute("alt") ||
      node.textContent;
    if (!name || !name.trim()) faults.push(`${node.outerHTML.slice(0, 80)} has no name`);
  }

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const words = texts.currentNode.data.trim();
    const node = texts.currentNode.parentElement;
    if (!words || !shown(node) || node.closest("svg,option,:disabled,[inert],.hidden,script,style")) continue;
    const style = getComputedStyle(node);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const under = ground(node);
    const found = contrast(over(rgba(style.color), under), under);
    if (found < (large ? 3 : 4.5)) faults.push(`“${words.slice(0, 40)}” has a contrast of ${found.toFixed(2)}`);
  }
  // Words in drawings stand on the shape beside them, or on the drawing's ground.
  for (const node of document.querySelectorAll("svg text")) {
    if (!shown(node)) continue;
    const shape = node.parentElement.querySelector("path") || node.parentElement.querySelector("circle");
    if (!node.closest("[role=radio]") || !shape) continue;
    const style = getComputedStyle(shape);
    const fill = rgba(style.fill);
    fill[3] *= Number(style.opacity);
    const under = over(fill, ground(node.ownerSVGElement));
    const found = contrast(rgba(getComputedStyle(node).fill), under);
    if (found < 4.5) faults.push(`“${node.textContent}” on its shape has a contrast of ${found.toFixed(2)}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`${document.documentElement.scrollWidth} px wide`);
  return faults;
}
"""


def faults(page: Page) -> list[str]:
    """What keeps somebody from reading or reaching something on this page."""
    # Colours fade from one to the other when the scheme changes.
    page.wait_for_timeout(150)
    found: list[str] = page.evaluate(_FAULTS)
    return found


def reached(page: Page, most: int = 60) -> list[str]:
    """What the tab key reaches, in order, until it comes round."""
    # From the top: a browser goes on from where the focus was last.
    page.evaluate("document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex')")
    seen: list[str] = []
    for _ in range(most):
        page.keyboard.press("Tab")
        at = page.evaluate(
            "(() => { const a = document.activeElement; if (!a || a === document.body) return ''; "
            "const r = a.getBoundingClientRect(); "
            "return JSON.stringify([a.getAttribute('aria-label') || a.textContent.trim() || a.id, "
            "Math.round(r.top + scrollY), getComputedStyle(a).outlineStyle, a.getAttribute('role') || '']); })()"
        )
        if not at or at in seen:
            break
        seen.append(at)
    return seen
