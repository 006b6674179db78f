"""Where a webhook may go, and one exchange with it (threat TH8).

Only https to public addresses is allowed. A name is resolved once for each connection, within a
time limit of its own (referrals/webhooks/name_lookups.py), all its addresses are checked, and the
connection goes to a checked address. A name that changes its address between the check and the
connection gains nothing. No redirect is followed. Everything shares one time limit, and little of
an answer is read: a receiver that hangs or trickles costs only its own slot.
"""

import ipaddress
import re
import select
import socket
import ssl
import time
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache, partial
from types import TracebackType
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from django.conf import settings

from permissions.errors import BadRequest
from referrals.webhooks.name_lookups import OF_REQUESTS, Lookups

PORTS = frozenset({443, 8443})
MAX_URL = 500  # bytes
MAX_HEAD = 16 * 1024  # bytes of an answer's head, and of its body
_PART = r"[a-z0-9-]{0,61}[a-z0-9]"
_NAME = re.compile(rf"(?=.{{1,253}}\Z)([a-z0-9]({_PART})?\.)+[a-z]({_PART})?")
_PATH = re.compile(r"[!-~]*")  # printable, no space, nothing to split a request with
_AGENT = "Cairn-Webhooks"
# IANA's special-purpose addresses (RFC 6890), multicast and reserved ranges. For IPv6, everything
# outside global unicast, and inside it the ranges that embed IPv4, which would lead anywhere.
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_SPECIAL = [
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
]

Done = TypeVar("Done")


class TargetRefused(BadRequest):
    """One error for all cases: a caller who names a host may not learn what is behind it."""

    code = "webhook_target"
    detail = "Webhooks go to https addresses of public hosts, port 443 or 8443."

    def __init__(self) -> None:
        super().__init__(pointer="/url")


class NoAnswer(Exception):
    """The receiver did not answer with valid HTTP, or not in time."""

    def __init__(self, outcome: str) -> None:
        self.outcome = outcome
        super().__init__(outcome)


class Target(NamedTuple):
    """Where a connection goes: `address` was checked, `host` is the name in the request."""

    address: str
    port: int
    host: str
    path: str
    tls: bool

    @property
    def authority(self) -> str:
        usual = 443 if self.tls else 80
        return self.host if self.port == usual else f"{self.host}:{self.port}"


def needs_lookup(url: str, local: Collection[str] | None = None) -> bool:
    """Check the form of an address. Returns whether its host has to be looked up: not one that a
    setting names as local, WEBHOOK_LOOPBACK unless `local` is another. Raises TargetRefused."""
    *_, here = _read(url, settings.WEBHOOK_LOOPBACK if local is None else local)
    return not here


def resolve_target(
    url: str, lookups: Lookups = OF_REQUESTS, local: Collection[str] | None = None
) -> Target:
    """Resolve the host once and check every address found. `local` as above. Raises TargetRefused,
    also if the name is not answered in time, and LookupsBusy."""
    named = settings.WEBHOOK_LOOPBACK if local is None else local
    host, port, path, tls, here = _read(url, named)
    try:
        addresses = lookups.addresses(host, port)
    except OSError:
        raise TargetRefused from None
    if not addresses or not all(_loopback(one) if here else is_public(one) for one in addresses):
        raise TargetRefused
    return Target(addresses[0], port, host, path, tls)


def _read(url: str, local: Collection[str]) -> tuple[str, int, str, bool, bool]:
    """Return host, port, path, whether TLS is used, and whether a setting names it as local."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), 443 if parts.port is None else parts.port
    except ValueError:
        raise TargetRefused from None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise TargetRefused
    if len(url.encode()) > MAX_URL or not _PATH.fullmatch(url):
        raise TargetRefused
    tls = parts.scheme == "https"
    if f"{host}:{port}" in local and parts.scheme in {"http", "https"}:
        return host, port, path, tls, True
    # Require a name whose last part is not a number: no spelling of an address is one.
    if not tls or port not in PORTS or not _NAME.fullmatch(host):
        raise TargetRefused
    return host, port, path, tls, False


def is_public(text: str) -> bool:
    """Return whether this address is on the public internet, by lists of our own: what Python
    treats as global differs from one version to the next."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:  # with a zone, for instance
        return False
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return not any(address in network for network in _SPECIAL)


