"""The table of who sees what, made by asking the model about one small world: it cannot drift.

Two agencies and a third, one referral, seen before and after the accept, and once her release has
ended. For auditors and lawyers: the page /who-sees-what, and `manage.py who_sees_what`.
"""

import inspect
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid5

from permissions.disclosure import PACKET_FIELDS
from permissions.reference import world as w
from permissions.reference.seeing import AUDITOR_SEES, SEES, can_see

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER, BEFORE = NOW + timedelta(days=6), NOW - timedelta(days=1)
YES, OPENED, NO = "yes", "opens", "no"


def _id(name: str) -> UUID:
    return uuid5(UUID("c0ffee00-ca12-4a11-8a11-00000000ab1e"), name)


SENDER, RECIPIENT, OTHER, NETWORK = map(_id, ("sender", "recipient", "other", "network"))
REFERRAL, RELEASE = _id("referral"), _id("release")
ROLES = {
    "assigned": ["worker"],
    "colleague": ["worker"],
    "lead": ["lead"],
    "administrator": ["agency_admin"],
    "editor": ["directory_editor"],
    "auditor": ["auditor"],
    "barred": ["worker"],
    "coordinator": ["coordinator"],
}
AGENCIES = {"sender": SENDER, "recipient": RECIPIENT, "other": OTHER, "network": NETWORK}
MEMBERS = {
    f"{agency} {role}": w.Membership(
        _id(f"{agency} {role}"), id_, _id(f"person {agency} {role}"), roles, True
    )
    for agency, id_ in AGENCIES.items()
    for role, roles in ROLES.items()
}
SCOPES = ["referrals:read", "referrals:write", "packets:read", "directory:read"]
CLIENTS = {  # of which agency, and whether it is a system of record
    "sender's records": (SENDER, True),
    "recipient's records": (RECIPIENT, True),
    "recipient's other system": (RECIPIENT, False),
}


def world(
    *, accepted: bool = True, ended: bool = False, barring: bool = False, opted_in: bool = False
) -> w.World:
    """Sent with a packet ready; then accepted; then her release has ended; or with blocks; or the
    recipient lets an oversight agency read its part of the log."""
    credentials = [
        w.Credential(name, one.agency_id, one.id, None, one.roles, [], LATER, None)
        for name, one in MEMBERS.items()
    ] + [
        w.Credential(name, agency, None, _id(name), [], SCOPES, LATER, None)
        for name, (agency, _) in CLIENTS.items()
    ]
    assigned = ("sender assigned", "sender barred", "recipient assigned", "recipient barred")
    taken = NOW if accepted else None
    return w.World(
        agencies={
            id_: w.Agency(id_, True, "oversight" if id_ == NETWORK else "social_service")
            for id_ in AGENCIES.values()
        },
        people={one.person_id: w.Person(one.person_id, True) for one in MEMBERS.values()},
        members={one.id: one for one in MEMBERS.values()},
        clients={
            _id(name): w.Client(_id(name), True, of_record)
            for name, (_, of_record) in CLIENTS.items()
        },
        credentials={one.hash: one for one in credentials},
        referrals={REFERRAL: _referral(taken)},
        sides=[],
        assignments=[
            w.Assignment(_id(f"work {name}"), REFERRAL, MEMBERS[name].id, MEMBERS[name].agency_id)
            for name in assigned
        ],
        blocks=[
            w.Block(
                _id(f"block {side}"), REFERRAL, AGENCIES[side], "member", AGENCIES[side],
                MEMBERS[f"{side} barred"].id, None,
            )
            for side in (("sender", "recipient") if barring else ())
        ],
        releases={RELEASE: _release(ended)},
        grants=[
            w.Grant(
                _id("grant"), REFERRAL, RECIPIENT, RELEASE, ["name", "phone"], taken, LATER,
                ended, None if ended else "wrapped",
            )
        ],
        webhooks={},
        opt_ins=[
            w.OptIn(
                _id("opt-in"), RECIPIENT, NETWORK, MEMBERS["recipient administrator"].id, LATER,
                None,
            )
            for _ in range(opted_in)
        ],
    )  # fmt: skip


def _referral(accepted_at: datetime | None) -> w.Referral:
    status = "accepted" if accepted_at else "sent"
    return w.Referral(
        REFERRAL, SENDER, RECIPIENT, status, BEFORE, accepted_at, None, "agrees", False, False
    )


def _release(ended: bool = False) -> w.Release:
    return w.Release(RELEASE, REFERRAL, SENDER, RECIPIENT, "outbound", ended, LATER, BEFORE)


WAITING, TAKEN, ENDED = world(accepted=False), world(), world(ended=True)
BARRING, OPTED_IN = world(barring=True), world(opted_in=True)


class Column(NamedTuple):
    """Who asks, and when. `people` stand for one another: the most that one of them sees counts."""

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
        Column("Before the accept: anybody", tuple(f"recipient {one}" for one in ROLES), WAITING),
        Column("After it: an assigned member", ("recipient assigned",)),
        Column("After it: a lead", ("recipient lead",)),
        Column("After it: a colleague", ("recipient colleague",)),
    ),
    "Others": (
        Column("Anybody, not signed in", ("",)),
        Column("Another agency: anybody", tuple(f"other {one}" for one in ROLES)),
        Column("Their administrators", tuple(f"{one} administrator" for one in EITHER)),
        Column("Their auditors", tuple(f"{one} auditor" for one in EITHER)),
        Column("Task force coordinator", ("network coordinator",)),
        Column("Oversight auditor", ("network auditor",)),
        Column("The same, where the recipient has opted in", ("network auditor",), OPTED_IN),
        Column("Whom a block bars", tuple(f"{one} barred" for one in EITHER), BARRING),
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
        Column("A system that names nobody", ("sender's records", "recipient's records")),
    ),
}


