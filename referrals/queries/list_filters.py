"""The filters of a list of referrals: conditions on its rows, as each side is shown them.

They express the words of referrals/visible_status.py (T5) in SQL; a test compares the two. Every
condition applies to rows that the side's own index has already found. Where few rows of a long box
can meet it, the ids of those that can are asked of small indexes first, so that a page costs its
rows and not the box (ADR 0121).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from referrals.codes import URGENCY
from referrals.deadlines.due_times import CALL_REQUEST_LASTS, CLOSED_AFTER, REFER_ON_WITHIN
from referrals.queries.few_rows import (
    ACTIVE_ROWS,
    ASKED,
    ASKED_ROWS,
    CONTACT_LATE_ROWS,
    NO_HOLDER_ROWS,
    OF_STATUS,
    OWN_AGENCY,
    WAITING_ROWS,
    among,
    rows_of,
)

_NOW = "sec.clock()"
_WAITING = "status IN ('sent', 'acknowledged')"
_CLOSED = f"accepted_at <= {_NOW} - interval '{CLOSED_AFTER.days} days'"
_OWN = (
    "(SELECT s.{column} FROM referral_side s"
    " WHERE s.agency_id = %(agency)s AND s.referral_id = referral.id)"
)
_STATE = _OWN.format(column="state")
_RAN_OUT = f"(status = 'expired' OR ({_WAITING} AND expires_at <= {_NOW}))"

_BOTH = {
    "sent": f"status = 'sent' AND expires_at > {_NOW}",
    "acknowledged": f"status = 'acknowledged' AND expires_at > {_NOW}",
    "expired": _RAN_OUT,
}
_OF_SENDER = _BOTH | {
    "draft": "status = 'draft'",
    "cannot_take": "status = 'declined'",
    "accepted": f"status = 'accepted' AND NOT {_CLOSED}",
    "closed": f"status = 'accepted' AND {_CLOSED}",
    "withdrawn": "status = 'withdrawn'",
    "stopped": "status = 'stopped'",
    "entered_in_error": "status = 'entered_in_error'",
}
_NO_END = f"coalesce({_STATE}, '') NOT IN ('completed', 'unable', 'stopped')"
_OF_RECIPIENT = _BOTH | {
    "declined": "status = 'declined'",
    "accepted": f"status = 'accepted' AND coalesce({_STATE}, 'accepted') = 'accepted'",
    "in_handoff": f"status = 'accepted' AND {_STATE} = 'in_handoff'",
    # nullif: as in the policy of referral.sql, so that the newest are read until the page is full.
    "completed": f"nullif({_STATE} = 'completed', false) IS NOT NULL",
    "unable": f"nullif({_STATE} = 'unable', false) IS NOT NULL",
    "stopped": f"({_STATE} = 'stopped' OR (status = 'stopped' AND {_NO_END}))",
    "withdrawn": f"status = 'withdrawn' AND {_NO_END}",
    "entered_in_error": f"status = 'entered_in_error' AND {_NO_END}",
}
STATUSES = tuple(sorted({*_OF_SENDER, *_OF_RECIPIENT}))

_LATE = (
    f"((status = 'sent' AND ack_by <= {_NOW}) OR ({_WAITING} AND accept_by <= {_NOW}))"
    f" AND expires_at > {_NOW}"
)
_UNTRIED = (
    f"status = 'accepted' AND {_STATE} IN ('accepted', 'in_handoff')"
    f" AND {_OWN.format(column='handoff_by')} <= {_NOW}"
)
_CONTACT_LATE = f"(status = 'accepted' AND {among(CONTACT_LATE_ROWS)})"
_NO_HOLDER = {box: among(rows) for box, rows in NO_HOLDER_ROWS.items()}
_OPEN = {
    "out": f"({_WAITING} AND expires_at > {_NOW}) OR (status = 'accepted' AND NOT {_CLOSED})",
    "in": f"({_WAITING} AND expires_at > {_NOW}) OR (status = 'accepted' AND {_NO_END})",
}
_UNHELD = {
    "out": f"({_NO_HOLDER['out']} AND (status = 'draft' OR {_OPEN['out']}))",
    "in": f"({_NO_HOLDER['in']} AND status <> 'sent' AND ({_OPEN['in']}))",
}
_MINE = (
    "id = ANY (ARRAY(SELECT a.content_object_id FROM referral_assignment a"
    " WHERE a.agency_id = %(agency)s AND a.membership_id = %(member)s))"
)
# Of a few rows, each is asked for by itself: a member has worked on more that is over.
_MINE_OF_FEW = (
    "(SELECT true FROM referral_assignment a WHERE a.content_object_id = referral.id"
    " AND a.agency_id = %(agency)s AND a.membership_id = %(member)s)"
)
# What is not over for a side. For the sender, what was declined or ran out counts until they have
# referred the survivor on, or until a day after the time for an answer.
_REFERRED_ON = "EXISTS (SELECT FROM referral_plan p WHERE p.replaces_id = referral.id)"
_TO_REFER_ON = (
    f"(status IN ('sent', 'acknowledged', 'declined', 'expired')"
    f" AND expires_at > {_NOW} - interval '{REFER_ON_WITHIN.days} day'"
    f" AND (({_WAITING} AND expires_at > {_NOW}) OR NOT {_REFERRED_ON}))"
)
_ACTIVE = {
    "out": f"(status = 'draft' OR (status = 'accepted' AND NOT {_CLOSED}) OR {_TO_REFER_ON})",
    "in": f"(({_WAITING} AND expires_at > {_NOW}) OR (status = 'accepted'"
    f" AND coalesce({_STATE}, 'accepted') IN ('accepted', 'in_handoff')))",
}
# The deadline that the side is shown in this state. Without one: now for what has to be acted on (a
# requested call, no holder, a decline), else never.
_CONTACT_BY = {"out": "NULL", "in": _OWN.format(column="handoff_by")}
_CALLS = {
    box: f"coalesce({asked} > {_NOW} - interval '{CALL_REQUEST_LASTS.days} days', false)"
    f" AND {asked} > coalesce({_OWN.format(column='called_at')}, '-infinity')"
    for box, asked in ASKED.items()
}
DUE = {
    box: f"coalesce(CASE status WHEN 'sent' THEN ack_by WHEN 'acknowledged' THEN accept_by"
    f" ELSE {contact_by} END, CASE WHEN status IN ('draft', 'accepted') AND NOT ({_CALLS[box]})"
    f" AND NOT {_NO_HOLDER[box]} THEN 'infinity' ELSE {_NOW} END)"
    for box, contact_by in _CONTACT_BY.items()
}
# The clock also changes what a side is shown, and leaves no event if no one looked.
_BY_THE_CLOCK = {
    "out": f"({_WAITING} AND expires_at > %(updated_since)s AND expires_at <= {_NOW})"
    f" OR (status = 'accepted' AND {_CLOSED}"
    f" AND accepted_at > %(updated_since)s::timestamptz - interval '{CLOSED_AFTER.days} days')",
    "in": f"({_WAITING} AND expires_at > %(updated_since)s AND expires_at <= {_NOW})",
}


class Kind(StrEnum):
    """The type of a filter's value."""

    FLAG = "true or false"
    CODE = "a code of its list"
    MOMENT = "a moment with its zone"
    NUMBER = "an agency's own number for a referral"


