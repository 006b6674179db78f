"""The table of who sees what. It is computed from the model for one small world, so it always
matches the rules.

It has a line for each kind of row that any caller is shown; fixture.py defines the world. Auditors
and lawyers read it on the page /who-sees-what, or by `manage.py who_sees_what`.
"""

import inspect
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple
from uuid import UUID

from permissions.reference import rows as r
from permissions.reference import world as w
from permissions.reference.fixture import (
    BARRING,
    ENDED,
    HOOK,
    LATER,
    MEMBERS,
    NOW,
    OPTED_IN,
    RECIPIENT,
    REFERRAL,
    RELEASE,
    ROLES,
    SENDER,
    TAKEN,
    WAITING,
    id_of,
    referral,
    release,
)
from permissions.reference.read_rules import AUDITOR_SEES, SEES, can_see

YES, OPENED, NO = "yes", "opens", "no"
FIELDS = ("name", "health")  # packet fields: fixture.py releases the first, not the second


class Column(NamedTuple):
    """The caller and the time. If there are several `people`, the one who sees most counts."""

    who: str
    people: tuple[str, ...]
    of: w.World = TAKEN
    acting: str | None = None


EITHER = ("sender", "recipient")
TABLES: dict[str, tuple[Column, ...]] = {
    "The agency that sent it": (
        Column("An assigned member", ("sender assigned",)),
        Column("A lead", ("sender lead",)),
        Column("A colleague", ("sender colleague",)),
    ),
    "The agency that it was sent to": (
        Column("Before the accept: all", tuple(f"recipient {one}" for one in ROLES), WAITING),
        Column("After it: an assigned member", ("recipient assigned",)),
        Column("After it: a lead", ("recipient lead",)),
        Column("After it: a colleague", ("recipient colleague",)),
    ),
    "Others": (
        Column("A visitor, not signed in", ("",)),
        Column("Another agency: all", tuple(f"other {one}" for one in ROLES)),
        Column("Their administrators", tuple(f"{one} administrator" for one in EITHER)),
        Column("Their auditors", tuple(f"{one} auditor" for one in EITHER)),
        Column("Task force coordinator", ("network coordinator",)),
        Column("Oversight auditor", ("network auditor",)),
        Column("The same, where the recipient has opted in", ("network auditor",), OPTED_IN),
        Column("A person barred by a block", tuple(f"{one} barred" for one in EITHER), BARRING),
    ),
    "Partner systems": (
        Column(
            "Sender's system of record, naming an assigned member",
            ("sender's records",),
            acting="sender assigned",
        ),
        Column(
            "Recipient's system of record, naming an assigned member",
            ("recipient's records",),
            acting="recipient assigned",
        ),
        Column(
            "The same, naming a colleague",
            ("recipient's records",),
            acting="recipient colleague",
        ),
        Column(
            "Another system of the recipient, naming an assigned member",
            ("recipient's other system",),
            acting="recipient assigned",
        ),
        Column("A system that names no member", ("sender's records", "recipient's records")),
    ),
}


class Line(NamedTuple):
    """One kind of row. `row`: the row in the world; `of`: a world to use instead of the column's;
    `before`: the row before the accept, if it differs."""

    tier: str
    what: str
    row: r.Row
    of: w.World | None = None
    before: r.Row | None = None


