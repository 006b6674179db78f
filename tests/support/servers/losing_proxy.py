"""A proxy between a client and a server that can lose answers: the server did what was asked, and
the connection breaks before the answer is there."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "proxy-connection", "keep-alive", "transfer-encoding", "content-length"}


class Proxy(ThreadingHTTPServer):
    """`seen`: (method, path) of each request. `lose`: of how many requests to which path the next
    answers are lost. `with_it`: what happens with each of them, such as the server's end."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, str]] = []
        self.lose: dict[str, int] = {}
        self.with_it: Callable[[], None] = lambda: None
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def paths(self) -> list[str]:
        with self.lock:
            return [path for _method, path in self.seen]

    def took(self, method: str, path: str) -> bool:
        """Note a request; whether its answer is to be lost."""
        with self.lock:
            self.seen.append((method, path))
            left = self.lose.get(path, 0)
            self.lose[path] = max(0, left - 1)
            return left > 0


class _Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def _pass_on(self) -> None:
        url = urlsplit(self.path)  # a proxy is asked for whole addresses
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP}
        there = HTTPConnection(url.netloc, timeout=30)
        there.request(
            self.command, url.path + (f"?{url.query}" if url.query else ""), body, headers
        )
        answer = there.getresponse()
        content = answer.read()
        there.close()
        if self.server.took(self.command, url.path):
            self.server.with_it()
            self.close_connection = True
            return
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = _pass_on  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


@contextmanager
def losing_proxy() -> Iterator[Proxy]:
    proxy = Proxy()
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