@dataclass(frozen=True, slots=True)
class Filter:
    """How a filter is given and what it means. `part(box, value)` is its condition on the rows of a
    box ("in" or "out"). It refers to the value as `%(name)s`, or returns its own SQL text for
    it."""

    kind: Kind
    says: str  # its description in the contract
    part: Callable[[str, Any], str]
    codes: tuple[str, ...] = ()


def _asked(
    kind: Kind, says: str, part: Callable[[str, Any], str], codes: Iterable[str] = ()
) -> dict[str, Filter]:
    return {"filter": Filter(kind, says, part, tuple(codes))}


def _pressing(box: str, _value: Any) -> str:
    ring = f"({_CALLS[box]} AND ({_OPEN[box]}))"
    late = f" OR {_CONTACT_LATE}" if box == "in" else ""
    few = [WAITING_ROWS[box], ASKED_ROWS[box], NO_HOLDER_ROWS[box]]
    if box == "in":
        few.append(CONTACT_LATE_ROWS)
    presses = f"(({_WAITING} AND expires_at > {_NOW}) OR {ring}{late} OR {_UNHELD[box]})"
    return f"{among(*few)} AND {presses}"


def _overdue(box: str, _value: Any) -> str:
    if box == "out":
        return f"{_WAITING} AND {_LATE}"
    few = among(WAITING_ROWS[box], CONTACT_LATE_ROWS)
    return f"{few} AND (({_LATE}) OR ({_UNTRIED}))"


def _of_phase(box: str, value: str) -> str:
    if value == "active":
        return f"{among(*ACTIVE_ROWS[box])} AND {_ACTIVE[box]}"
    return f"NOT coalesce({_ACTIVE[box]}, false)"


