"""A push service on this machine, and the browser behind it: it checks what a real one checks (RFC
8030, RFC 8292), and opens each message as a browser does (RFC 8291), by code of its own.
"""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256R1()


def text_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def bytes_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point_of(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@dataclass
class Browser:
    """One that has subscribed: its address at the push service, and the keys that it made."""

    endpoint: str
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(CURVE)
    )
    auth: bytes = b"sixteen  letters"

    @property
    def key(self) -> str:
        return text_of(point_of(self.private.public_key()))

    @property
    def secret(self) -> str:
        return text_of(self.auth)

    def opened(self, body: bytes) -> dict[str, Any]:
        """What the message says."""
        said: dict[str, Any] = json.loads(self.plain(body))
        return said

    def plain(self, body: bytes) -> bytes:
        """What is sealed in it; an error if it was not sealed for this browser."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        theirs, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size, "one record"
        shared = self.private.exchange(
            ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, theirs)
        )
        ours = point_of(self.private.public_key())
        secret = _made(self.auth, shared, b"WebPush: info\0" + ours + theirs, 32)
        key = _made(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _made(salt, secret, b"Content-Encoding: nonce\0", 12)
        plain = AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0")
        assert plain.endswith(b"\2"), "the last record"
        return plain[:-1]


def _made(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt=salt, info=info).derive(secret)


@dataclass
class PushService:
    """What came: (path, headers, body). `status` is what it answers; with `pause` it stops once,
    before it takes a message or after that but before it answers, until `go_on`."""

    base: str = ""
    key: str = ""  # of the one server whose messages it takes
    status: int = 201
    pause: str = ""
    paused: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    received: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def browser(self, name: str = "a") -> Browser:
        return Browser(f"{self.base}/push/{name}")

    def messages(self, browser: Browser) -> list[dict[str, Any]]:
        path = browser.endpoint.removeprefix(self.base)
        return [browser.opened(body) for where, _, body in self.received if where == path]

    def stand(self, where: str) -> bool:
        """Wait at `where`, if told to; whether it did."""
        if self.pause != where:
            return False
        self.pause = ""
        self.paused.set()
        self.go_on.wait(60)
        return True

    def fault_of(self, headers: dict[str, str]) -> str:
        """Why it would not take a message with these headers; '' if it takes it."""
        if headers.get("content-encoding") != "aes128gcm":
            return "encoding"
        if not headers.get("ttl", "").isdigit() or headers.get("urgency") != "high":
            return "ttl or urgency"
        if not 0 < len(headers.get("topic", "")) <= 32:
            return "topic"
        scheme, _, rest = headers.get("authorization", "").partition(" ")
        given = dict(part.strip().split("=", 1) for part in rest.split(","))
        if scheme != "vapid" or given["k"] != self.key:
            return "key"
        return self._fault_of_token(given["t"])

    def _fault_of_token(self, token: str) -> str:
        head, claims, signature = token.split(".")
        raw = bytes_of(signature)
        made = encode_dss_signature(
            int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        )
        public = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, bytes_of(self.key))
        public.verify(made, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
        said = json.loads(bytes_of(claims))
        lasts = said["exp"] - time.time()
        if said["aud"] != self.base or not 0 < lasts <= 24 * 3600:
            return "audience or end"
        return "" if said["sub"].startswith(("https:", "mailto:", "http://127.")) else "subject"


class _Pushes(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        kept: PushService = self.server.kept  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        fault = kept.fault_of(headers)
        if fault:
            kept.refused.append(fault)
        if kept.stand("before"):  # its sender was killed meanwhile
            self.close_connection = True
            return
        status = 403 if fault else kept.status
        if 200 <= status < 300:
            kept.received.append((self.path, headers, body))
        if kept.stand("after"):
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", "0")
        if 300 <= status < 400:
            self.send_header("Location", f"{kept.base}/elsewhere")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Silent."""


@contextmanager
def push_service(key: str) -> Iterator[PushService]:
    """A push service on a free port, which takes messages of the server with this key only."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pushes)
    server.daemon_threads = True
    kept = PushService(f"http://127.0.0.1:{server.server_address[1]}", key)
    server.kept = kept  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
