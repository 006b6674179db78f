"""Channels: the mail addresses and phone numbers (SMS, voice) of an agency and its members, and
members' own devices (push).

Members manage their own, an agency_admin the agency's; row-level security shows them to no one
else (policies/channel.sql). Access entries, log lines and refusals contain no address. referrals/
decides what is sent to them, and when: to a channel that is not proven, only the code that proves
it.
"""

import re
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection

from permissions.audit import writer
from permissions.database.db_identity import identified_transaction
from permissions.database.uuid7 import uuid7
from permissions.errors import BadRequest, NotPermitted, NotPossible, NotVisible
from permissions.models import DUTY, Membership
from permissions.principal import Principal

USES = ("own", "duty", "escalation")
KINDS = ("mail", "sms", "voice")  # that a person enters; a device (push) says its own address
LANGUAGES = ("en", "es")
MOST_CHANNELS = 20  # of one use, one member or agency

_MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
MOST_NAME = 40  # characters of a device's name
_COLUMNS = (
    "id, use, kind, coalesce(name, address), language, position, proven_at, test_asked_at,"
    " test_outcome"
)
_NORTH_AMERICAN = re.compile(r"\+1[2-9]\d{2}[2-9]\d{6}")
_PREMIUM = re.compile(r"\+1(900|\d{3}976)")  # their callers pay the one who is called


class Channel(NamedTuple):
    id: UUID
    use: str
    kind: str
    address: str  # of a device: its name
    language: str
    position: int
    proven_at: datetime | None  # None: nothing but its code is sent there
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


def own_number(principal: Principal) -> str:
    """The acting member's own confirmed phone number, to fill a form in for them; '' if there is
    none. No access entry: it is shown to its owner alone. Raises NotPermitted for a system."""
    require_member_in_person(principal)
    with identified_transaction(principal):
        found = _read("use = 'own' AND kind IN ('sms', 'voice') AND proven_at IS NOT NULL", [])
    return found[0].address if found else ""


def add_channel(
    principal: Principal,
    kind: str,
    address: str,
    *,
    use: str = "own",
    language: str = "en",
    position: int = 1,
) -> Channel:
    """Add a channel to reach the caller or the agency. Nothing is sent there until it is proven
    (`prove_channel`). Adding the same one again only changes its language and position: twice is
    safe. Raises BadRequest, NotPermitted, NotPossible."""
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
        _require_room(use)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO channel (id, agency_id, membership_id, use, kind, address, language,"
                " position) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (agency_id, membership_id, use, kind, address)"
                " DO UPDATE SET language = excluded.language, position = excluded.position",
                [uuid7(), principal.agency_id, member, use, kind, address, language, position],
            )
        return _read("use = %s AND kind = %s AND address = %s", [use, kind, address])[0]


def add_device(principal: Principal, endpoint: str, keys: str, name: str, language: str) -> Channel:
    """Add the caller's own device, as its browser describes it (referrals/push/devices.py, which
    checks endpoint and keys). Only its code is sent there until it is proven. The same device again
    changes its language: twice is safe. Raises BadRequest, NotPermitted, NotPossible."""
    name = " ".join(name.split())
    if not 0 < len(name) <= MOST_NAME:
        raise BadRequest("invalid", f"1 to {MOST_NAME} characters.", "/name")
    if language not in LANGUAGES:
        raise BadRequest("unknown_code", f"language is one of {', '.join(LANGUAGES)}.", "/language")
    with writer.logged_act(principal, "channel.add"):
        member = require_member_in_person(principal)
        _require_room("own")
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO channel (id, agency_id, membership_id, use, kind, address, language,"
                " name, push_keys) VALUES (%s, %s, %s, 'own', 'push', %s, %s, %s, %s)"
                " ON CONFLICT (agency_id, membership_id, use, kind, address)"
                " DO UPDATE SET language = excluded.language",
                [uuid7(), principal.agency_id, member, endpoint, language, name, keys],
            )
        return _read("use = 'own' AND kind = 'push' AND address = %s", [endpoint])[0]


def prove_channel(principal: Principal, channel_id: UUID, code: str) -> Channel:
    """Prove that the caller reads what is sent to a channel, by the code that was sent there,
    with or without spaces and hyphens.

    Twice is safe: a proven channel stays so. A code lives ten minutes and takes five tries. Raises
    NotVisible, NotPossible.
    """
    act, digits = "channel.prove", code.replace(" ", "").replace("-", "")
    with writer.log_refusals(principal, act):
        # A wrong code is counted: this transaction commits before it is refused.
        with identified_transaction(principal) as now, connection.cursor() as cursor:
            found = find_channel(channel_id)
            if found.proven_at is None:
                cursor.execute("SELECT sec.prove_channel(%s, %s)", [channel_id, digits])
                (verdict,) = cursor.fetchone()
            else:
                verdict = "proven"
            if verdict == "proven":
                writer.LoggedAct(principal, act, None, now).record()
                found = find_channel(channel_id)
        if verdict == "wrong":
            raise NotPossible("wrong_code", "This is not the code. Check the message again.")
        if verdict == "none":
            raise NotPossible("no_code", "No code is valid for it now. Ask for a new one.")
    return found


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
        raise NotPermitted("not_a_person", "Members manage their own channels, at the desk.")
    return principal.member_id


def normalize_address(kind: str, address: str) -> str:
    """The address as it is stored: a mail address, or an E.164 number. Raises BadRequest."""
    text = address.strip()
    if kind == "mail":
        if len(text) > 254 or not _MAIL.fullmatch(text):
            raise BadRequest(
                "address", "Enter an email address, such as duty@example.org.", "/address"
            )
        return text
    digits = re.sub(r"[ ().-]", "", text)
    if re.fullmatch(r"1?[2-9]\d{9}", digits):  # the North American plan, as people write it
        digits = "+1" + digits[-10:]
    if not re.fullmatch(r"\+[1-9]\d{6,14}", digits):
        raise BadRequest("address", "Enter a phone number, such as 406-555-0111.", "/address")
    if not may_be_called(digits):
        raise BadRequest(
            "number_not_called",
            "Cairn does not call this number: it is in another country, or its callers pay extra.",
            "/address",
        )
    return digits


def may_be_called(number: str) -> bool:
    """Whether the number is in a country that the operator allows, and at no premium rate."""
    if not number.startswith(tuple(f"+{country}" for country in settings.PHONE_COUNTRIES)):
        return False
    if not number.startswith("+1"):
        return True
    return bool(_NORTH_AMERICAN.fullmatch(number)) and not _PREMIUM.match(number)


def _require_room(use: str) -> None:
    if len(_read("use = %s", [use])) >= MOST_CHANNELS:
        raise NotPossible(
            "too_many_channels",
            f"You can have at most {MOST_CHANNELS} channels. Remove one first.",
        )


def _owner_of(principal: Principal, use: str) -> UUID | None:
    """The membership that a channel of this use belongs to; None for an agency's channel. Raises
    NotPermitted."""
    member = require_member_in_person(principal)
    if use == "own":
        return member
    if not principal.has_role("agency_admin"):
        raise NotPermitted("role_missing", "Only an agency_admin manages the agency's channels.")
    return None


def _read(condition: str, values: list[UUID | str]) -> list[Channel]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM channel WHERE {condition}"  # noqa: S608 (of fixed parts)
            " ORDER BY use, position, created_at, id",
            values,
        )
        return [Channel._make(row) for row in cursor.fetchall()]
