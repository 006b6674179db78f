#!/usr/bin/env python3
"""Checks an export of Cairn's access log against its seals, offline. Needs Python and the package
`cryptography`, and nothing of Cairn: download it, read it, keep it with your own copies of the
checkpoints.

    python verifier.py export.txt --keys keys.json [--witness checkpoints.ndjson] [--part]

Exit status: 0 all is as it was sealed; 1 something is not, and the first lines say what; 2 the
files cannot be read. Progress goes to standard error.

An export is lines of text (UTF-8). An entry: `<leaf, hex> <JSON array>`. An entry that is gone:
`<leaf, hex> - <its id> <its time>`. A checkpoint, after its entries: a JSON object with body,
key_id and signature (base64). An entry that was never sealed: `+ <JSON array>`. In the archive of a
month (`--part`), an entry of another month: `<leaf, hex> ~`. Entries are gone lawfully where a
checkpoint says that their month is `retired`, how many they were, and the SHA-256 of their leaves.
The leaf of an entry is the SHA-256 of a byte 00 and the array's text; the root is that of RFC 9162,
section 2.1; the signature is Ed25519 (RFC 8032) over the body's bytes.
"""

import argparse
import base64
import json
import sys
from binascii import unhexlify
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, NamedTuple, TextIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PROGRESS_EVERY = 1_000_000
NAMED = 1_000_000  # entries that are gone and told by name; memory is bounded


class Fault(NamedTuple):
    """What is not as it was sealed: `where` is an entry's id, or a checkpoint's number."""

    what: str
    where: str

    def __str__(self) -> str:
        return f"{self.what}: {self.where}"


class Gone:
    """Entries of one month that are not there: in their order, the first of them by name."""

    def __init__(self) -> None:
        self.count, self.leaves = 0, sha256()
        self.first: list[str] = []


class Unreadable(Exception):
    """The file is no export: which line, and why."""


class Chain:
    """The checkpoints seen so far, and what they say of each other."""

    def __init__(self, keys: dict[str, str]) -> None:
        self.keys = {
            name: Ed25519PublicKey.from_public_bytes(base64.b64decode(text))
            for name, text in keys.items()
        }
        self.last: dict[str, Any] | None = None
        self.whole = False  # it began at the first checkpoint: only then all of a month is seen
        self.last_body = ""
        self.bodies: dict[int, str] = {}
        self.gaps: list[str] = []
        self.retired: dict[str, tuple[int, str]] = {}  # by month, as it was signed
        self.gone: dict[str, Gone] = {}  # by month, as it was found

    def follow(
        self, line: dict[str, Any], leaves: list[bytes], *, part: bool = False
    ) -> Iterator[Fault]:
        """Check one checkpoint over its leaves, then stand behind it."""
        body = line["body"]
        said = json.loads(body)
        where = f"checkpoint {said['seq']}"
        if not self._signed(line):
            yield Fault("a signature is not that of a known key", where)
        if root(leaves).hex() != said["root"]:
            yield Fault("the entries are not those that were signed", where)
        if part:
            pass  # others may stand between
        elif self.last is not None:
            yield from self._behind(said, where, len(leaves))
        elif said["previous"] == "":
            self.whole = True
            if said["size"] != len(leaves):
                yield Fault("the number of entries is not what was signed", where)
        if "retired" in said:
            left = said["retired"]
            self.retired[left["month"]] = (left["entries"], left["leaves"])
        self.last, self.last_body = said, body
        self.bodies[said["seq"]] = body

    def miss(self, leaf: bytes, entry: str, at: str) -> None:
        """An entry is not there."""
        gone = self.gone.setdefault(at[:7], Gone())
        gone.count += 1
        gone.leaves.update(leaf)
        if sum(len(one.first) for one in self.gone.values()) < NAMED:
            gone.first.append(entry)

    def unlawfully_gone(self) -> Iterator[Fault]:
        """Entries that are not there, and that no signature lets go; those of a month together."""
        for month, gone in sorted(self.gone.items()):
            signed = self.retired.get(month)
            if signed != (gone.count, gone.leaves.hexdigest()) and (self.whole or not signed):
                for entry in gone.first:
                    yield Fault("an entry is gone", entry)
                if gone.count > len(gone.first):
                    yield Fault("more entries are gone", f"{gone.count} of {month}")
        for month in sorted(set(self.retired) - set(self.gone)):
            if self.retired[month][0] and self.whole:
                yield Fault("a month that was retired stands there", month)

    def _signed(self, line: dict[str, Any]) -> bool:
        key = self.keys.get(line["key_id"])
        if key is None:
            return False
        try:
            key.verify(base64.b64decode(line["signature"]), line["body"].encode())
        except InvalidSignature:
            return False
        return True

    def _behind(self, said: dict[str, Any], where: str, entries: int) -> Iterator[Fault]:
        assert self.last is not None
        gap = said.get("gap")
        expected = gap["to_seq"] + 1 if gap else self.last["seq"] + 1
        if said["seq"] != expected:
            yield Fault("checkpoints are missing before it", where)
        if said["previous"] != sha256(self.last_body.encode()).hexdigest():
            yield Fault("it does not follow the one before", where)
        if said["origin"] != self.last["origin"]:
            yield Fault("it is of another log", where)
        if said["size"] != self.last["size"] + entries:
            yield Fault("the number of entries is not what was signed", where)
        if said["time"] < self.last["time"]:
            yield Fault("its time lies before the one before", where)
        if gap:
            self.gaps.append(
                f"after a restore at {said['time']}, {gap['entries']} entries (checkpoints"
                f" {gap['from_seq']} to {gap['to_seq']}) are lost"
            )


