#!/usr/bin/env python3
"""Checks Cairn's access log offline against its seals: an export, or the proof of one entry.
It needs Python and `cryptography`. Read it, and keep it with your own checkpoints.

    python verifier.py export.txt --keys keys.json [--witness checkpoints.ndjson]
    python verifier.py --proof proof.json --keys keys.json [--witness checkpoints.ndjson]
    python verifier.py [export.txt | --proof proof.json] --receipt receipt.json --keys keys.json

Exit status: 0: all is as it was sealed; 1: something is not, as it says; 2: a file is unreadable.
An export is lines of text (UTF-8):

    <leaf, hex> <JSON array>   an entry
    <leaf> - <its id> <its time>   an entry that is gone
    <leaf> ~   an entry of another agency (`--own`) or month (`--part`)
    + <JSON array>   an entry that was never sealed
    {"body": ..., "key_id": ..., "signature": <base64>}   a checkpoint, after its entries

Entries are gone lawfully if a checkpoint says that their month is `retired`, how many there were,
and the SHA-256 of their leaves. The leaf of an entry is the SHA-256 of a byte 00 and the array's
text. The root is that of RFC 9162, section 2.1. The signature is over the body, by Ed25519.

A receipt is {"body", "key_id", "signature"} too. Its body is three lines: RECEIPT, the log's
origin, and the array of its entry with null as the last member. If a whole log lacks that entry,
it was taken out after the receipt was signed, or a backup lost it (GAP).
"""

import base64
import json
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from binascii import unhexlify
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

RECEIPT = "cairn receipt 1"  # a checkpoint begins with {: neither is the other
PROGRESS_EVERY = 1_000_000
NAMED = 100_000  # missing entries of a month that are listed by id, so that memory is bounded
LONGEST = 1 << 26  # bytes of a line; a longer line is not from Cairn
MALFORMED = (ValueError, LookupError, TypeError, AttributeError, RecursionError)  # by bad input


class Fault(NamedTuple):
    """A difference from what was sealed; `where` is an entry's id or a checkpoint's number."""

    what: str
    where: str


class Unreadable(Exception):
    """A file is malformed; the message says which line, and why."""


