"""Firefox driven over WebDriver BiDi, which it speaks by itself: no driver program, no library.

    with firefox(preferences) as browser:
        page = browser.page()
        page.go("http://127.0.0.1:8000/")
        page.until("document.querySelector('h1')")

The protocol: https://www.w3.org/TR/webdriver-bidi/.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

# Nothing of Firefox's own goes out, or asks.
QUIET = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.aboutConfig.showWarning": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.enabled": False,
    # A camera that nobody has to allow, and that shows a moving pattern.
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
}


class FirefoxError(RuntimeError):
    """Firefox is not there, or refused a command."""


class Firefox:
    """A running Firefox."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self.events: list[dict[str, Any]] = []
        self.version = self.ask("session.new", capabilities={})["capabilities"]["browserVersion"]
        self.ask("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """One command, and its answer; events that come before it are kept.

        Raises:
            FirefoxError: the command was refused.
        """
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            told = json.loads(self._socket.recv(timeout=60))
            if told.get("id") != self._number:
                self.events.append(told)
            elif told["type"] == "error":
                raise FirefoxError(f"{method}: {told['error']}: {told['message']}")
            else:
                answer: dict[str, Any] = told["result"]
                return answer

    def page(self, *, before: str = "", size: tuple[int, int] = (1280, 900)) -> FirefoxPage:
        """A page of a person of its own; ``before`` is a script that runs before any of the page's."""
        person = self.ask("browser.createUserContext")["userContext"]
        if before:
            self.ask("script.addPreloadScript", functionDeclaration=f"() => {{{before}}}", userContexts=[person])
        context = self.ask("browsingContext.create", type="tab", userContext=person)["context"]
        viewport = {"width": size[0], "height": size[1]}
        self.ask("browsingContext.setViewport", context=context, viewport=viewport)
        return FirefoxPage(self, context)

    @property
    def complaints(self) -> list[str]:
        """Errors and warnings of all pages."""
        logged = [event["params"] for event in self.events if event["method"] == "log.entryAdded"]
        return [f"{one['level']}: {one['text']}" for one in logged if one["level"] in ("error", "warn")]

    @property
    def asked(self) -> list[str]:
        """Addresses of all requests of all pages."""
        return [
            event["params"]["request"]["url"] for event in self.events if event["method"] == "network.beforeRequestSent"
        ]


class FirefoxPage:
    """A tab."""

    def __init__(self, browser: Firefox, context: str) -> None:
        self._browser, self._context = browser, context

    def go(self, url: str) -> None:
        """Open an address."""
        self._browser.ask("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def value(self, expression: str) -> Any:
        """What JavaScript says, as JSON can.

        Raises:
            FirefoxError: it threw.
        """
        found = self._browser.ask(
            "script.evaluate",
            expression=f"JSON.stringify({expression}) ?? 'null'",
            target={"context": self._context},
            awaitPromise=True,
        )
        if found["type"] == "exception":
            raise FirefoxError(f"{expression}: {found['exceptionDetails']['text']}")
        return json.loads(found["result"]["value"])

    def until(self, expression: str, within_s: float = 30.0) -> Any:
        """Wait until JavaScript says something that is true, and what.

        Raises:
            FirefoxError: it did not in time; the page's text is told.
        """
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if found := self.value(expression):
                return found
            time.sleep(0.1)
        raise FirefoxError(f"not within {within_s:g} s: {expression}; the page says: {self.text()[:600]!r}")

    def text(self) -> str:
        """All that the page shows."""
        shown: str = self.value("document.body.innerText")
        return shown

    def shows(self, pattern: str, within_s: float = 30.0) -> None:
        """Wait for a text, as a regular expression of JavaScript."""
        self.until(f"/{pattern}/.test(document.body.innerText)", within_s)

    def click(self, text: str, selector: str = "button, label, summary, a") -> None:
        """Click what says a text."""
        wanted = json.dumps(text)
        find = f"[...document.querySelectorAll({json.dumps(selector)})].find((one) => one.innerText.includes({wanted}))"
        self.until(f"!!{find} && !{find}.disabled")
        self.value(f"void {find}.click()")

    def picture(self, path: Path) -> None:
        """Write what it shows as PNG."""
        data = self._browser.ask("browsingContext.captureScreenshot", context=self._context)["data"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(data))


@contextmanager
def firefox(preferences: dict[str, Any] | None = None) -> Iterator[Firefox]:
    """Debian's Firefox without a window, with a profile of its own.

    Raises:
        FirefoxError: it is not installed, or does not start.
    """
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        raise FirefoxError("Firefox is not installed (Debian: apt install firefox-esr)")
    with tempfile.TemporaryDirectory(prefix="classmood-firefox-", ignore_cleanup_errors=True) as folder:
        lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in {**QUIET, **(preferences or {})}.items()]
        Path(folder, "user.js").write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [program, "--headless", "--no-remote", "--profile", folder, "--remote-debugging-port", "0"]
        log = Path(folder, "log")
        with log.open("w") as file:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=file)
        try:
            deadline = time.monotonic() + 60
            while not (address := re.search(r"WebDriver BiDi listening on (ws://\S+)", log.read_text())):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise FirefoxError(f"Firefox did not start: {log.read_text()[-600:]}")
                time.sleep(0.1)
            with connect(f"{address[1]}/session", max_size=None, proxy=None) as socket:
                yield Firefox(socket)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
