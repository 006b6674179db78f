"""One question to a server that an agency named, over a checked connection, and its whole answer:
little of it, within a time limit (referrals/webhooks/ssrf_guard.py)."""

import re
from collections.abc import Mapping
from typing import Self

from referrals.webhooks.ssrf_guard import MAX_HEAD, Connection, NoAnswer


class Fetch(Connection):
    """One GET or POST on a checked connection, within the time that was left to connect."""

    def __enter__(self) -> Self:
        return self

    def get(self, most: int, accept: str) -> tuple[int, bytes]:
        """Fetch what is there: its status, and its body of at most `most` bytes. Raises NoAnswer,
        also for a longer or an encoded body."""
        return self._ask("GET", most, [f"Accept: {accept}"])

    def post_form(self, content: bytes, most: int, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Send a form that is encoded already; return the same. Raises NoAnswer."""
        lines = [
            "Accept: application/json",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(content)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return self._ask("POST", most, lines, content)

    def post_bytes(
        self, content: bytes, headers: Mapping[str, str], most: int
    ) -> tuple[int, bytes]:
        """Send bytes with these headers; return the same. Raises NoAnswer."""
        lines = [
            f"Content-Length: {len(content)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return self._ask("POST", most, lines, content)

    def _ask(
        self, method: str, most: int, lines: list[str], content: bytes = b""
    ) -> tuple[int, bytes]:
        self.usable = False
        head = [
            f"{method} {self._target.path} HTTP/1.1",
            f"Host: {self._target.authority}",
            "User-Agent: Cairn",
            *lines,
            "Connection: close",
        ]
        try:
            self._send("\r\n".join(head).encode("ascii") + b"\r\n\r\n" + content)
            status, fields, rest = self._head(b"")
            while 100 <= status < 200:
                status, fields, rest = self._head(rest)
            return status, self._body(fields, rest, most)
        except OSError:
            raise NoAnswer("unreachable") from None

    def _body(self, fields: Mapping[str, str], rest: bytes, most: int) -> bytes:
        """Read a body to its end, by whichever of the three ways it is framed (RFC 9112, 6.3)."""
        coding, length = fields.get("transfer-encoding"), fields.get("content-length")
        if coding not in (None, "chunked") or "content-encoding" in fields:
            raise NoAnswer("no_answer")
        if coding:
            return self._chunks(rest, most)
        if length is None:
            return self._until_the_end(rest, most)
        if not re.fullmatch("[0-9]{1,9}", length) or int(length) > most:
            raise NoAnswer("no_answer")
        while len(rest) < int(length):
            rest += self._receive()
        return rest[: int(length)]

    def _until_the_end(self, rest: bytes, most: int) -> bytes:
        while len(rest) <= most:
            try:
                rest += self._receive()
            except NoAnswer as ended:
                if ended.outcome != "no_answer":  # the time was up
                    raise
                return rest
        raise NoAnswer("no_answer")

    def _chunks(self, rest: bytes, most: int) -> bytes:
        found = b""
        while True:
            while b"\r\n" not in rest:
                if len(rest) > MAX_HEAD:
                    raise NoAnswer("no_answer")
                rest += self._receive()
            size, rest = rest.split(b"\r\n", 1)
            digits = re.match(rb"[0-9A-Fa-f]{1,7}(?=[ \t]*(?:;|\Z))", size)
            if digits is None:
                raise NoAnswer("no_answer")
            length = int(digits[0], 16)
            if length == 0:
                return found
            if len(found) + length > most:
                raise NoAnswer("no_answer")
            while len(rest) < length + 2:
                rest += self._receive()
            found, rest = found + rest[:length], rest[length + 2 :]