class Chain:
    """The checkpoints read so far, checked against each other, from the first or from `after` on.
    A `part` may leave checkpoints out; in it, and in an agency's `own` export, some entries are
    only a leaf. Raises Unreadable: the keys are malformed."""

    def __init__(self, keys: Any, *, after: int = 0, part: bool = False, own: bool = False) -> None:
        try:
            self.keys = {
                name: Ed25519PublicKey.from_public_bytes(base64.b64decode(text))
                for name, text in keys.get("keys", keys).items()
            }
            if not self.keys:
                raise ValueError("none")
        except MALFORMED as error:
            raise Unreadable("the keys are no object of key ids and keys in base64") from error
        self.after, self.part, self.blanks = after, part, part or own
        self.whole = not (after or part)  # only then are all entries of a month seen
        self.last: dict[str, Any] | None = None
        self.last_hash = self.proved = self.receipt = self.origin = ""
        self.hashes: dict[int, str] = {}  # hashes of the checkpoints, by number
        self.entries = self.blank = self.witnessed = 0
        self.gaps: list[dict[str, Any]] = []  # as signed after a restore, with the time
        self.retired: dict[str, tuple[int, str]] = {}  # by month, as signed
        self.gone: Counter[str] = Counter()  # missing entries found, by month; below their leaves
        self.gone_leaves: dict[str, Any] = defaultdict(sha256)
        self.gone_first: dict[str, list[str]] = defaultdict(list)
        self.sought, self.found = b"", False  # how a receipt's entry begins; whether it came

    def start_after(self, body: str) -> None:
        """Start the chain after this checkpoint, which is not checked itself."""
        self.last, self.whole = json.loads(body), False
        self.last_hash = sha256(body.encode()).hexdigest()

    def follow(self, line: dict[str, Any], leaves: list[bytes]) -> Iterator[Fault]:
        """Check one checkpoint against its leaves, then make it the last of the chain."""
        said = json.loads(line["body"])
        wrong = {
            "a signature is not that of a known key": not self.signed(line),
            "the entries are not those that were signed": root(leaves).hex() != said["root"],
        }
        if not self.part:
            wrong |= self._behind(said, len(leaves))
        yield from (Fault(what, f"checkpoint {said['seq']}") for what, so in wrong.items() if so)
        if "gap" in said:
            self.gaps.append(said["gap"] | {"time": said["time"]})
        if left := said.get("retired"):
            self.retired[str(left["month"])] = (left["entries"], left["leaves"])
        self.last, self.last_hash = said, sha256(line["body"].encode()).hexdigest()
        self.hashes[said["seq"]] = self.last_hash
        self.entries += len(leaves)

    def _behind(self, said: dict[str, Any], entries: int) -> dict[str, bool]:
        last = {"seq": self.after, "size": 0, "origin": said["origin"], "time": ""}
        last, known = self.last or last, self.whole or self.last is not None
        before = said["gap"]["to_seq"] if "gap" in said else last["seq"]
        size = last["size"] + entries
        return {
            "checkpoints are missing before it": said["seq"] != before + 1,
            "it does not follow the one before": known and said["previous"] != self.last_hash,
            "the number of entries is not what was signed": known and said["size"] != size,
            "it is of another log": said["origin"] != last["origin"],
            "its time lies before the one before": said["time"] < last["time"],
        }

    def record_missing(self, leaf: bytes, entry: str, at: str) -> None:
        """Record that an entry is missing."""
        month = at[:7]
        self.gone[month] += 1
        self.gone_leaves[month].update(leaf)
        if self.gone[month] <= NAMED:
            self.gone_first[month].append(entry)

    def missing_without_leave(self) -> Iterator[Fault]:
        """Faults for missing entries that no signed statement explains, month by month."""
        for month in sorted({*self.gone, *self.retired}):
            count, first = self.gone[month], self.gone_first[month]
            signed, leaves = self.retired.get(month), self.gone_leaves[month].hexdigest()
            if signed == (count, leaves) or (signed and not self.whole):
                continue
            yield from (Fault("an entry is gone", entry) for entry in first)
            if count > len(first):
                yield Fault("more entries are gone", f"{count} of {month}")
            if not count:
                yield Fault("a month that was retired stands there", month)

    def seek(self, receipt: dict[str, Any]) -> Iterator[Fault]:
        """Check a receipt's signature, and look for its entry from now on."""
        kind, *said = receipt["body"].split("\n")
        if kind != RECEIPT:
            raise Unreadable("it is no receipt")
        self.origin, self.receipt = said
        self.sought = self.receipt.removesuffix("null]").encode()
        if not self.signed(receipt):
            yield Fault("a signature is not that of a known key", "the receipt")

    def not_found(self) -> Iterator[Fault]:
        """The fault if the receipt's entry is not in a whole log that would still hold it."""
        entry, at, *_ = json.loads(self.receipt)
        if self.last and self.last["origin"] != self.origin:
            yield Fault("the receipt is of another log", self.origin)
        elif self.whole and not self.found and at[:7] not in self.retired:
            yield Fault("the entry of the receipt is not in this log", entry)

    def signed(self, line: dict[str, Any]) -> bool:
        """Whether the line has a valid signature by a known key."""
        try:
            signature = base64.b64decode(line["signature"])
            self.keys[line["key_id"]].verify(signature, line["body"].encode())
        except (KeyError, InvalidSignature):
            return False
        return True


def root(leaves: list[bytes]) -> bytes:
    """The root by RFC 9162, section 2.1: pairs from the left; an odd one moves up unchanged."""
    level = leaves
    while len(level) > 1:
        pairs = iter(level)
        above = [sha256(b"\x01" + one + two).digest() for one, two in zip(pairs, pairs)]  # noqa: B905
        level = [*above, level[-1]] if len(level) % 2 else above
    return level[0] if level else sha256(b"").digest()


