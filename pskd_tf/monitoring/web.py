"""The live display in a browser: a server on this machine alone, without resources from elsewhere.

It listens on 127.0.0.1. A page of another site can neither read it (the name in the request must be
this machine's) nor press a key (a header is needed, which such a page may not send).
"""

import dataclasses
import json
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

from data_prep.errors import UserError
from pskd_tf.monitoring.live import KEPT_SECONDS, LiveState
from pskd_tf.monitoring.recording import RecordingSession

HOST = "127.0.0.1"
_KINDS = {
    "/": ("live.html", "text/html; charset=utf-8"),
    "/live.js": ("live.js", "text/javascript; charset=utf-8"),
    "/live.css": ("live.css", "text/css; charset=utf-8"),
}
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"


class WebPage:
    """The page and its data, to be used in a `with` block.

    Args:
        state: What the board said.
        session: The recording session whose keys the page has; None without.
        press: Called with a key that was pressed on the page, from a thread of the server.
        port: The port; 0 for a free one.

    Attributes:
        address: To be opened in a browser.

    Raises:
        UserError: The port is taken.
    """

    def __init__(
        self,
        state: LiveState,
        session: RecordingSession | None,
        press: Callable[[str], None],
        port: int = 0,
    ):
        handler = _handler(state, session, press)
        try:
            self._server = ThreadingHTTPServer((HOST, port), handler)
        except OSError as error:
            raise UserError("--web_port must be a free port", error.strerror or error) from error
        self._server.daemon_threads = True
        self.address = f"http://{HOST}:{self._server.server_address[1]}/"

    def __enter__(self) -> "WebPage":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(
    state: LiveState, session: RecordingSession | None, press: Callable[[str], None]
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path)
            if not self._is_local():
                self._send(HTTPStatus.FORBIDDEN)
            elif path.path == "/data":
                body = json.dumps(page_data(state, session, _after(path.query)))
                self._send(HTTPStatus.OK, body.encode(), "application/json")
            elif path.path in _KINDS:
                name, kind = _KINDS[path.path]
                text = files("pskd_tf.monitoring").joinpath("templates", name).read_bytes()
                self._send(HTTPStatus.OK, text, kind)
            else:
                self._send(HTTPStatus.NOT_FOUND)

        def do_POST(self) -> None:
            key = parse_qs(urlsplit(self.path).query).get("key", [""])[0]
            if not self._is_local() or self.headers.get("X-Monitor") != "1":
                self._send(HTTPStatus.FORBIDDEN)
            elif urlsplit(self.path).path != "/press" or len(key) != 1:
                self._send(HTTPStatus.NOT_FOUND)
            else:
                press(key)
                self._send(HTTPStatus.NO_CONTENT)

        def _is_local(self) -> bool:
            host = self.headers.get("Host", "").rpartition(":")[0]
            return host in (HOST, "localhost")

        def _send(self, status: HTTPStatus, body: bytes = b"", kind: str = "text/plain") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", _POLICY)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Says nothing: the terminal shows the board."""

    return Handler


def _after(query: str) -> float:
    try:
        return float(parse_qs(query).get("after", ["-1"])[0])
    except ValueError:
        return -1.0


def page_data(
    state: LiveState, session: RecordingSession | None, after: float
) -> dict[str, object]:
    """Returns what the page draws, as JSON values.

    Args:
        state: What the board said.
        session: The recording session; None without.
        after: Only samples later than this come, in seconds.
    """
    view = state.view()
    # JSON has no NaN.
    samples = [
        [round(time, 6), *(value if abs(value) < 1e4 else None for value in values)]
        for time, *values in view.samples
        if time > after
    ]
    return {
        "header": view.header,
        "now": view.now,
        "kept_seconds": KEPT_SECONDS,
        "samples": samples,
        "activity": view.activity,
        "events": view.events,
        "hint": view.hint,
        "session": None if session is None else dataclasses.asdict(session.state()),
        "labels": () if session is None else session.labels,
    }
