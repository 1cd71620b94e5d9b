"""A headless Chromium, driven through its DevTools pipe: nothing to install besides the browser."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pskd_tf.reporting.comparison import write_comparison

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
)


class Chromium:
    """A browser process; its messages are JSON that ends with a zero byte.

    Attributes:
        events: All that the browser reported since the page was opened.
    """

    def __init__(self, program: str, profile: str):
        commands, self._write = os.pipe()
        self._read, events = os.pipe()
        # The browser reads file descriptor 3 and writes 4.
        script = f'exec "$0" "$@" 3<&{commands} 4>&{events}'
        arguments = [*_FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            ["bash", "-c", script, program, *arguments],
            pass_fds=(commands, events),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(events)
        self._rest, self._number, self.events = b"", 0, []
        targets = self._call("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        attached = self._call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends a command to the page and returns its result."""
        return self._call(method, self._session, **parameters)

    def open(self, path: Path, width: int) -> None:
        """Opens a file in a window of a width, in pixels, and waits until it is loaded."""
        self.events.clear()
        mobile = width < 600
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": mobile}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Page.navigate", url=path.resolve().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._receive()
        self.evaluate("new Promise(done => setTimeout(done, 50))")

    def evaluate(self, expression: str) -> Any:
        """Returns the JSON value of a JavaScript expression; waits for a promise."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def complaints(self) -> list[dict[str, Any]]:
        """Returns errors and warnings of the console and the log, and uncaught exceptions."""
        said = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [event for event in self.events if event["method"] in said]

    def requests(self) -> list[str]:
        """Returns every address that the page asked for, the page itself first."""
        sent = [event for event in self.events if event["method"] == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]

    def screenshot(self, path: Path) -> None:
        """Writes the whole page as a PNG."""
        taken = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))

    def close(self) -> None:
        """Ends this browser."""
        os.close(self._write)
        os.close(self._read)
        self._process.terminate()
        self._process.wait(30)

    def _call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != self._number:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = os.read(self._read, 1 << 20)
            assert part, "Chromium ended"
            self._rest += part
        text, self._rest = self._rest.split(b"\0", 1)
        message = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """One headless browser for all tests."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory() as profile:
        browser = Chromium(program, profile)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def comparison(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The comparison of a tiny run with a copy that claims to have another seed as well."""
    folder = tmp_path_factory.mktemp("comparison")
    copy = folder / "other"
    copy.mkdir()
    for name in ("metrics.json", "settings.json"):
        shutil.copy(tiny_run / name, copy / name)
    metrics = json.loads((copy / "metrics.json").read_text())
    metrics["seeds"] = [1, 2]
    students = (
        *metrics["student"].values(),
        *metrics["students_by_teacher_outputs"].values(),
        metrics["baseline"]["cross_entropy"],
    )
    for scores in (*students, {"paired": metrics["paired_difference"]}):
        for one in scores.values():
            one["values"] = [one["values"][0] / 2, 0.5]
    (copy / "metrics.json").write_text(json.dumps(metrics))
    write_comparison([tiny_run, copy], folder / "comparison.html")
    return folder / "comparison.html"
