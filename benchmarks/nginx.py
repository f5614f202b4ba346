"""The nginx recipe of docs/guides/serve.md, taken out of that page and run: Debian's nginx, a certificate, Chromium.

    python benchmarks/nginx.py --json out/nginx.json

The site's file, the command for the server and the one for the certificate are the page's own; only ports and folders
are put in place of those that need root. A class is held through it: a teacher by the one-time link, a student with a
camera (Chromium's drawn one, no face is in it), six more over the wire, each from an address of its own (127.0.x.x are
all this machine). Then what has to be refused is tried, and all is ended. Needs nginx, openssl, Chromium, built pages.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
from playwright.sync_api import Browser, Page, sync_playwright
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from classmood.errors import ClassmoodError
from classmood.machine import machine
from classmood.server.guard import LARGEST_BODY_BYTES, TEACHER_COOKIE
from classmood.server.live import ANOTHER_ORIGIN, TOO_MANY
from live_class import DEPLOYMENT, FLAGS, Traffic, last_release

PAGE = Path(__file__).parents[1] / "docs" / "guides" / "serve.md"
DEBIAN = Path("/etc/nginx/nginx.conf")
NAME = "class.example.org"
CLASSMATES = 6
SOCKETS_PER_ADDRESS = 4
JOIN_TRIES = 10
MOST_FIRST_LOAD_BYTES = 12_000_000
START_S = 30.0
SECURE = """async () => ({
  context: window.isSecureContext, devices: "mediaDevices" in navigator, caches: "caches" in window,
})"""


@dataclass(frozen=True)
class Recipe:
    """What the page tells people to type and to write.

    Attributes:
        site: nginx's file.
        serve: the command for the server.
        certificate: the command for a self-made certificate.
    """

    site: str
    serve: list[str]
    certificate: list[str]


def read_recipe(page: str) -> Recipe:
    """The recipe of a page of Markdown, from its indented blocks.

    Raises:
        ClassmoodError: a part of it is not there.
    """
    blocks = [textwrap.dedent(found) for found in re.findall(r"^(?: {4}.*\n|\n(?= {4}))+", page, re.M)]

    def block(pattern: str) -> str:
        for one in blocks:
            if re.match(pattern, one.lstrip("\n")):
                return one.lstrip("\n")
        raise ClassmoodError(f"{PAGE.name}: expected a block that begins with {pattern!r}; the recipe has changed")

    return Recipe(
        block(r"# /etc/nginx/"),
        shlex.split(block(r"classmood serve --origins .*--forwarded-allow-ips")),
        shlex.split(block(r"openssl req ").replace("\\\n", " ")),
    )


def put(text: str, places: dict[str, str]) -> str:
    """Other ports and folders in place of the documented ones, each of which must be there."""
    for old, new in places.items():
        if old not in text:
            raise ClassmoodError(f"expected {old!r} in the configuration; it has changed")
        text = text.replace(old, new)
    return text


class Front:
    """The server behind nginx, both as the page tells, in a folder of its own."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self.recipe = recipe
        self.folder = folder
        self.port, self.behind = free_ports(2)
        self.netloc = f"{NAME}:{self.port}"
        self.origin = f"https://{self.netloc}"
        self.link = ""
        self._server: subprocess.Popen[str] | None = None
        self._nginx: subprocess.Popen[bytes] | None = None
        self._family: list[psutil.Process] = []

    def start(self) -> None:
        """Make the certificate, write nginx's files, start both and wait until they answer."""
        logs = self.folder / "log"
        logs.mkdir()
        # Started by root, nginx works as another user, who has to get to its own folders.
        self.folder.chmod(0o711)
        subprocess.run(self.recipe.certificate, cwd=self.folder, check=True, capture_output=True)
        places = {
            "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
            "http://127.0.0.1:8000": f"http://127.0.0.1:{self.behind}",
            "/etc/ssl/classmood/": f"{self.folder}/",
            "/var/log/nginx/": f"{logs}/",
        }
        (self.folder / "classmood.conf").write_text(put(self.recipe.site, places), encoding="utf-8")
        (self.folder / "nginx.conf").write_text(self._main(logs), encoding="utf-8")
        (self.folder / "deployment.toml").write_text(DEPLOYMENT, encoding="utf-8")
        given = [one.replace(f"https://{NAME}", self.origin) for one in self.recipe.serve[1:]]
        given += ["--port", str(self.behind), "--database", "class.sqlite3", "--deployment", "deployment.toml"]
        given += ["--set", f"sockets_per_address={SOCKETS_PER_ADDRESS}"]
        given += ["--set", f"join_tries_per_address={JOIN_TRIES}"]
        with (logs / "server.log").open("w") as log:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "classmood", *given],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self.folder,
            )
        assert self._server.stdout is not None
        self.link = self._server.stdout.readline().strip()
        command = [nginx(), "-p", f"{self.folder}/", "-c", f"{self.folder}/nginx.conf", "-e", f"{logs}/error.log"]
        self._nginx = subprocess.Popen([*command, "-g", "daemon off;"], cwd=self.folder)
        until = time.monotonic() + START_S
        with self.visitor("127.0.0.1") as visitor:
            while time.monotonic() < until and self._nginx.poll() is None and self._server.poll() is None:
                with contextlib.suppress(httpx.TransportError):
                    if visitor.get("/api/v1/health").is_success:
                        break
                time.sleep(0.1)
            else:
                told = "".join(file.read_text() for file in logs.iterdir())
                raise ClassmoodError(f"nginx with the server behind it does not answer: {told[-1000:]}")
        for process in (self._server, self._nginx):
            found = psutil.Process(process.pid)
            self._family += [found, *found.children(recursive=True)]

    def _main(self, logs: Path) -> str:
        """Debian's own main file, since its settings hold for the site as well; only its places are others."""
        text = DEBIAN.read_text(encoding="utf-8")
        if os.geteuid() != 0:
            text = re.sub(r"^user .*$", "", text, flags=re.M)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "\n\t".join(f"{kind}_temp_path {self.folder}/temporary-{kind};" for kind in kinds)
        return put(
            text,
            {
                # The recipe needs none of them, and they are looked for beside the configuration.
                "include /etc/nginx/modules-enabled/*.conf;": "",
                "/run/nginx.pid": f"{self.folder}/nginx.pid",
                "/var/log/nginx/": f"{logs}/",
                "include /etc/nginx/conf.d/*.conf;": temporary,
                "/etc/nginx/sites-enabled/*": f"{self.folder}/classmood.conf",
            },
        )

    def visitor(self, address: str) -> httpx.Client:
        """A program at an address, to which the certificate has to be that of the public name."""

        def by_name(request: httpx.Request) -> None:
            request.extensions["sni_hostname"] = NAME

        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.port}",
            headers={"Host": self.netloc, "Origin": self.origin},
            transport=httpx.HTTPTransport(local_address=address, verify=self._trust()),
            event_hooks={"request": [by_name]},
            timeout=20,
        )

    def socket(self, address: str, token: str, **headers: str) -> AbstractContextManager[ClientConnection]:
        """A student's socket from an address; headers with an underscore for a hyphen."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=20, source_address=(address, 0))
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        origin = given.pop("Origin", self.origin)
        netloc = given.pop("Host", self.netloc)
        return connect(
            f"wss://{netloc}/api/v1/live/student",
            sock=plain,
            ssl=self._trust(),
            server_hostname=NAME,
            origin=origin,  # type: ignore[arg-type]
            additional_headers=given,
            subprotocols=["classmood.v1", f"bearer.{token}"],  # type: ignore[list-item]
        )

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "fullchain.pem"))

    def stop(self) -> int:
        """End both; how many of their processes are left."""
        for process in (self._nginx, self._server):
            if process is not None and process.poll() is None:
                process.terminate()
        for process in (self._nginx, self._server):
            if process is not None:
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        _, left = psutil.wait_procs(self._family, timeout=10)
        return len(left)


def nginx() -> str:
    """Where nginx is.

    Raises:
        ClassmoodError: it is not there, or is not Debian's.
    """
    path = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if path is None or not DEBIAN.is_file():
        raise ClassmoodError("expected Debian's nginx, which is not installed; 'apt-get install nginx-light' brings it")
    return path


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        raise ClassmoodError("Chromium is not installed; 'apt-get install chromium' brings it")
    with sync_playwright() as playwright:
        flags = [*FLAGS, f"--host-resolver-rules=MAP {NAME} 127.0.0.1"]
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        try:
            yield browser
        finally:
            browser.close()


def joined(visitor: httpx.Client, code: str) -> str:
    """Join and agree; the token."""
    ticket = visitor.post("/api/v1/join", json={"code": code}).raise_for_status().json()["ticket"]
    version = visitor.get("/api/v1/documents/consent").json()["version"]
    body = {"ticket": ticket, "document": "consent", "version": version, "mode": "press", "guardian": True}
    return str(visitor.post("/api/v1/consent", json=body).raise_for_status().json()["token"])


def hold_class(front: Front, browser: Browser, stack: contextlib.ExitStack) -> tuple[dict[str, Any], str]:
    """A class from the link to a release; the figures, and the class's code."""
    desk = browser.new_context(ignore_https_errors=True)
    teacher, heard = desk.new_page(), Traffic()
    heard.watch(teacher)
    teacher.goto(front.link)
    teacher.get_by_label("Students expected").fill("16")
    teacher.get_by_role("button", name="Open a class").click()
    code = teacher.locator(".large .code").inner_text()
    (cookie,) = [one for one in desk.cookies() if one["name"] == TEACHER_COOKIE]
    seat = browser.new_context(ignore_https_errors=True, permissions=["camera"], viewport={"width": 390, "height": 844})
    student, spoken = seat.new_page(), Traffic()
    spoken.watch(student)
    encodings: dict[str, str] = {}
    student.on("response", lambda answer: encodings.update(coded(answer.url, answer.headers)))
    student.goto(f"{front.origin}/join/{code}")
    secure = student.evaluate(SECURE)
    take_a_seat(student)
    first_load_bytes = sum(spoken.wire_bytes.values())
    for number in range(CLASSMATES):
        address = f"127.0.11.{number + 1}"
        with front.visitor(address) as visitor:
            live = stack.enter_context(front.socket(address, joined(visitor, code)))
        live.send(json.dumps({"v": 1, "type": "press", "mood": "joy", "confused": True}))
    student.get_by_role("button", name="I am confused").click()
    teacher.get_by_text(re.compile(r"[67] of 16 sharing")).wait_for(timeout=60_000)
    release = last_release(heard)["release"]
    figures = {
        "cookie": {name: cookie[name] for name in ("secure", "httpOnly", "sameSite")},  # type: ignore[literal-required]
        "secure_page": secure,
        "first_load_bytes": first_load_bytes,
        "encodings": dict(sorted(encodings.items())),
        "student_sent": len(spoken.sent),
        "student_received": len(spoken.received),
        "released_sharing": release["sharing"],
        "elsewhere": sorted({urlsplit(url).netloc for one in (heard, spoken) for url in one.urls} - {"", front.netloc}),
    }
    return figures, code


