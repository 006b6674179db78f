"""The far ends of messages: a mail server and a phone provider, each a real socket on this machine.

They keep what they were sent and answer as they are told to. Nothing of ours is replaced.
"""

import email
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4


@dataclass
class MailServer:
    """What came by SMTP: (recipient, message). `refuse` maps a recipient to an answer's code.

    With `pause` set to "before" or "after" it stops once, when a whole mail has arrived: before it
    takes the mail, or after that but before it answers. `paused` says that it has stopped; it goes
    on when the sender closes the connection, or by `go_on`.
    """

    port: int = 0
    received: list[tuple[str, Message]] = field(default_factory=list)
    refuse: dict[str, int] = field(default_factory=dict)
    raw: list[bytes] = field(default_factory=list)
    pause: str = ""
    paused: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def stand(self, where: str) -> bool:
        """Wait at `where`, if told to; whether it did."""
        if self.pause != where:
            return False
        self.pause = ""
        self.paused.set()
        self.go_on.wait(60)
        return True

    def of(self, address: str) -> list[Message]:
        return [mail for to, mail in self.received if to == address]


class _Smtp(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as a client of ours speaks; one that is killed says no goodbye."""

    def handle(self) -> None:
        with suppress(ConnectionError):
            self._talk()

    def _talk(self) -> None:
        kept: MailServer = self.server.kept  # type: ignore[attr-defined]
        self._say(220, "ready")
        to: list[str] = []
        while line := self.rfile.readline():
            kept.raw.append(line)
            word = line.decode().strip().upper()
            if word.startswith(("EHLO", "HELO")):
                self._say(250, "here")
            elif word.startswith("RCPT"):
                address = line.decode().split("<", 1)[1].split(">", 1)[0]
                code = kept.refuse.get(address, 250)
                to += [address] if code == 250 else []
                self._say(code, "said")
            elif word == "DATA":
                self._say(354, "go on")
                body = self._body()
                if body is None:
                    return
                kept.raw.append(body)
                if kept.stand("before"):
                    return
                kept.received += [(one, email.message_from_bytes(body)) for one in to]
                if kept.stand("after"):
                    return
                self._say(250, "taken")
            elif word == "QUIT":
                self._say(221, "bye")
                return
            else:
                to = [] if word.startswith(("MAIL", "RSET")) else to
                self._say(250, "so be it")

    def _say(self, code: int, word: str) -> None:
        self.wfile.write(f"{code} {word}\r\n".encode())

    def _body(self) -> bytes | None:
        """None: the client ended in the middle of it, so that it was never sent."""
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line.endswith(b"\n"):
                return None
            lines.append(line[1:] if line.startswith(b"..") else line)
        return b"".join(lines)


COPIES = "copies@cairn.invalid"


@dataclass
class CopiesServer:
    """The mailbox of copies, by IMAP; it holds what `mails` took for COPIES, but while `dumb` it
    ends each connection. `asked`: the Message-IDs that were looked for."""

    mails: MailServer
    port: int = 0
    dumb: bool = False
    asked: list[str] = field(default_factory=list)


class _Imap(socketserver.StreamRequestHandler):
    """As much of RFC 3501 as a client of ours speaks: LOGIN, EXAMINE, SEARCH HEADER."""

    def handle(self) -> None:
        kept: CopiesServer = self.server.kept  # type: ignore[attr-defined]
        if kept.dumb:
            return
        state = 0  # 1: logged in, 2: a mailbox is selected
        self._say("* OK ready")
        while line := self.rfile.readline().decode().strip():
            tag, word, *rest = line.split(" ", 2)
            ok = True
            if word == "CAPABILITY":
                self._say("* CAPABILITY IMAP4rev1")
            elif word == "LOGIN":
                ok = rest == ['copies "an invented password"']
                state = 1 if ok else 0
            elif word == "EXAMINE":
                ok = state == 1 and rest == ['"INBOX"']
                state = 2 if ok else state
                self._say("* 0 EXISTS")
            elif word == "SEARCH":
                ok = state == 2 and rest[0].startswith('HEADER Message-ID "')
                wanted = rest[0].rsplit(" ", 1)[1].strip('"')
                kept.asked.append(wanted)
                held = [str(mail["Message-ID"]) for mail in kept.mails.of(COPIES)]
                found = [str(n) for n, one in enumerate(held, 1) if wanted in one]
                self._say(" ".join(["* SEARCH", *found]))
            elif word == "LOGOUT":
                self._say("* BYE")
            self._say(f"{tag} {'OK' if ok else 'NO'} said")

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


@contextmanager
def copies_server(mails: MailServer) -> Iterator[CopiesServer]:
    """A mailbox of copies on a free port of this machine."""
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Imap)
    server.daemon_threads = True
    kept = CopiesServer(mails, server.server_address[1])
    server.kept = kept  # type: ignore[attr-defined]
    with _serving(server):
        yield kept


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A mail server on a free port of this machine."""
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Smtp)
    server.daemon_threads = True
    kept = MailServer(server.server_address[1])
    server.kept = kept  # type: ignore[attr-defined]
    with _serving(server):
        yield kept


