"""The accounting of disclosures, for the survivor: to whom an agency gave what, when and why, and
who of its own people looked (45 CFR 164.528; ADR 0015). It covers one referral: an agency's handle
for the survivor differs in each, so that no two are known to be of one person.

It is made from the access log by an assigned member, for their own agency's part only. What the
other agency did with the data is for that agency to account for (R2). The accounting is itself an
entry of the log.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson
from django.db import connection

from directory import listings
from directory.search.query import SearchQuery
from permissions.errors import NotVisible
from permissions.models import Agency, Membership
from permissions.policy.rules import Rule, Who
from permissions.principal import Principal
from referrals.act_registry.registry import Answer, Group, Move, Page, act
from referrals.act_registry.repeats import Repeat
from referrals.act_registry.transitions import ANY, DRAFT
from referrals.codes import PURPOSE, SELF_ASSIGNMENT
from referrals.models import Referral, Release
from referrals.packets import notes, packet
from referrals.packets.notes import OpenedNote
from referrals.releases.disclosed import (
    GIVING,
    GIVING_BACK,
    NARROWING,
    REVOKING,
    Line,
    given_by_sender,
)
from referrals.visible_status import side_of

OPENING = ("referral.open_packet", "referral.open_notes", "referral.read_returned")
# Acts listed with one row of the log each: what `_given` reads in order, and openings.
SINGLY = (*GIVING, *GIVING_BACK, *OPENING, NARROWING, REVOKING)
# A person who reads the log, or what is drawn from it, does not work on the referral.
CHECKING = ("access_log.", "self_assignments.", "barred_attempts.", "block_alerts.")
CHECKED = "access_log.check"
ITSELF = "system.work"  # by its clock, or to notify the agency's own systems: no person's act
ACCOUNTED, SELF_ASSIGNED = "referral.account_disclosures", "referral.self_assign"
ALONE = ("referral.open_packet", "referral.read_returned", SELF_ASSIGNED)  # listed one by one
# The member saw the notice or worked on the referral. One word covers all of it. Looks and notes
# happen every day, so the word does not reveal a record that a court or law forbids disclosing.
WORKED = "referral.work"
# Merged with an ordinary review; otherwise an opening for a warrant would reveal the warrant.
UNTOLD_REASONS = ("review", "legal_duty")
REVIEW_OR_DUTY = "review_or_legal_duty"
ACTS = (*OPENING, SELF_ASSIGNED, WORKED, CHECKED, ACCOUNTED, ITSELF)
PURPOSES = (*sorted(PURPOSE.keys() - UNTOLD_REASONS), REVIEW_OR_DUTY)
REASONS = (*sorted(SELF_ASSIGNMENT.keys() - UNTOLD_REASONS), REVIEW_OR_DUTY)
RECORDS = {"report", "disclosure"}  # kinds of notes that are disclosures outside (R8)
MOST_ADDRESSES = 3  # of the recipient: enough to find it, on a paper
NOBODY = "nobody"  # it was refused or fought: nothing was disclosed
# 45 CFR 164.528(a)(2): suspended for the time that the authority named. The record does not change.
# When disclosure is allowed again, a new record states it.
FORBIDDEN = "not_told_forbidden"


class NoticeShown(NamedTuple):
    """The notice (T2) was visible to the recipient from `at` on: what the survivor needs, not who
    they are."""

    at: datetime
    to: Agency
    addresses: list[str]


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What another agency could open from `at` on, and under which release."""

    at: datetime
    to: Agency
    addresses: list[str]  # where it is, one line each; empty: no public address
    fields: list[str]
    purpose: str
    release: Release


@dataclass(frozen=True, slots=True)
class Accounting:
    """`opened` and `seen` hold each of `entries` once, including those behind `given`: their
    `times` add up to `entries`. `entry_id` is the reader's receipt."""

    made_at: datetime
    referral: Referral
    notice: NoticeShown | None  # from the agency that sent it, after it was sent
    given: list[Disclosure]
    records: list[OpenedNote]  # mandated reports and compelled disclosures that may be shown
    opened: list[Line]
    seen: list[Line]
    names: dict[UUID, str]  # members of the own agency
    entries: int
    entry_id: UUID