def root(leaves: list[bytes]) -> bytes:
    """RFC 9162, section 2.1: pairs from the left, one that is left over goes up as it is."""
    level = leaves
    while len(level) > 1:
        pairs = iter(level)
        above = [sha256(b"\x01" + one + two).digest() for one, two in zip(pairs, pairs)]  # noqa: B905
        level = [*above, level[-1]] if len(level) % 2 else above
    return level[0] if level else sha256(b"").digest()


def check(
    lines: Iterable[bytes], chain: Chain, report: TextIO | None = None, *, part: bool = False
) -> Iterator[Fault]:
    """Every fault of an export, in its order; what is gone at the end. `part`: it is the archive of
    a month, whose batches need not follow each other. Raises Unreadable."""
    leaves: list[bytes] = []
    number = 0
    for number, line in enumerate(lines, 1):
        try:
            if (
                line[64:66] == b" ["
            ):  # nearly all of them: what is done here decides how long it takes
                text = line[65:].rstrip(b"\n")
                leaf = unhexlify(line[:64])
                leaves.append(leaf)
                if sha256(b"\x00" + text).digest() != leaf:
                    yield Fault("an entry was changed", json.loads(text)[0])
            elif line.startswith(b"{"):
                yield from chain.follow(json.loads(line), leaves, part=part)
                leaves = []
            elif line.startswith(b"+ "):
                yield Fault("an entry was put in after its time", json.loads(line[2:])[0])
            else:
                hashed, mark, *gone = line.decode().split()
                leaves.append(bytes.fromhex(hashed))
                if mark == "-":
                    chain.miss(leaves[-1], *gone)
                elif mark != "~" or not part:
                    raise ValueError(mark)
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise Unreadable(f"line {number}: {type(error).__name__}") from error
        if report is not None and number % PROGRESS_EVERY == 0:
            print(f"{number:,} lines", file=report)
    if leaves:
        yield Fault("entries stand behind the last checkpoint", str(len(leaves)))
    yield from chain.unlawfully_gone()
    if report is not None:
        print(f"{number:,} lines, {len(chain.bodies)} checkpoints", file=report)


def compare(witnessed: Iterable[str], chain: Chain) -> Iterator[Fault]:
    """What a witness holds against the chain: each of its checkpoints stands there as it was.

    Run it over an export that begins at the first checkpoint. Raises Unreadable.
    """
    lost = [_gap(body) for body in chain.bodies.values() if "gap" in json.loads(body)]
    for number, line in enumerate(witnessed, 1):
        if not line.strip():
            continue
        try:
            body = json.loads(line)["body"]
            seq = json.loads(body)["seq"]
        except (ValueError, KeyError, TypeError) as error:
            raise Unreadable(f"line {number} of the witness: {type(error).__name__}") from error
        if any(first <= seq <= last for first, last in lost):
            continue  # said to be lost, and by whom it was signed
        if seq not in chain.bodies:
            yield Fault("a checkpoint that was witnessed is not there", f"checkpoint {seq}")
        elif chain.bodies[seq] != body:
            yield Fault("a checkpoint is not the one that was witnessed", f"checkpoint {seq}")


def _gap(body: str) -> tuple[int, int]:
    gap = json.loads(body)["gap"]
    return gap["from_seq"], gap["to_seq"]


def verify_inclusion(leaf: bytes, place: int, count: int, path: list[bytes], top: bytes) -> bool:
    """RFC 9162, section 2.1.3.2: whether the leaf stands at `place` in a batch of `count` whose
    root is `top`."""
    if not 0 <= place < count:
        return False
    at, last, found = place, count - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if at % 2 or at == last:
            found = sha256(b"\x01" + sibling + found).digest()
            while at % 2 == 0 and at:
                at, last = at >> 1, last >> 1
        else:
            found = sha256(b"\x01" + found + sibling).digest()
        at, last = at >> 1, last >> 1
    return last == 0 and found == top


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="verifier.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("export", help="the export; - for standard input")
    parser.add_argument("--keys", required=True, help="JSON object: key id → public key (base64)")
    parser.add_argument("--witness", help="checkpoints that a witness holds, a JSON object a line")
    parser.add_argument("--part", action="store_true", help="it is the archive of one month")
    parser.add_argument("--most", type=int, default=20, help="how many faults to print (20)")
    asked = parser.parse_args(arguments)
    try:
        with open(asked.keys, encoding="utf-8") as file:
            chain = Chain(json.load(file))
        faults = _run(asked, chain)
    except (OSError, Unreadable, ValueError) as error:
        print(f"Cannot be checked: {error}", file=sys.stderr)
        return 2
    for gap in chain.gaps:
        print(f"GAP: {gap}")
    for month, (entries, _) in chain.retired.items():
        print(f"RETIRED: {entries} entries of {month}")
    if not chain.bodies:
        print("There is no checkpoint in it: nothing was sealed.")
        return 1
    print(f"{faults} faults." if faults else "As it was sealed.")
    return 1 if faults else 0


def _run(asked: argparse.Namespace, chain: Chain) -> int:
    faults = 0

    def tell(found: Iterable[Fault]) -> None:
        nonlocal faults
        for fault in found:
            faults += 1
            if faults <= asked.most:
                print(f"FAULT: {fault}")

    if asked.export == "-":
        tell(check(sys.stdin.buffer, chain, sys.stderr, part=asked.part))
    else:
        with open(asked.export, "rb") as file:
            tell(check(file, chain, sys.stderr, part=asked.part))
    if asked.witness:
        with open(asked.witness, encoding="utf-8") as held:
            tell(compare(held, chain))
    return faults


if __name__ == "__main__":
    sys.exit(main())