def root_from_path(leaf: bytes, place: int, count: int, path: list[bytes]) -> bytes:
    """The root (RFC 9162, 2.1.3) of `count` leaves. Raises ValueError, IndexError: no siblings."""
    used, within = 0, 0 <= place < count
    while count > 1:
        if place ^ 1 < count:  # else it moves up unchanged
            pair = (path[used], leaf) if place % 2 else (leaf, path[used])
            leaf, used = sha256(b"\x01" + b"".join(pair)).digest(), used + 1
        place, count = place // 2, (count + 1) // 2
    if not within or used < len(path):
        raise ValueError("siblings")
    return leaf


def check(lines: Iterable[bytes], chain: Chain, report: TextIO | None = None) -> Iterator[Fault]:
    """Every fault of an export, in its order; missing entries at the end. Raises Unreadable."""
    leaves: list[bytes] = []
    sought = chain.sought
    for number, line in enumerate(lines, 1):
        try:
            if line[64:66] == b" [":  # nearly every line: this branch decides the total time
                leaves.append(leaf := unhexlify(line[:64]))
                if sha256(b"\x00" + line[65:].rstrip(b"\r\n")).digest() != leaf:
                    yield Fault("an entry was changed", json.loads(line[65:])[0])
                if sought and line.startswith(sought, 65):
                    chain.found = True
            elif line.startswith(b"{"):
                yield from chain.follow(json.loads(line), leaves)
                if report is not None and number % PROGRESS_EVERY <= len(leaves):  # just passed
                    print(f"{number:,} lines", file=report)
                leaves = []
            elif line.startswith(b"+ "):
                yield Fault("an entry was put in after its time", json.loads(line[2:])[0])
            else:
                hashed, mark, *gone = line.decode().split()
                leaves.append(bytes.fromhex(hashed))
                if mark == "-":
                    chain.record_missing(leaves[-1], *gone)
                elif mark == "~" and chain.blanks:
                    chain.blank += 1
                else:
                    raise ValueError(mark)
        except MALFORMED as error:
            raise Unreadable(f"line {number}: {type(error).__name__}") from error
    if leaves:
        yield Fault("entries stand behind the last checkpoint", str(len(leaves)))
    yield from chain.missing_without_leave()


def check_proof(proof: dict[str, Any], chain: Chain) -> Iterator[Fault]:
    """Every fault of an entry's proof, as the API gives it. Raises Unreadable or MALFORMED."""
    leaf = sha256(b"\x00" + proof["entry"].encode()).digest()
    if leaf.hex() != proof["leaf"]:
        yield Fault("an entry was changed", json.loads(proof["entry"])[0])
    top = root_from_path(leaf, proof["place"], proof["size"], [*map(bytes.fromhex, proof["path"])])
    yield from chain.follow(proof["checkpoint"], [top])
    chain.proved, chain.found = proof["entry"], proof["entry"].encode().startswith(chain.sought)


def compare(witnessed: Iterable[str], chain: Chain) -> Iterator[Fault]:
    """Faults where the chain differs from a witness's checkpoints. Raises Unreadable."""
    for number, line in enumerate(witnessed, 1):
        try:
            held = list(_witnessed_hashes(json.loads(line))) if line.strip() else []
        except MALFORMED as error:
            raise Unreadable(f"line {number} of the witness: {type(error).__name__}") from error
        for seq, hashed in held:
            there = chain.hashes.get(seq)
            chain.witnessed += there == hashed
            lost = any(gap["from_seq"] <= seq <= gap["to_seq"] for gap in chain.gaps)
            if there is None and not (lost or chain.part or seq <= chain.after):
                yield Fault("a checkpoint that was witnessed is not there", f"checkpoint {seq}")
            elif there not in (None, hashed):
                yield Fault("a checkpoint is not the one that was witnessed", f"checkpoint {seq}")