@act(
    Rule(Who.ASSIGNEE, Who.ASSIGNEE, "packets:read", opens=True),
    Move(ANY, ANY - DRAFT),
    repeat=Repeat.SAFE,
    summary="Account to the survivor for disclosures.",
    description="Returns what your agency gave to others under this referral, when and under which"
    " release, and who of your people looked at it (45 CFR 164.528). It reads your agency's notes,"
    " and leaves two entries in the access log.",
    body=None,
    answer=Answer.OWN,
    logged="Made the disclosure report",
    page=Page(
        offer="Disclosure report for the survivor",
        title="Disclosure report for the survivor",
        says="It lists what your agency gave to others and which of your people looked. Survivors"
        " can read it here or take it along. It covers this referral only; an earlier referral has"
        " its own report. Ask whether it is safe for them to have it on paper. The log records that"
        " you made it.",
        brief="What your agency gave to others, and who looked. No one is notified.",
        group=Group.RECORDS,
    ),
)
def account_disclosures(principal: Principal, referral_id: UUID, purpose: str) -> Accounting:
    """Return the own agency's part, for its assigned members with a purpose of use. Twice is two
    entries.

    The records of reports and compelled disclosures are read from the agency's notes, which is an
    opening with its own entry. Raises NotVisible, NotPermitted, WrongState, Unavailable.
    """
    with packet.sealed_read(principal, "account_disclosures", referral_id, purpose) as (
        attempt,
        seen,
    ):
        attempt.record(subject=seen.subject)
        found = notes.notes_within(attempt, seen.subject, purpose)
        records = [note for note in found if note.kind in RECORDS and note.content["to"] != NOBODY]
        lines = _lines(referral_id)
        told = _fold(lines)
        referral = Referral.objects.visible_to(principal, referral_id).first()
        if referral is None:
            raise NotVisible
        side = side_of(principal, referral)
        sent_at = referral.sent_at if side == "from" else None
        to, addresses = _other(referral, side, told=sent_at or any(line.gave for line in lines))
        return Accounting(
            made_at=attempt.now,
            referral=referral,
            notice=NoticeShown(sent_at, to, addresses) if sent_at else None,
            given=_given(referral, side, lines, to, addresses),
            records=[one for one in records if one.content["survivor_told"] != FORBIDDEN],
            opened=[line for line in told if line.act in OPENING],
            seen=[line for line in told if line.act not in OPENING],
            names=dict(
                Membership.objects.filter(agency_id=principal.agency_id).values_list("id", "name")
            ),
            entries=sum(line.times for line in lines),
            entry_id=attempt.entry_id,
        )


def _lines(referral_id: UUID) -> list[Line]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM sec.accounting(%s, %s)", [referral_id, list(SINGLY)])
        return [Line._make(row) for row in cursor.fetchall()]


def _fold(lines: Iterable[Line]) -> list[Line]:
    """Combine lines as the survivor is shown them: one line per person and act, except for acts
    that are listed one by one."""
    told: dict[object, Line] = {}
    for number, line in enumerate(map(_named, lines)):
        by = (line.act, line.member_id, line.client, line.purpose)
        key = number if line.act in ALONE else by
        if same := told.get(key):
            line = line._replace(
                times=same.times + line.times,
                first=min(same.first, line.first),
                last=max(same.last, line.last),
            )
        told[key] = line
    return list(told.values())


def _named(line: Line) -> Line:
    """Return the line under the word that the survivor is shown for the act."""
    if line.act in OPENING:
        return line._replace(purpose=reason_for_survivor(line.purpose))
    if line.act == SELF_ASSIGNED:
        return line._replace(reason=reason_for_survivor(line.reason))
    if line.member_id is None and line.client is None:
        act = ITSELF
    elif line.act.startswith(CHECKING):
        act = CHECKED
    else:
        act = line.act if line.act == ACCOUNTED else WORKED
    return line._replace(act=act, purpose=None, fields=None, release_id=None, reason=None)


def reason_for_survivor(code: str | None) -> str | None:
    return REVIEW_OR_DUTY if code in UNTOLD_REASONS else code


def _other(referral: Referral, side: str, *, told: object) -> tuple[Agency, list[str]]:
    """Return the other agency, and where it is if it was given anything."""
    sends = side == "from"
    to = Agency.objects.get(id=referral.to_agency_id if sends else referral.from_agency_id)
    return to, _addresses(to.id, referral.service_id if sends else None) if told else []


def _given(
    referral: Referral, side: str, lines: Iterable[Line], to: Agency, addresses: list[str]
) -> list[Disclosure]:
    """Return what was given. The sender's disclosures are open to the recipient from its accept on.
    An earlier disclosure counts only as far as it was still ready then. Without an accept nothing
    was given."""
    releases = {one.id: one for one in Release.objects.filter(referral=referral)}
    if side == "from":
        found = given_by_sender(lines, referral.accepted_at, releases)
    else:
        found = [line for line in lines if line.gave]
    return [
        Disclosure(
            line.first,
            to,
            addresses,
            line.fields or [],
            line.purpose or "",
            releases[line.release_id],
        )
        for line in found
        if line.release_id in releases
    ]


def _addresses(agency_id: UUID, service_id: UUID | None) -> list[str]:
    """Return where an agency is, as an anonymous visitor finds it (T0): the places of the service
    that the survivor was sent to, otherwise those of the agency's services; only the first few. A
    confidential service has none, and its agency's office is left out too (R4)."""
    listing = listings.find(None, service_id) if service_id else None
    if service_id and listing is None:
        return []
    found = _places(listing) if listing else []
    if not found:
        services = listings.search(None, SearchQuery(answered_by=agency_id))
        found = [line for one in services.items for line in _places(one)]
    return list(dict.fromkeys(found))[:MOST_ADDRESSES]


def _places(listing: listings.Listing) -> list[str]:
    links = orjson.loads(listing.document).get("service_at_locations", ())
    places = [link["location"] for link in links if link.get("location")]
    return [
        ", ".join(
            part
            for part in (
                *(row.get(name) for name in ("address_1", "address_2", "city")),
                " ".join(filter(None, (row.get("state_province"), row.get("postal_code")))),
            )
            if part
        )
        for place in places
        for row in place.get("addresses", ())
    ]
