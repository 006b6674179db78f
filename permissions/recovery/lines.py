"""The lines of the journal of closings (permissions/recovery/journal.py): how one is made, and how
a file of them is read.

A line is `\nE 12 1 <sealed> <mac> .\n`: its kind, its number, the number of the binding key of
which its two keys are made, what it says (AES-256-GCM, base64), and the MAC of the chain. The MAC
covers the host, the line and the MAC before it: a line that is forged, missing, moved or of
another host breaks the chain. Kind `B` begins a file: the lines up to its number have left, or were
lost, and it holds the MAC with which the chain goes on.

A line begins and ends with a newline, and ends with a full stop: one that a killed process left
unfinished is no line, and does not spoil the next.
"""

import base64
import hmac
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from permissions.errors import Unavailable
from permissions.keys import binding_key
from permissions.keys.keystore import seal, unseal

ENTRY, BASE = "E", "B"
_PADDED_TO = 1024  # bytes: the size of a line says nothing of what ended
BEGUN = bytes(32)  # before the first line of a host


class JournalFault(Exception):
    """The journal is not what this server wrote. Its text says in plain words what is wrong, at
    which host's file and which entry; it names no person and no row."""


class Entry(NamedTuple):
    """One closing. `data` holds ids, codes and times only."""

    id: UUID
    at: datetime  # by the clock of the rules, of the transaction that closed
    kind: str
    data: dict[str, Any]


class Line(NamedTuple):
    """A line that was verified. `entry` is None for the one that begins a file."""

    number: int
    mac: bytes  # of the chain, up to here
    entry: Entry | None


class Head(NamedTuple):
    """The last line of a host: its number and the MAC of the chain."""

    number: int
    mac: bytes


def entry_line(host: str, number: int, before: bytes, entry: Entry) -> tuple[bytes, bytes]:
    """The line of this entry, which follows the MAC `before`, and its own MAC. Raises
    Unavailable."""
    return _made(host, ENTRY, number, before, [entry.id, entry.at, entry.kind, entry.data])


def base_line(host: str, head: Head, why: str) -> bytes:
    """The line that begins a file after `head`. `why`: `begun`, `pruned` or `lost`. Raises
    Unavailable."""
    return _made(host, BASE, head.number, b"", [head.mac.hex(), why])[0]


def whole_lines(content: bytes) -> Iterator[bytes]:
    """The lines that are whole, each without its newlines and full stop."""
    for line in content.split(b"\n"):
        if line.endswith(b" ."):
            yield line[:-2]


def read_lines(host: str, content: bytes) -> list[Line]:
    """What the host's file holds, from the line that begins it. Raises JournalFault,
    Unavailable."""
    found: list[Line] = []
    newest_key = 0
    for text in whole_lines(content):
        line, key = _read(host, found[-1] if found else None, text)
        if key < newest_key:
            raise _fault(host, line.number, "was made by an older key than the one before it")
        newest_key = key
        found.append(line)
    if not found:
        raise JournalFault(f"The journal of the host {host} is empty.")
    return found


def last_lines(host: str, tail: bytes) -> Head | None:
    """The number and MAC of the last whole line, of which the seal alone was verified; None: there
    is none. Raises JournalFault, Unavailable."""
    *_, text = (None, *whole_lines(tail))
    if text is None:
        return None
    kind, number, _key, said, mac = _opened(host, text)
    return Head(number, bytes.fromhex(said[0]) if kind == BASE else mac)


def _made(host: str, kind: str, number: int, before: bytes, said: list[Any]) -> tuple[bytes, bytes]:
    key_number, key = binding_key.newest_journal_key("seal")
    _, chain_key = binding_key.newest_journal_key("chain")
    plain = orjson.dumps(said, option=orjson.OPT_UTC_Z)
    plain += b" " * (-len(plain) % _PADDED_TO)
    sealed = base64.b64encode(seal(key, plain, f"journal:{host}:{kind}:{number}"))
    text = b"%s %d %d %s" % (kind.encode(), number, key_number, sealed)
    mac = hmac.digest(chain_key, b"%s\n%s\n%s" % (host.encode(), before, text), "sha256")
    return b"\n%s %s .\n" % (text, mac.hex().encode()), mac


def _opened(host: str, text: bytes) -> tuple[str, int, int, list[Any], bytes]:
    try:
        kind, number, key_number, sealed, mac = text.decode().split(" ")
        key = binding_key.journal_key(int(key_number), "seal")
        if key is None:
            raise _fault(host, int(number), "was made by a key that is not held here")
        context = f"journal:{host}:{kind}:{number}"
        said = orjson.loads(unseal(key, base64.b64decode(sealed, validate=True), context))
        return kind, int(number), int(key_number), said, bytes.fromhex(mac)
    except Unavailable as error:
        if error.code != "unsealing_failed":
            raise
        raise _fault(host, None, "was not made by this server for this host") from None
    except ValueError:
        raise _fault(host, None, "is not readable") from None


def _read(host: str, before: Line | None, text: bytes) -> tuple[Line, int]:
    kind, number, key_number, said, mac = _opened(host, text)
    chain = before.mac if before and kind == ENTRY else b""
    key = binding_key.journal_key(key_number, "chain") or b""
    covered = b"%s\n%s\n%s" % (host.encode(), chain, text.rsplit(b" ", 1)[0])
    right = hmac.compare_digest(mac, hmac.digest(key, covered, "sha256"))
    if kind == BASE:
        if before is not None or not right:
            raise _fault(host, number, "was put there by someone else")
        return Line(number, bytes.fromhex(said[0]), None), key_number
    if before is None:
        raise JournalFault(f"The journal of the host {host} lacks its beginning.")
    if number != before.number + 1:
        raise _fault(host, before.number + 1, "is missing or out of order")
    if not right:
        raise _fault(host, number, "was forged, or one before it was")
    id_, at, name, data = said
    entry = Entry(UUID(id_), datetime.fromisoformat(at), name, data)
    return Line(number, mac, entry), key_number


def _fault(host: str, number: int | None, what: str) -> JournalFault:
    which = f"entry {number}" if number is not None else "an entry"
    return JournalFault(f"The journal of the host {host} is not as it was written: {which} {what}.")