class Line(NamedTuple):
    """What is asked for. `row`: how it stands in a world; `of`: another world than the column's."""

    tier: str
    what: str
    row: w.Row
    of: w.World | None = None


def _lines() -> Iterable[Line]:
    def note(side: UUID) -> w.Note:
        return w.Note(_id("note"), REFERRAL, side, _id("writer"))

    def event(*, from_sees: bool, to_sees: bool) -> w.Event:
        of = (SENDER, RECIPIENT, SENDER, None)
        return w.Event(_id("event"), REFERRAL, *of, False, from_sees, to_sees)

    yield Line("T0", "The public directory", w.Published(_id("service")))
    yield Line("T1", "Confidential services", w.NetworkEntry(_id("shelter")))
    yield Line(
        "T1", "Where the recipient's confidential place is",
        w.Address(_id("address"), _id("place"), RECIPIENT),
    )  # fmt: skip
    yield Line("T2, T5", "The notice, and the state as the sender is shown it", _referral(NOW))
    for name, what in (
        ("name", "A field of the packet that she released"),
        ("health", "A field of the packet that she did not release"),
    ):
        yield Line("T3", what, w.PacketField(_id(name), REFERRAL, SENDER, name))
    field = w.PacketField(_id("name"), REFERRAL, SENDER, "name")
    yield Line("T3", "The same field, once her release has ended", field, ENDED)
    yield Line("T3", "Her release", _release())
    yield Line("T4", "The sender's notes, reports and references", note(SENDER))
    yield Line("T4", "The recipient's notes, outcome, reports and attempts", note(RECIPIENT))
    yield Line(
        "T4", "The recipient's true state, clocks and holder",
        w.Side(_id("side"), REFERRAL, RECIPIENT, None, "in_handoff"),
    )  # fmt: skip
    yield Line("T4", "The recipient's own history", event(from_sees=False, to_sees=True))
    yield Line("T4", "The sender's plan", w.Plan(_id("plan"), REFERRAL, SENDER))
    yield Line("T4", "Whom the sender has barred", BARRING.blocks[0])
    yield Line(
        "T4", "Where the sender keeps the paper of her release",
        w.ReleasePaper(_id("paper"), RELEASE, SENDER),
    )  # fmt: skip
    yield Line(
        "T4", "A call that the sender's assigned member made",
        w.CallRecord(_id("call"), SENDER, MEMBERS["sender assigned"].id),
    )  # fmt: skip
    yield Line(
        "T5", "What she lets the recipient tell the sender",
        w.Returned(_id("returned"), REFERRAL, SENDER, "wrapped", LATER),
    )  # fmt: skip
    yield Line(
        "Log", "What the recipient's people opened and did",
        w.AccessEntry(_id("entry"), RECIPIENT, None, None, "allowed", REFERRAL, None),
    )  # fmt: skip
    yield Line("Log", "Its seals: numbers and hashes, and counts", w.Checkpoint(1))


LINES = tuple(_lines())


def cell(line: Line, column: Column) -> str:
    """YES, OPENED (not before an entry in the log says so) or NO."""
    of = line.of if line.of is not None and column.of is TAKEN else column.of
    answers = {_seen(of, line.row, name, column.acting) for name in column.people}
    return next(answer for answer in (YES, OPENED, NO) if answer in answers)


def _seen(of: w.World, row: w.Row, name: str, acting: str | None) -> str:
    staff = MEMBERS[acting].id if acting else None
    for role in ("app", "auditor"):
        asks = w.Principal(name or None, staff, None, role)
        if can_see(of, asks, row, "id", NOW):
            return YES
        for entry in (
            w.Entry("referral.open_packet", REFERRAL, "service", PACKET_FIELDS),
            w.Entry("referral.open_notes", REFERRAL, "service"),
            w.Entry("address.open", _id("place")),
        ):
            if can_see(of, asks._replace(entry=entry), row, "id", NOW):
                return OPENED
    return NO


class Rule(NamedTuple):
    """A rule in words, and where it comes from; both stand beside the rule in the code."""

    who: str
    source: str


def rule_of(row: w.Row) -> Rule:
    """The rule that decides about this row, as its own text says it."""
    rule: Callable[..., bool] = SEES.get(type(row)) or AUDITOR_SEES[type(row)]
    text = " ".join((inspect.getdoc(rule) or "").split())
    found = re.fullmatch(r"(.+) \((.+)\)", text)
    assert found, f"{rule.__name__} does not say where it comes from"
    return Rule(found[1], found[2])


LEGEND = (
    "Opens: not shown in passing. Each opening is written to the agency's access log before"
    " anything is shown; that of a packet or a note says for which purpose."
)


def as_markdown() -> str:
    """The tables, and the rule behind each line, as text."""
    parts = ["# Who sees what", LEGEND]
    for title, columns in TABLES.items():
        head = ["tier", "what", *(column.who for column in columns)]
        rows = [[line.tier, line.what, *(cell(line, one) for one in columns)] for line in LINES]
        drawn = (head, ["---"] * len(head), *rows)
        parts += [f"## {title}", "\n".join("| " + " | ".join(cells) + " |" for cells in drawn)]
    parts.append("## The rules")
    for line in LINES:
        rule = rule_of(line.row)
        parts.append(f"{line.tier} · {line.what}: {rule.who} *{rule.source}*")
    return "\n\n".join(parts) + "\n"