def _witnessed_hashes(said: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """Numbers and hashes from a page of checkpoints, one checkpoint, or a webhook's message."""
    for one in said.get("items", [said]):
        told = one.get("data", one)
        if "body" in told:
            yield json.loads(told["body"])["seq"], sha256(told["body"].encode()).hexdigest()
        else:
            yield told["seq"], told["sha256"]


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    add, what = parser.add_argument, parser.add_mutually_exclusive_group()
    what.add_argument("export", nargs="?", help="the export; - for standard input")
    what.add_argument("--proof", help="instead of it the proof of one entry, as JSON")
    add("--receipt", help="a receipt whose entry to look for; alone: its signature is checked")
    add("--keys", required=True, help="JSON object of key ids and public keys (base64)")
    add("--witness", help="checkpoints that a witness holds, or their hashes, JSON a line")
    add("--own", action="store_true", help="it is an agency's own: of others the leaves alone")
    add("--part", action="store_true", help="it is the archive of one month")
    add("--after", type=int, default=0, help="it begins behind this checkpoint")
    add("--most", type=int, default=20, help="how many faults to print (20)")
    asked = parser.parse_args(arguments)
    if not (asked.export or asked.proof or asked.receipt):
        parser.error("name an export, a --proof or a --receipt")
    count = 0
    try:
        keys, part = json.loads(Path(asked.keys).read_text("utf-8")), asked.part or asked.proof
        chain = Chain(keys, after=asked.after, part=bool(part), own=asked.own)
        for count, fault in enumerate(_faults(asked, chain), 1):
            if count <= asked.most:
                # ascii(): the text cannot contain control sequences for the terminal.
                print(f"FAULT: {fault.what}: {ascii(str(fault.where))[1:-1]}")
        told = [ascii(line)[1:-1] for line in summary(chain)]
    except (OSError, Unreadable, *MALFORMED) as error:
        print(f"Cannot be checked: {type(error).__name__}, {error}", file=sys.stderr)
        return 2
    sound = "As it was sealed." if chain.hashes else "The receipt is signed."
    print(*told, f"{count} faults." if count else sound, sep="\n")
    return 1 if count else 2 if chain.hashes and chain.receipt and not chain.found else 0


def _faults(asked: Namespace, chain: Chain) -> Iterator[Fault]:
    if asked.receipt:
        yield from chain.seek(json.loads(Path(asked.receipt).read_text("utf-8")))
        if not (asked.export or asked.proof):
            return
    if asked.proof:
        yield from check_proof(json.loads(Path(asked.proof).read_text("utf-8")), chain)
    else:
        with open(0 if asked.export == "-" else asked.export, "rb") as export:
            yield from check(iter(partial(export.readline, LONGEST), b""), chain, sys.stderr)
    if not chain.hashes:
        yield Fault("there is no checkpoint in it", "nothing was sealed")
    if asked.witness:
        with open(asked.witness, encoding="utf-8") as held:
            yield from compare(held, chain)
    if asked.receipt:
        yield from chain.not_found()


def summary(chain: Chain) -> Iterator[str]:
    """Lines that say what was checked, and what is lawfully missing from the log."""
    if chain.receipt:
        yield f"Receipt: {chain.receipt}"
        rest = "not here: look in the rest of the log, or in the archive of its month"
        yield f"Its entry is {'here' if chain.found else rest}."
        if not chain.hashes:
            return
    for gap in chain.gaps:
        yield "GAP: {entries} entries (checkpoints {from_seq} to {to_seq}), {time}".format_map(gap)
    for month, (entries, _) in chain.retired.items():
        yield f"RETIRED: {entries} entries of {month}"
    first, last = min(chain.hashes, default=0), max(chain.hashes, default=0)
    leaves = f", of {chain.blank} the leaf alone" if chain.blank else ""
    yield f"Checkpoints {first} to {last}: {chain.entries} entries{leaves}."
    if chain.proved:
        yield f"Entry: {chain.proved}"
    if not chain.witnessed:
        yield "No witness: a log that was cut off at its end, or made again, cannot be noticed."


if __name__ == "__main__":
    sys.exit(main())
