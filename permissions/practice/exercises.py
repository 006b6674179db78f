"""Begins, joins, leaves and ends an exercise.

Each agency that takes part has an agency of its own in the exercise, and each person who joins a
membership there, with those of their roles that do casework. It is a membership like any other: its
MAC is made by a key outside the database, and its sign-ins end with the exercise. So practice needs
no rule of its own: what keeps agencies apart keeps it apart from what is live.

Runs as `signin`. Its entries are of the agency in the exercise: auditors find them under the filter
for practice, and nowhere else.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connections, transaction

from permissions.audit import writer
from permissions.card.card_rows import LETTERS
from permissions.database.clock import database_now
from permissions.database.uuid7 import uuid7
from permissions.errors import NotPermitted, NotPossible
from permissions.identity import brakes, credentials, row_macs
from permissions.identity.contact_channels import require_member_in_person
from permissions.models import CASEWORK, Agency, Exercise, Membership
from permissions.principal import Principal

LASTS = timedelta(hours=4)
LENGTH = 8  # letters of a code: one of 25,600,000,000
BEGUN = brakes.Limit("exercises", 10, timedelta(days=1))  # by one agency
TRIED = brakes.Limit("exercise_codes", 10, timedelta(hours=1))  # by one member


class Joined(NamedTuple):
    """A member of an exercise, and when it ends."""

    member: Membership
    ends_at: datetime


class Overview(NamedTuple):
    """An exercise as its members see it: its code, its end, and which agencies take part."""

    code: str
    ends_at: datetime
    agencies: Sequence[str]
    is_mine: bool  # whether the caller began it, and may end it


def begin(principal: Principal) -> Joined:
    """Begin an exercise that ends by itself after LASTS, as a lead, and join it. Twice is two
    exercises. Raises NotPermitted, NotPossible (in an exercise already), TooOften, Unavailable."""
    with writer.log_refusals(principal, "practice.begin"), transaction.atomic(using="signin"):
        home = _home(principal)
        if not principal.has_role("lead"):
            raise NotPermitted("role_missing", "Your role in this agency does not include this.")
        brakes.require_turn(BEGUN, principal.agency_id, using="signin")
        now = database_now("signin")
        made = Exercise.objects.using("signin").create(
            code="".join(secrets.choice(LETTERS) for _ in range(LENGTH)),
            begun_by=home,
            begins_at=now,
            ends_at=now + LASTS,
        )
        return _enter(made, home, "practice.begin")


def join(principal: Principal, code: str) -> Joined:
    """Join the exercise with this code, as a caseworker. Twice is safe. A code of an exercise that
    is over is answered like one that never was. Raises NotPermitted, NotPossible (`no_exercise`; in
    an exercise already), TooOften, Unavailable."""
    with writer.log_refusals(principal, "practice.join"):
        home = _home(principal)
        with transaction.atomic(using="signin"):  # counted whether or not the code is right
            brakes.require_turn(TRIED, home.id, using="signin")
        plain = "".join(one for one in code.upper() if one in LETTERS)
        with transaction.atomic(using="signin"):
            found = Exercise.objects.using("signin").filter(
                code=plain, ended_at=None, ends_at__gt=database_now("signin")
            )
            exercise = found.first()
            if exercise is None:
                raise _no_exercise()
            joined = _enter(exercise, home, "practice.join")
            brakes.give_back(TRIED, home.id, using="signin")
        return joined


def leave(principal: Principal, secret: str) -> None:
    """End the caller's sign-in in the exercise, whose secret this is. They may join again. Twice is
    safe. Raises Unavailable."""
    with transaction.atomic(using="signin"):
        credentials.log_sign_in(
            "practice.leave", agency_id=principal.agency_id, member_id=principal.member_id
        )
        credentials.end_credential(secret)


def end(principal: Principal) -> None:
    """End the exercise that the caller is in and began, for all who are in it. Twice is safe.
    Raises NotPermitted, Unavailable."""
    with writer.log_refusals(principal, "practice.end"), transaction.atomic(using="signin"):
        exercise = _exercise(principal)
        if exercise.begun_by.person_id != principal.person_id:
            raise NotPermitted("not_begun_by_you", "Only who began the exercise ends it for all.")
        credentials.log_sign_in(
            "practice.end", agency_id=principal.agency_id, member_id=principal.member_id
        )
        for agency in exercise.agencies.using("signin"):
            credentials.end_all_of_agency(agency.id)
        with connections["signin"].cursor() as cursor:
            cursor.execute("SELECT sec.end_exercise(%s)", [exercise.id])


def overview(principal: Principal) -> Overview:
    """The exercise that the caller is in. Raises NotPossible for a caller who is in none."""
    exercise = _exercise(principal)
    names = exercise.agencies.using("signin").order_by("name").values_list("name", flat=True)
    is_mine = exercise.begun_by.person_id == principal.person_id
    return Overview(_spaced(exercise.code), exercise.ends_at, list(names), is_mine)


def ends_at(principal: Principal) -> datetime:
    """When the exercise that the caller is in ends by itself. One query."""
    assert principal.exercise_id is not None
    moment: datetime = Exercise.objects.values_list("ends_at", flat=True).get(
        id=principal.exercise_id
    )
    return moment


def own_agencies(principal: Principal) -> dict[UUID, UUID]:
    """The agencies of the caller's exercise, by the live agency for which each answers there; only
    those that someone joined. One query. Empty for a caller who is live."""
    if principal.exercise_id is None:
        return {}
    found = Agency.objects.filter(exercise_id=principal.exercise_id, active=True)
    return dict(found.values_list("practice_of_id", "id"))


def _home(principal: Principal) -> Membership:
    """The caller's live membership. Raises NotPermitted, NotPossible, Unavailable."""
    member_id = require_member_in_person(principal)
    if not principal.has_role(*CASEWORK):
        raise NotPermitted("role_missing", "Workers and leads take part in an exercise.")
    if principal.practices:
        raise NotPossible("in_exercise", "You are in an exercise. Leave it first.")
    home: Membership = Membership.objects.using("signin").get(id=member_id)
    row_macs.require_bound(home)
    return home


def _enter(exercise: Exercise, home: Membership, act: str) -> Joined:
    """Make the member of the exercise, in the open transaction of `signin`, with the entry."""
    with connections["signin"].cursor() as cursor:
        cursor.execute(
            "SELECT sec.begin_practice_agency(%s, %s, %s)", [uuid7(), exercise.id, home.agency_id]
        )
        row = cursor.fetchone()
    if row is None or row[0] is None:  # it ended just now
        raise _no_exercise()
    roles = sorted(CASEWORK & set(home.roles))
    member, made = Membership.objects.using("signin").get_or_create(
        agency_id=UUID(str(row[0])),
        person_id=home.person_id,
        defaults={"name": home.name, "roles": roles},
    )
    if not made and sorted(member.roles) != roles:
        member.roles = roles
        member.save(using="signin", update_fields=["roles"])
    credentials.log_sign_in(act, agency_id=member.agency_id, member_id=member.id)
    return Joined(member, exercise.ends_at)


def _exercise(principal: Principal) -> Exercise:
    if principal.exercise_id is None:
        raise _no_exercise()
    found = Exercise.objects.using("signin").select_related("begun_by")
    exercise: Exercise = found.get(id=principal.exercise_id)
    return exercise


def _no_exercise() -> NotPossible:
    return NotPossible("no_exercise", "No exercise is under way with this code.")


def _spaced(code: str) -> str:
    """A code as people say it: in two groups of four letters."""
    return f"{code[: LENGTH // 2]} {code[LENGTH // 2 :]}"