def _lines() -> Iterable[Line]:
    def note(side: UUID) -> r.Note:
        return r.Note(id_of("note"), REFERRAL, side, id_of("writer"))

    def event(*, from_sees: bool, to_sees: bool) -> r.Event:
        of = (SENDER, RECIPIENT, SENDER, None, "send", None)
        return r.Event(id_of("event"), REFERRAL, *of, False, from_sees, to_sees)

    yield Line("T0", "The public directory", r.Published(id_of("service")))
    yield Line("T0", "What changed in it", r.Change(1, False))
    yield Line("T1", "Confidential services", r.NetworkEntry(id_of("shelter")))
    yield Line("T1", "What changed in those", r.Change(2, True))
    yield Line(
        "T1", "Where the recipient's confidential place is",
        r.Address(id_of("address"), id_of("place"), RECIPIENT),
    )  # fmt: skip
    yield Line("T2, T5", "The notice, and the state as the sender is shown it", referral(NOW))
    for name, what in (
        (FIELDS[0], "A field of the packet that the survivor released"),
        (FIELDS[1], "A field of the packet that the survivor did not release"),
    ):
        yield Line("T3", what, r.PacketField(id_of(name), REFERRAL, SENDER, name))
    field = r.PacketField(id_of("name"), REFERRAL, SENDER, "name")
    yield Line("T3", "The same field, once the release has ended", field, ENDED)
    grant = TAKEN.grants[0]
    yield Line(
        "T3", "The recipient's keys to the released fields, as wrapped for it",
        grant, None, grant._replace(opened_at=None),
    )  # fmt: skip
    yield Line("T3", "The survivor's release", release())
    yield Line("T4", "The sender's notes, reports and references", note(SENDER))
    yield Line("T4", "The recipient's notes, outcome, reports and attempts", note(RECIPIENT))
    yield Line(
        "T4", "The key of the recipient's notes, as wrapped for it",
        r.PrivateKey(id_of("key"), REFERRAL, RECIPIENT),
    )  # fmt: skip
    yield Line(
        "T4", "The recipient's true state, clocks and holder",
        r.Side(id_of("side"), REFERRAL, RECIPIENT, None, "in_handoff"),
    )  # fmt: skip
    yield Line(
        "T4", "Which members of the recipient are assigned to it",
        r.Assignment(id_of("work"), REFERRAL, MEMBERS["recipient assigned"].id, RECIPIENT),
    )  # fmt: skip
    yield Line(
        "T4", "That a lead of the recipient assigned themselves, and why",
        r.SelfAssignment(id_of("self-assignment"), REFERRAL, RECIPIENT),
    )  # fmt: skip
    yield Line("T4", "The recipient's own history", event(from_sees=False, to_sees=True))
    yield Line("T4", "The sender's plan", r.Plan(id_of("plan"), REFERRAL, SENDER))
    yield Line("T4", "Who is barred by the sender", BARRING.blocks[0])
    yield Line(
        "T4", "Where the sender keeps the signed release",
        r.ReleasePaper(id_of("paper"), RELEASE, SENDER),
    )  # fmt: skip
    yield Line(
        "T4", "When and how the release ended, as the sender recorded it",
        r.ReleaseEnd(id_of("end"), RELEASE, SENDER, MEMBERS["sender assigned"].id),
        ENDED,
    )  # fmt: skip
    yield Line(
        "T4", "A call that the sender's assigned member made",
        r.CallRecord(id_of("call"), SENDER, MEMBERS["sender assigned"].id),
    )  # fmt: skip
    yield Line(
        "T5", "The outcome that the survivor lets the recipient share with the sender",
        r.Returned(id_of("returned"), REFERRAL, SENDER, "wrapped", LATER),
    )  # fmt: skip
    yield Line(
        "Log", "What the recipient's people opened and did",
        r.AccessEntry(id_of("entry"), RECIPIENT, None, None, "allowed", REFERRAL, None),
    )  # fmt: skip
    yield Line("Log", "Its seals: numbers and hashes, and counts", r.Checkpoint(1))
    yield Line(
        "Log", "That the recipient lets an oversight agency read its part of the log",
        OPTED_IN.opt_ins[0], OPTED_IN,
    )  # fmt: skip
    yield from _of_an_agency()


def _of_an_agency() -> Iterable[Line]:
    """Rows that belong to no referral: an agency's people and their channels, its systems and its
    counts."""
    receiving, sending = MEMBERS["recipient assigned"], MEMBERS["sender assigned"]
    of_member, of_all = (RECIPIENT, receiving.id), (RECIPIENT, None)
    yield Line("Agency", "Who works at the recipient, and in which roles", receiving)
    yield Line(
        "Agency", "Which organizations of the directory the recipient edits",
        r.Editing(id_of("editing"), RECIPIENT),
    )  # fmt: skip
    yield Line(
        "Agency", "Where the recipient's assigned member is reached",
        r.Channel(id_of("channel"), *of_member),
    )  # fmt: skip
    yield Line("Agency", "Where the recipient's desk is reached", r.Channel(id_of("desk"), *of_all))
    yield Line(
        "Agency", "A message to that member: it says that something waits, never what",
        r.Message(id_of("message"), *of_member, "sent"),
    )  # fmt: skip
    yield Line("Agency", "A message to that desk", r.Message(id_of("call"), *of_all, "sent"))
    yield Line("Agency", "The address that the recipient's events are sent to", HOOK)
    yield Line(
        "Agency", "That they are signed with a secret (the secret itself is shown only once)",
        r.WebhookSecret(id_of("secret"), HOOK.id),
    )  # fmt: skip
    yield Line(
        "Agency", "Whether each event was delivered",
        r.WebhookDelivery(id_of("delivery"), HOOK.id),
    )  # fmt: skip
    yield Line(
        "Agency", "That a request of the sender's assigned member was made, so that it is not made"
        " twice",
        r.IdempotencyKey(id_of("request"), SENDER, sending.id),
    )  # fmt: skip


