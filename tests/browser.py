"""A page in headless Chromium, driven over its debugging pipe: nothing but the standard library."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Chromium reads from 3 and writes to 4.
AS_3_AND_4 = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
KEYS = {
    "Tab": 9,
    "Enter": 13,
    "Escape": 27,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
    "PageUp": 33,
    "PageDown": 34,
}


def _above_ten(descriptor: int) -> int:
    """The same open file under a number that is not Chromium's 3 or 4."""
    other = fcntl.fcntl(descriptor, fcntl.F_DUPFD, 10)
    os.close(descriptor)
    return other


class Page:
    """One page; `said` holds what went wrong in it (errors, and any request beyond the file itself)."""

    def __init__(
        self, path: Path, *, width: int = 1400, height: int = 1000, dark: bool = False, scripts: bool = True
    ) -> None:
        assert CHROMIUM
        to_browser, self._write = map(_above_ten, os.pipe())
        self._read, from_browser = map(_above_ten, os.pipe())
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._browser = subprocess.Popen(
            [sys.executable, "-c", AS_3_AND_4, str(to_browser), str(from_browser), CHROMIUM, "--headless=new",
             "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe", "--no-first-run",
             "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={self._profile.name}", "about:blank"],
            pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        self._waiting, self._number, self._session, self.said = b"", 0, "", list[str]()
        targets = self._ask("Target.getTargets")["targetInfos"]
        target = next(one["targetId"] for one in targets if one["type"] == "page")
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable")
        self._ask(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )
        self._ask("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.resize(width, height)
        self._url = path.resolve().as_uri()
        self._ask("Page.navigate", url=self._url)
        self.wait_for("document.readyState === 'complete'")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._browser.kill()
        self._browser.wait()
        os.close(self._read)
        os.close(self._write)
        self._profile.cleanup()

    def resize(self, width: int, height: int) -> None:
        """Make the window so many CSS pixels wide and high."""
        self._ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def on_paper(self) -> None:
        """Lay the page out as it is printed, on A4 upright."""
        self._ask("Emulation.setEmulatedMedia", media="print")
        self.resize(718, 1047)  # 190 x 277 mm at 96 pixels an inch
        self.evaluate("dispatchEvent(new Event('beforeprint')); 0")

    def pdf(self) -> bytes:
        """The page printed."""
        return base64.b64decode(self._ask("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)["data"])

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self._ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise AssertionError(f"{script}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def wait_for(self, script: str, *, seconds: float = 60) -> None:
        """Wait until an expression is true."""
        until = time.monotonic() + seconds
        while not self.evaluate(f"Boolean({script})"):
            assert time.monotonic() < until, f"never true: {script}\n{self.said}"
            time.sleep(0.1)

    def text(self, selector: str) -> str:
        """The visible text of the first such element."""
        return str(self.evaluate(f"document.querySelector({json.dumps(selector)}).innerText"))

    def texts(self, selector: str) -> list[str]:
        """The visible text of each such element."""
        return list(
            self.evaluate(f"[...document.querySelectorAll({json.dumps(selector)})].map((one) => one.innerText)")
        )

    def click(self, selector: str) -> None:
        """Click the middle of an element with the mouse."""
        quoted = json.dumps(selector)
        self.evaluate(f"document.querySelector({quoted}).scrollIntoView({{block: 'center'}})")
        x, y = self.evaluate(
            f"(() => {{ const b = document.querySelector({quoted}).getBoundingClientRect();"
            "return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def drag(self, selector: str, *places: tuple[float, float]) -> None:
        """Press the mouse on an element and move it, from one place to the next, in shares of its width and height."""
        left, top, width, height = self._box(selector)
        kinds = ["mousePressed", *["mouseMoved"] * (len(places) - 1), "mouseReleased"]
        for kind, (across, down) in zip(kinds, [*places, places[-1]], strict=True):
            x, y = left + across * width, top + down * height
            self._ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def hover(self, selector: str, across: float, down: float) -> None:
        """Move the mouse over an element, to a place in shares of its width and height."""
        left, top, width, height = self._box(selector)
        self._ask("Input.dispatchMouseEvent", type="mouseMoved", x=left + across * width, y=top + down * height)

    def _box(self, selector: str) -> list[float]:
        """Where an element lies in the window, brought into it: left, top, width, height."""
        quoted = json.dumps(selector)
        self.evaluate(f"document.querySelector({quoted}).scrollIntoView({{block: 'center'}})")
        return list(
            self.evaluate(
                f"(() => {{ const b = document.querySelector({quoted}).getBoundingClientRect();"
                "return [b.x, b.y, b.width, b.height]; })()"
            )
        )

    def choose(self, selector: str, path: Path) -> None:
        """Choose a file in an input of files."""
        found = self._ask("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")
        self._ask("DOM.setFileInputFiles", files=[str(path)], objectId=found["result"]["objectId"])

    def press(self, key: str) -> None:
        """Press a key, where the focus is."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self._ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key], **text)

    def screenshot(self, path: Path, selector: str = "") -> None:
        """The window, or an element, as PNG."""
        clip = {}
        if selector:
            box = self.evaluate(
                f"(() => {{ const b = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
                "return {x: b.x + scrollX, y: b.y + scrollY, width: b.width, height: b.height, scale: 1}; })()"
            )
            clip = {"clip": box, "captureBeyondViewport": True}
        path.write_bytes(base64.b64decode(self._ask("Page.captureScreenshot", format="png", **clip)["data"]))

    def _ask(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        asked = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            asked["sessionId"] = self._session
        os.write(self._write, json.dumps(asked).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer}"
                return answer["result"]
            self._hear(answer)

    def _hear(self, event: dict[str, Any]) -> None:
        method, told = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.said.append(str(told["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
            self.said.append(str(told["args"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.said.append(told["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            url = told["request"]["url"]
            if url != self._url and not url.startswith("data:"):
                self.said.append(f"a request for {url}")

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._waiting:
            ready, _, _ = select.select([self._read], [], [], 90)
            assert ready, "Chromium says nothing"
            heard = os.read(self._read, 1 << 20)
            assert heard, "Chromium has ended"
            self._waiting += heard
        message, _, self._waiting = self._waiting.partition(b"\0")
        return dict(json.loads(message))
