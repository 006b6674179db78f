"""Channels: the mail addresses and phone numbers (SMS, voice) of an agency and its members.

Members manage their own, an agency_admin the agency's; row-level security shows them to no one
else (policies/channel.sql). Access entries, log lines and refusals contain no address. referrals/
decides what is sent to them, and when.
"""

import re
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from permissions.audit import writer
from permissions.database.uuid7 import uuid7
from permissions.errors import BadRequest, NotPermitted, NotPossible, NotVisible
from permissions.models import DUTY, Membership
from permissions.principal import Principal

USES = ("own", "duty", "escalation")
KINDS = ("mail", "sms", "voice")
LANGUAGES = ("en", "es")
MOST_CHANNELS = 20  # of one use, one member or agency

_MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_COLUMNS = "id, use, kind, address, language, position, test_asked_at, test_outcome"


class Channel(NamedTuple):
    id: UUID
    use: str
    kind: str
    address: str
    language: str
    position: int
    test_asked_at: datetime | None
    test_outcome: str | None


class CallerChannels(NamedTuple):
    """One caller's duty status and own channels, and the agency's (None: not visible to them)."""

    duty: str
    own: list[Channel]
    agencys: list[Channel] | None


def list_channels(principal: Principal) -> CallerChannels:
    """The caller's own channels and duty status, and the agency's channels for its agency_admin.

    Writes one access entry. Raises NotPermitted for a system: a private number belongs to its
    owner.
    """
    with writer.logged_act(principal, "channels.read") as attempt:
        member = require_member_in_person(principal)
        attempt.record()
        found = _read("TRUE", [])
        duty = Membership.objects.values_list("duty", flat=True).get(id=member)
    agencys = [one for one in found if one.use != "own"]
    shown = agencys if principal.has_role("agency_admin") else None
    return CallerChannels(duty, [one for one in found if one.use == "own"], shown)


def add_channel(
    principal: Principal,
    kind: str,
    address: str,
    *,
    use: str = "own",
    language: str = "en",
    position: int = 1,
) -> Channel:
    """Add a channel to reach the caller or the agency. Adding the same one again only changes its
    language and position: twice is safe. Raises BadRequest, NotPermitted, NotPossible."""
    for name, value, known in (
        ("kind", kind, KINDS),
        ("use", use, USES),
        ("language", language, LANGUAGES),
    ):
        if value not in known:
            raise BadRequest("unknown_code", f"{name} is one of {', '.join(known)}.", f"/{name}")
    if not 1 <= position <= MOST_CHANNELS:
        raise BadRequest("invalid", f"1 to {MOST_CHANNELS}.", "/position")
    address = normalize_address(kind, address)
    with writer.logged_act(principal, "channel.add"):
        member = _owner_of(principal, use)
        if len(_read("use = %s", [use])) >= MOST_CHANNELS:
            raise NotPossible("too_many_channels", f"At most {MOST_CHANNELS}. Take one off first.")
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO channel (id, agency_id, membership_id, use, kind, address, language,"
                " position) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (agency_id, membership_id, use, kind, address)"
                " DO UPDATE SET language = excluded.language, position = excluded.position",
                [uuid7(), principal.agency_id, member, use, kind, address, language, position],
            )
        return _read("use = %s AND kind = %s AND address = %s", [use, kind, address])[0]


def remove_channel(principal: Principal, channel_id: UUID) -> None:
    """Remove a channel. Raises NotVisible, also if it was removed before."""
    with writer.logged_act(principal, "channel.remove"), connection.cursor() as cursor:
        cursor.execute("SELECT sec.remove_channel(%s)", [channel_id])
        if cursor.fetchone() != (True,):
            raise NotVisible


def record_test_arrival(principal: Principal, channel_id: UUID, yes: bool) -> Channel:
    """Record whether the test message arrived. Twice is safe: the last answer counts.

    Raises NotVisible, NotPossible (no test was requested).
    """
    with writer.logged_act(principal, "channel.tested"):
        if find_channel(channel_id).test_asked_at is None:
            raise NotPossible("not_tested", "Ask for a test first.")
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE channel SET test_outcome = %s WHERE id = %s",
                ["arrived" if yes else "not_arrived", channel_id],
            )
        return find_channel(channel_id)


def set_duty(principal: Principal, duty: str) -> str:
    """Set the caller's duty status: on call, reachable or off duty. Twice is safe.

    Raises BadRequest, NotPermitted.
    """
    if duty not in DUTY:
        raise BadRequest("unknown_code", f"duty is one of {', '.join(DUTY)}.", "/duty")
    with writer.logged_act(principal, "member.set_duty", None):
        Membership.objects.filter(id=require_member_in_person(principal)).update(duty=duty)
    return duty


def find_channel(channel_id: UUID) -> Channel:
    """A channel that this transaction's caller manages. Raises NotVisible."""
    rows = _read("id = %s", [channel_id])
    if not rows:
        raise NotVisible
    return rows[0]


def require_member_in_person(principal: Principal) -> UUID:
    """The calling member's id. Raises NotPermitted for a system, even if it names a member."""
    if principal.is_client or principal.member_id is None:
        raise NotPermitted("not_a_person", "A member keeps her own channels at the desk.")
    return principal.member_id


def normalize_address(kind: str, address: str) -> str:
    """The address as it is stored: a mail address, or an E.164 number. Raises BadRequest."""
    text = address.strip()
    if kind == "mail":
        if len(text) > 254 or not _MAIL.fullmatch(text):
            raise BadRequest("address", "A mail address, such as duty@example.org.", "/address")
        return text
    digits = re.sub(r"[ ().-]", "", text)
    if re.fullmatch(r"1?[2-9]\d{9}", digits):  # the North American plan, as people write it
        digits = "+1" + digits[-10:]
    if not re.fullmatch(r"\+[1-9]\d{6,14}", digits):
        raise BadRequest("address", "A phone number, such as 406-555-0111.", "/address")
    return digits


def _owner_of(principal: Principal, use: str) -> UUID | None:
    """The membership that a channel of this use belongs to; None for an agency's channel. Raises
    NotPermitted."""
    member = require_member_in_person(principal)
    if use == "own":
        return member
    if not principal.has_role("agency_admin"):
        raise NotPermitted("role_missing", "The agency's channels are its agency_admin's to keep.")
    return None


def _read(condition: str, values: list[UUID | str]) -> list[Channel]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM channel WHERE {condition}"  # noqa: S608 (of fixed parts)
            " ORDER BY use, position, created_at, id",
            values,
        )
        return [Channel._make(row) for row in cursor.fetchall()]