@dataclass
class PhoneProvider:
    """What came by its REST API: (`sms` or `voice`, form). `refuse` maps a number to a status.

    With `silent` it takes what comes and never says so: the connection ends, once. `kept` is what
    it lists, with the time; while it is `dumb` it lists nothing.
    """

    base: str = ""
    silent: bool = False
    dumb: bool = False
    kept: list[tuple[str, datetime, dict[str, str]]] = field(default_factory=list)
    received: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    refuse: dict[str, int] = field(default_factory=dict)
    authorized: list[str] = field(default_factory=list)
    pause: str = ""  # as MailServer's, at a call
    paused: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def stand(self, where: str, kind: str) -> bool:
        """Wait at `where`, if told to; whether it did."""
        if self.pause != where or kind != "voice":
            return False
        self.pause = ""
        self.paused.set()
        self.go_on.wait(60)
        return True

    def to(self, number: str) -> list[tuple[str, dict[str, str]]]:
        return [(kind, form) for kind, form in self.received if form["To"] == number]


_KINDS = {"Messages.json": "sms", "Calls.json": "voice"}


class _Twilio(BaseHTTPRequestHandler):
    """POST and GET of /2010-04-01/Accounts/{sid}/Messages.json and …/Calls.json."""

    def do_GET(self) -> None:
        provider: PhoneProvider = self.server.kept  # type: ignore[attr-defined]
        path, _, query = self.path.partition("?")
        wanted = _KINDS[path.rsplit("/", 1)[1]]
        asked = parse_qs(query)
        if provider.dumb:
            self._answer(503, {"code": 20503, "message": "not now", "status": 503})
            return
        found = [
            {"sid": form["Sid"], "status": "sent", "date_created": format_datetime(at)}
            | ({"body": form["Body"]} if kind == "sms" else {})
            for kind, at, form in reversed(provider.kept)
            if kind == wanted and [form["To"]] == asked["To"] and [form["From"]] == asked["From"]
        ]
        name = {"sms": "messages", "voice": "calls"}[wanted]
        self._answer(200, {name: found, "next_page_uri": None})

    def do_POST(self) -> None:
        kept: PhoneProvider = self.server.kept  # type: ignore[attr-defined]
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:  # its sender was killed
            self.close_connection = True
            return
        told = parse_qs(body.decode(), keep_blank_values=True)
        form = {name: values[0] for name, values in told.items()}
        kind = _KINDS[self.path.rsplit("/", 1)[1]]
        kept.authorized.append(self.headers["Authorization"])
        if kept.stand("before", kind):
            self.close_connection = True
            return
        status = kept.refuse.get(form["To"], 201)
        if status == 201:
            kept.received.append((kind, form))
            sid = f"{'SM' if kind == 'sms' else 'CA'}{uuid4().hex}"
            kept.kept.append((kind, datetime.now(UTC), form | {"Sid": sid}))
            if kept.stand("after", kind) or kept.silent:
                kept.silent = False
                self.close_connection = True
                return
            answer: dict[str, Any] = {"sid": sid, "status": "queued"}
        else:
            answer = {"code": 21211, "message": f"cannot ring {form['To']}", "status": status}
        self._answer(status, answer)

    def _answer(self, status: int, answer: dict[str, Any]) -> None:
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: Any) -> None:
        """Silent."""


@contextmanager
def phone_provider() -> Iterator[PhoneProvider]:
    """A stand-in of the provider's REST API on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Twilio)
    server.daemon_threads = True
    kept = PhoneProvider(f"http://127.0.0.1:{server.server_address[1]}")
    server.kept = kept  # type: ignore[attr-defined]
    with _serving(server):
        yield kept


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
