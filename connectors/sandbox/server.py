"""A small threaded HTTP/1.1 server for the sandbox: one process, one thread per connection, keep-alive.

Not Granian, which serves the web pages: its WSGI workers are child processes, and one whose parent is killed
lives on and holds the port (measured with 2.8.7; its embedded server speaks no WSGI). A single process dies whole.
"""

import logging
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from socketserver import TCPServer
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import WSGIApplication, WSGIEnvironment

log = logging.getLogger("patchbay.sandbox")

_MAX_BODY_BYTES = 1_000_000


class SandboxServer(ThreadingHTTPServer):
    """Serves one WSGI application; `server_port` is the port it really got."""

    # Threads of open connections end with the process: a slow answer must not delay a stop.
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, application: "WSGIApplication", *, access_log: bool = False) -> None:
        """Listen on `host` and `port` (0 for any free one); raise OSError where that is not possible."""
        self.application = application
        self.access_log = access_log
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind without the reverse name lookup of the base class, which can take seconds."""
        TCPServer.server_bind(self)
        host, port = self.socket.getsockname()[:2]
        self.server_name, self.server_port = str(host), int(port)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 -- the base class's
        """Log what no request should raise; a client that went away is nothing to report."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            log.error("a connection ended with an error", exc_info=error)


class _Handler(BaseHTTPRequestHandler):
    """Hands each request of one connection to the WSGI application."""

    server: SandboxServer
    protocol_version = "HTTP/1.1"
    server_version = "SandboxPayroll/1"
    sys_version = ""  # the Python version is nobody's business
    timeout = 75  # seconds an idle connection stays open
    wbufsize = -1  # headers and body leave in one packet
    disable_nagle_algorithm = True
    # The base class's own refusals (a line that is not HTTP) in the form of all others; the text of the
    # request stays out of them.
    error_content_type = "application/json"
    error_message_format = '{"error":{"code":"bad_request","message":"HTTP %(code)d"}}'

    def _serve(self) -> None:
        started = time.monotonic()
        body = self._read_body()
        if body is None:
            return
        status = "aborted"
        try:
            status = self._respond(self._environ(body))
        except (ConnectionError, TimeoutError):
            # The client went away, or the application cuts its answer short: all that is left is to hang up.
            self.close_connection = True
        finally:
            if self.server.access_log:
                path = self.path.partition("?")[0]
                milliseconds = (time.monotonic() - started) * 1000
                log.info("%s %s %s %.0f ms", self.command, path, status[:3], milliseconds)

    # The base class looks for one attribute per method; which of them a route allows, the application says.
    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815

    def _read_body(self) -> bytes | None:
        """Return the request's body; None after refusing one of unknown or too great length."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers:
            self.send_error(411)
        elif not (length.isascii() and length.isdecimal()):
            self.send_error(400)
        elif int(length) > _MAX_BODY_BYTES:
            self.send_error(413)
        else:
            return self.rfile.read(int(length))
        return None

    def _environ(self, body: bytes) -> "WSGIEnvironment":
        """Return what PEP 3333 wants the application to know about the request."""
        path, _, query = self.path.partition("?")
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "SERVER_NAME": str(self.server.server_name),
            "SERVER_PORT": str(self.server.server_port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            environ.setdefault(f"HTTP_{name.upper().replace('-', '_')}", value)
        return environ

    def _respond(self, environ: "WSGIEnvironment") -> str:
        """Run the application, send its answer and return its status line."""
        said: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], _exc_info: object = None, /
        ) -> "Callable[[bytes], object]":
            said.append((status, headers))
            return self.wfile.write

        chunks: Iterable[bytes] = self.server.application(environ, start_response)
        status, headers = said[-1]
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        try:
            for chunk in chunks:
                self.wfile.write(chunk)
                self.wfile.flush()
        finally:
            # A body cut short still ends with what was already said: the client sees it break in the middle.
            self.wfile.flush()
        return status

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
        """Say nothing: the base class would log every request with its query; see `access_log`."""