def take_a_seat(student: Page) -> None:
    """Agree, turn the camera on and go in; the drawn camera shows no face, which the models have to find out."""
    student.get_by_label("With my camera").check()
    student.get_by_role("button", name="I agree").click()
    student.get_by_role("button", name="Turn the camera on").click()
    student.get_by_text("No face found").wait_for(timeout=60_000)
    student.get_by_role("button", name="Enter the class").click()


def coded(url: str, headers: dict[str, str]) -> dict[str, str]:
    """How a large file came over the wire."""
    kind = Path(urlsplit(url).path).suffix
    return {Path(urlsplit(url).path).name: headers.get("content-encoding", "")} if kind in (".onnx", ".wasm") else {}


def refused(front: Front, code: str) -> dict[str, Any]:
    """What has to be refused: the statuses and the codes with which sockets close."""
    found: dict[str, Any] = {}
    with front.visitor("127.0.12.1") as visitor:
        body = {"code": code}
        found["other_origin"] = visitor.post(
            "/api/v1/join", json=body, headers={"Origin": "https://evil.example"}
        ).status_code
        found["other_host"] = visitor.get("/api/v1/health", headers={"Host": "evil.example"}).status_code
        found["large_body"] = visitor.post("/api/v1/join", content=b" " * (LARGEST_BODY_BYTES + 1)).status_code
        found["large_body_in_chunks"] = visitor.post(
            "/api/v1/join", content=(b" " * 1000 for _ in range(30))
        ).status_code
        token = joined(visitor, code)
    found["socket_other_origin"] = closed_with(front, "127.0.12.1", token, Origin="https://evil.example")
    found["socket_other_host"] = closed_with(front, "127.0.12.1", token, Host="evil.example")
    with front.visitor("127.0.12.2") as guesser:
        found["wrong_codes_forged"] = [
            guesser.post(
                "/api/v1/join", json={"code": "AAAA-AAAA"}, headers={"X-Forwarded-For": f"10.0.0.{number}"}
            ).status_code
            for number in range(JOIN_TRIES + 2)
        ]
        found["right_code_after_guessing"] = guesser.post("/api/v1/join", json=body).status_code
    with front.visitor("127.0.12.3") as neighbour:
        found["right_code_of_a_neighbour"] = neighbour.post("/api/v1/join", json=body).status_code
    with contextlib.ExitStack() as stack, front.visitor("127.0.12.4") as many:
        found["sockets_of_one_address"] = 0
        for number in range(SOCKETS_PER_ADDRESS + 1):
            offered = front.socket("127.0.12.4", joined(many, code), X_Forwarded_For=f"10.0.0.{number}")
            live = stack.enter_context(offered)
            try:
                live.recv(timeout=10)
            except ConnectionClosed:
                found["socket_too_many"] = live.close_code
            else:
                found["sockets_of_one_address"] += 1
    return found