LINES = tuple(_lines())


def cell(line: Line, column: Column) -> str:
    """YES, OPENED (only after an entry in the log) or NO."""
    of = line.of if line.of is not None and column.of is TAKEN else column.of
    row = line.before if line.before is not None and column.of is WAITING else line.row
    answers = {_seen(of, row, name, column.acting) for name in column.people}
    return next(answer for answer in (YES, OPENED, NO) if answer in answers)


def _seen(of: w.World, row: r.Row, name: str, acting: str | None) -> str:
    staff = MEMBERS[acting].id if acting else None
    for role in ("app", "auditor"):
        asks = w.Principal(name or None, staff, None, role)
        if can_see(of, asks, row, "id", NOW):
            return YES
        for entry in (
            w.Entry("referral.open_packet", REFERRAL, "service", FIELDS),
            w.Entry("referral.open_notes", REFERRAL, "service"),
            w.Entry("address.open", id_of("place")),
        ):
            if can_see(of, asks._replace(entry=entry), row, "id", NOW):
                return OPENED
    return NO


class Rule(NamedTuple):
    """A rule in words, and its source; both come from the docstring of the rule's function."""

    who: str
    source: str


def rules_of(row: r.Row) -> tuple[Rule, ...]:
    """The rules that decide about this row, in their own words: for the desk and the API, and for
    the pages of the access log."""
    rules: Iterable[Callable[..., bool] | None] = (SEES.get(type(row)), AUDITOR_SEES.get(type(row)))
    return tuple(dict.fromkeys(_said(rule) for rule in rules if rule is not None))


def _said(rule: Callable[..., bool]) -> Rule:
    text = " ".join((inspect.getdoc(rule) or "").split())
    found = re.fullmatch(r"(.+) \((.+)\)", text)
    assert found, f"{rule.__name__} does not say where it comes from"
    return Rule(found[1], found[2])


LEGEND = (
    "Opens: shown only after a separate request. Each opening is written to the agency's access log"
    " before anything is shown. For a packet or a note, the entry states the purpose."
)
NOT_SHOWN = (
    "No: not shown. If no line of a referral is shown to a caller, it does not exist for them: the"
    " answer is the same as for a random id. A colleague who may know of a referral, but tries to"
    " open what only assigned members may open, learns that they are not assigned and nothing else."
)


def texts() -> Iterable[str]:
    """Every text of the tables in English, for the message catalogues; sources stay as they are."""
    yield from (YES, OPENED, NO, LEGEND, NOT_SHOWN)
    for title, columns in TABLES.items():
        yield from (title, *(column.who for column in columns))
    for line in LINES:
        yield from (line.what, *(rule.who for rule in rules_of(line.row)))


def as_markdown() -> str:
    """The tables, and the rule behind each line, as Markdown."""
    parts = ["# Who sees what", LEGEND, NOT_SHOWN]
    for title, columns in TABLES.items():
        head = ["tier", "what", *(column.who for column in columns)]
        rows = [[line.tier, line.what, *(cell(line, one) for one in columns)] for line in LINES]
        drawn = (head, ["---"] * len(head), *rows)
        parts += [f"## {title}", "\n".join("| " + " | ".join(cells) + " |" for cells in drawn)]
    parts.append("## The rules")
    for line in LINES:
        said = " ".join(f"{rule.who} *{rule.source}*" for rule in rules_of(line.row))
        parts.append(f"{line.tier} · {line.what}: {said}")
    return "\n\n".join(parts) + "\n"