def _loopback(text: str) -> bool:
    return ipaddress.ip_address(text).is_loopback


@lru_cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class Connection:
    """One connection to a target, for messages one after the other. Not safe for two threads."""

    def __init__(self, target: Target, within_s: float) -> None:
        """Connect within `within_s` seconds, TLS included. Raises NoAnswer."""
        self._target = target
        self._deadline = time.monotonic() + within_s
        self.usable = True
        family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
        self._socket: socket.socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(within_s)
            self._socket.connect((target.address, target.port))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.setblocking(False)
            if target.tls:
                wrapped = _tls().wrap_socket(
                    self._socket, server_hostname=target.host, do_handshake_on_connect=False
                )
                self._socket = wrapped
                self._do(wrapped.do_handshake, select.POLLIN)
        except TimeoutError:
            self._socket.close()
            raise NoAnswer("timeout") from None
        except ssl.SSLError:
            self._socket.close()
            raise NoAnswer("tls") from None
        except OSError:
            self._socket.close()
            raise NoAnswer("unreachable") from None
        except NoAnswer:
            self._socket.close()
            raise

    def __enter__(self) -> "Connection":
        return self

    def close(self) -> None:
        self._socket.close()

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def post(self, content: bytes, headers: Mapping[str, str], within_s: float) -> int:
        """Send a message and return the status that the receiver answers. Raises NoAnswer.
        Afterwards `usable` says whether another message may follow on this connection."""
        self._deadline = time.monotonic() + within_s
        self.usable = False
        lines = [
            f"POST {self._target.path} HTTP/1.1",
            f"Host: {self._target.authority}",
            f"User-Agent: {_AGENT}",
            f"Content-Length: {len(content)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        try:
            self._send("\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + content)
            status, fields, rest = self._head(b"")
            while 100 <= status < 200:
                status, fields, rest = self._head(rest)
            self.usable = self._leave_body(status, fields, rest)
        except OSError:
            raise NoAnswer("unreachable") from None
        return status

    def _send(self, data: bytes) -> None:
        while data:
            data = data[self._do(partial(self._socket.send, data), select.POLLOUT) :]

    def _receive(self) -> bytes:
        got = self._do(partial(self._socket.recv, 4096), select.POLLIN)
        if not got:
            raise NoAnswer("no_answer")
        return got

    def _head(self, buffer: bytes) -> tuple[int, dict[str, str], bytes]:
        while b"\r\n\r\n" not in buffer:
            if len(buffer) > MAX_HEAD:
                raise NoAnswer("no_answer")
            buffer += self._receive()
        head, rest = buffer.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        found = re.match(r"HTTP/1\.[01] ([1-5]\d\d)(?: |$)", first)
        if found is None:
            raise NoAnswer("no_answer")
        pairs = (line.split(":", 1) for line in lines if ":" in line)
        fields = {name.strip().lower(): value.strip().lower() for name, value in pairs}
        if first.startswith("HTTP/1.0"):
            fields.setdefault("connection", "close")  # it says when it keeps it (RFC 9112, 9.3)
        return int(found[1]), fields, rest

    def _leave_body(self, status: int, fields: Mapping[str, str], rest: bytes) -> bool:
        """Read past a short body, so that the connection may be used again. Leave any other."""
        length = "0" if status == 204 else fields.get("content-length", "")
        if (
            fields.get("connection", "keep-alive") != "keep-alive"
            or "transfer-encoding" in fields
            or not (length.isascii() and length.isdigit() and int(length) <= MAX_HEAD)
        ):
            return False
        while len(rest) < int(length):
            rest += self._receive()
        return len(rest) == int(length)

    def _do(self, action: Callable[[], Done], ready: int) -> Done:
        """Run one step of input or output, waiting no longer than the deadline."""
        while True:
            try:
                return action()
            except ssl.SSLWantReadError:
                wanted = select.POLLIN
            except ssl.SSLWantWriteError:
                wanted = select.POLLOUT
            except BlockingIOError:
                wanted = ready
            left_s = self._deadline - time.monotonic()
            poll = select.poll()
            poll.register(self._socket, wanted)
            if left_s <= 0 or not poll.poll(left_s * 1000):
                raise NoAnswer("timeout")