def closed_with(front: Front, address: str, token: str, **headers: str) -> int | None:
    """The code with which a socket is closed, or the status by which it is not opened; None where it is let in."""
    try:
        with front.socket(address, token, **headers) as live:
            live.recv(timeout=10)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None
    except InvalidStatus as answer:
        return answer.response.status_code
    return None


def measure() -> dict[str, Any]:
    """Run the recipe; the figures."""
    nginx()
    found: dict[str, Any] = {"machine": machine(2), "date": datetime.now(UTC).date().isoformat()}
    found["nginx"] = subprocess.run([nginx(), "-v"], capture_output=True, text=True, check=True).stderr.strip()
    with tempfile.TemporaryDirectory() as scratch:
        front = Front(read_recipe(PAGE.read_text(encoding="utf-8")), Path(scratch))
        try:
            front.start()
            with chromium() as browser, contextlib.ExitStack() as stack:
                figures, code = hold_class(front, browser, stack)
                found |= figures | refused(front, code)
        finally:
            found["processes_left"] = front.stop()
        found["logs_with_an_address"] = [
            file.name
            for file in sorted((front.folder / "log").iterdir())
            if re.search(r"127\.0\.1[12]\.", file.read_text())
        ]
    return found


def missed(found: dict[str, Any]) -> list[str]:
    """The goals that are not met."""
    goals = {
        "the teacher's cookie is for HTTPS alone": found["cookie"]["secure"] and found["cookie"]["httpOnly"],
        "the student's page is a secure one, with cameras": all(found["secure_page"].values()),
        "models come compressed": len(found["encodings"]) >= 3 and set(found["encodings"].values()) == {"br"},
        "at most 12 MB at first": 0 < found["first_load_bytes"] <= MOST_FIRST_LOAD_BYTES,
        "sockets pass both ways": found["student_sent"] > 0 and found["student_received"] > 0,
        "a release arrives": found["released_sharing"] in (CLASSMATES, CLASSMATES + 1),
        "no request leaves the origin": found["elsewhere"] == [],
        "another site's request is refused": (found["other_origin"], found["socket_other_origin"])
        == (403, ANOTHER_ORIGIN),
        "another name is refused": (found["other_host"], found["socket_other_host"]) == (400, ANOTHER_ORIGIN),
        "a large body is refused": (found["large_body"], found["large_body_in_chunks"]) == (413, 413),
        "a forged address does not spread wrong codes": found["wrong_codes_forged"] == [404] * JOIN_TRIES + [429] * 2
        and found["right_code_after_guessing"] == 429,
        "a neighbour is not held off with them": found["right_code_of_a_neighbour"] == 200,
        "a forged address does not spread sockets": (found["sockets_of_one_address"], found.get("socket_too_many"))
        == (SOCKETS_PER_ADDRESS, TOO_MANY),
        "no log names an address": found["logs_with_an_address"] == [],
        "all processes end": found["processes_left"] == 0,
    }
    return [f"nginx: {goal}" for goal, met in goals.items() if not met]


def main() -> int:
    """Run the recipe and say what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    try:
        found = measure()
    except ClassmoodError as error:
        print(error, file=sys.stderr)
        return 1
    text = json.dumps(found, indent=2)
    print(text)
    if chosen.json:
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        chosen.json.write_text(text + "\n", encoding="utf-8")
    print("missed: " + "; ".join(missed(found)) if missed(found) else "all goals met")
    return bool(missed(found))


if __name__ == "__main__":
    sys.exit(main())