def _of_status(box: str, value: str) -> str:
    condition = (_OF_SENDER if box == "out" else _OF_RECIPIENT).get(value, "false")
    few = OF_STATUS[box].get(value)
    return f"{among(few)} AND ({condition})" if few else condition


def _updated(box: str, _value: Any) -> str:
    sees = "from_sees" if box == "out" else "to_sees"
    since = "%(updated_since)s"
    told = (
        f"SELECT e.referral_id FROM referral_event e WHERE e.{OWN_AGENCY[box]} = %(agency)s"  # noqa: S608 (of fixed parts)
        f" AND e.{sees} AND e.at > {since}"
    )
    few = [told, WAITING_ROWS[box]]
    if box == "out":
        days = f"{since}::timestamptz - interval '{CLOSED_AFTER.days} days'"
        few.append(rows_of(box, f"f.accepted_at > {days}"))
    return f"{among(*few)} AND ({among(told)} OR {_BY_THE_CLOCK[box]})"


@dataclass(frozen=True, slots=True)
class Filters:
    """One entry per filter. Filters are combined with AND; without any, everything matches. The
    API's parameters are made from the entries."""

    needs_answer: bool = field(
        default=False,
        metadata=_asked(
            Kind.FLAG,
            "Those that wait for an answer.",
            lambda box, value: f"{_WAITING} AND expires_at > {_NOW}",
        ),
    )
    pressing: bool = field(
        default=False,
        metadata=_asked(
            Kind.FLAG,
            "Those that wait for an answer, whose other side asked you to call within a day, whose"
            " first contact is late, or that no one of your agency holds any more.",
            _pressing,
        ),
    )
    unheld: bool = field(
        default=False,
        metadata=_asked(
            Kind.FLAG,
            "Those that no one of your agency holds any more: to be taken over.",
            lambda box, value: _UNHELD[box],
        ),
    )
    status: str | None = field(
        default=None,
        metadata=_asked(
            Kind.CODE,
            "As your side is shown it.",
            _of_status,
            STATUSES,
        ),
    )
    phase: str | None = field(
        default=None,
        metadata=_asked(
            Kind.CODE,
            "`active`: a draft, or one that waits for an answer or was accepted and has not ended"
            " for your side; for the sender also one that was declined or has expired, until the"
            " survivor is referred on, at most for a day after its `expires_at`. `over`: the rest.",
            _of_phase,
            ("active", "over"),
        ),
    )
    urgency: str | None = field(
        default=None,
        metadata=_asked(Kind.CODE, "", lambda box, value: "urgency = %(urgency)s", URGENCY),
    )
    overdue: bool = field(
        default=False,
        metadata=_asked(
            Kind.FLAG,
            "Past a deadline you are shown.",
            _overdue,
        ),
    )
    mine: bool = field(
        default=False,
        metadata=_asked(
            Kind.FLAG,
            "Those the acting member works on.",
            lambda box, value: _MINE,
        ),
    )
    updated_since: datetime | None = field(
        default=None,
        metadata=_asked(
            Kind.MOMENT, "Something that your side may know happened after it.", _updated
        ),
    )

    external_ref: str | None = field(
        default=None,
        metadata=_asked(
            Kind.NUMBER,
            "The one with exactly this number of your own system, if the acting member works on it."
            " 60 searches an hour for a member, 600 for a system (429 `too_often`); one that finds"
            " none is in the access log (`external_ref_unknown`).",
            # Given as its keyed hash: referrals/queries/lists.py.
            lambda box, value: "id = ANY (sec.referral_ids_by_number(%(external_ref)s))",
        ),
    )

    def condition(self, box: str) -> str:
        """Return the part of a WHERE for the rows of one box; '' if no filter is set."""
        parts = (
            _MINE_OF_FEW if name == "mine" and self._asks_for_few else known.part(box, value)
            for name, known in FILTERS.items()
            if (value := getattr(self, name)) not in (None, False)
        )
        return "".join(f" AND {part}" for part in parts)

    @property
    def _asks_for_few(self) -> bool:
        flags = (self.needs_answer, self.pressing, self.unheld, self.overdue)
        return any(flags) or self.phase == "active" or self.updated_since is not None

    def values(self) -> dict[str, Any]:
        """Return the parameters of the conditions, by name."""
        return {name: getattr(self, name) for name in FILTERS}


FILTERS: dict[str, Filter] = {one.name: one.metadata["filter"] for one in fields(Filters)}
