"""The network's trainings: training is what makes cases be seen, so the two are counted together.

The coordinator keeps all of them, and a lead those of their own agency; no one else is shown any.
They hold no victim data: codes, a day, a number of heads, and the title of the training, which is
no place to leave a phone number or an address (ADR 0138). Each change has an access entry with the
training's id, so the log is its history.
"""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext_noop

from directory.coordinator_lists import cut, require_kept
from directory.models import Training as Row
from permissions import displayed_text
from permissions.audit import writer
from permissions.database.clock import database_now
from permissions.database.db_identity import identified_transaction
from permissions.errors import BadRequest, NotPermitted, NotVisible
from permissions.identity import brakes
from permissions.models import Agency
from permissions.principal import Principal

PER_PAGE = 25
MOST_IN_FILE = 5_000
FIRST_DAY = date(2000, 1, 1)
OF_MEMBER = brakes.Limit("training_changes", 300, timedelta(hours=1))
KEEPERS = ("lead", "coordinator")
REACHABLE = gettext_noop("A title has no phone number and no email address.")
NOT_HELD = gettext_noop("Enter the day on which it was held, from the year 2000 on.")
# A number of the American plan, with or without its area code; or any seven digits in one piece.
_NUMBER = re.compile(r"(?<!\d)(\d{3}\)?[\s.\-\u2010-\u2015]*)?\d{3}[\s.\-\u2010-\u2015]\d{4}(?!\d)")
_DIGITS = re.compile(r"\d{7}")


class Facts(NamedTuple):
    """What is said of a training. The codes are those of the model."""

    agency_id: UUID  # the trainer's
    held_on: date
    audience: str
    sector: str
    topic: str
    heads: int
    title: str


class Training(NamedTuple):
    """One training. `changes` goes with what is done to it."""

    id: UUID
    agency: str
    facts: Facts
    changes: int


class Filters(NamedTuple):
    """Which trainings: of these days, both included, and this sector."""

    since: date | None = None
    until: date | None = None
    sector: str = ""


ALL = Filters()


class Place(NamedTuple):
    """Where a page of the list ends."""

    held_on: date
    id: UUID


class Totals(NamedTuple):
    trainings: int
    people: int


class Page(NamedTuple):
    """`more`: where the page ends, if there are more. `totals` are of all, not of the page."""

    trainings: Sequence[Training]
    more: Place | None
    totals: Totals


def listed(
    principal: Principal,
    filters: Filters = ALL,
    after: Place | None = None,
    most: int = PER_PAGE,
) -> Page:
    """The trainings that the caller keeps, the newest first. Raises NotPermitted."""
    require_keeper(principal)
    with identified_transaction(principal):
        found = _read(filters, after, None, most + 1)
        totals = _totals(filters)
    page, last = cut(found, most)
    return Page(page, Place(last.facts.held_on, last.id) if last else None, totals)


def find(principal: Principal, training_id: UUID) -> Training:
    """One training. Raises NotPermitted, NotVisible."""
    require_keeper(principal)
    with identified_transaction(principal):
        return _one(training_id)


def add(principal: Principal, training_id: UUID, facts: Facts) -> None:
    """Enter a training under an id that the caller has made. The same again is safe. Raises
    NotPermitted, NotVisible (an agency whose trainings the caller does not keep), BadRequest,
    TooOften, and StaleMatch if this id has other facts."""
    checked = _checked(facts)
    with writer.logged_act(principal, "training.add", directory_id=training_id):
        require_keeper(principal)
        brakes.require_turn(OF_MEMBER, principal.caller_id)
        _store(training_id, None, checked)


def change(principal: Principal, training_id: UUID, seen: int, facts: Facts) -> None:
    """Correct a training. `seen`: its `changes` as the caller saw them. The same again is safe.
    Raises NotPermitted, NotVisible, BadRequest, TooOften, and StaleMatch if someone else changed
    it."""
    checked = _checked(facts)
    with writer.logged_act(principal, "training.change", directory_id=training_id) as act:
        require_keeper(principal)
        brakes.require_turn(OF_MEMBER, principal.caller_id)
        before = _one(training_id).facts
        _store(training_id, seen, checked)
        act.record(
            fields=[
                name.removesuffix("_id")
                for name in Facts._fields
                if getattr(before, name) != getattr(checked, name)
            ]
        )


def delete(principal: Principal, training_id: UUID, seen: int) -> None:
    """Delete a training for good. Raises NotPermitted, NotVisible, TooOften, StaleMatch."""
    with writer.logged_act(principal, "training.delete", directory_id=training_id):
        require_keeper(principal)
        brakes.require_turn(OF_MEMBER, principal.caller_id)
        with connection.cursor() as cursor:
            cursor.execute("SELECT sec.delete_training(%s, %s)", [training_id, seen])
            (outcome,) = cursor.fetchone()
        require_kept(outcome)


def trainers(principal: Principal) -> list[tuple[UUID, str]]:
    """The agencies whose trainings the caller keeps, by name: every agency for the coordinator,
    also one that has left. Raises NotPermitted."""
    require_keeper(principal)
    agencies = Agency.objects.filter(exercise__isnull=True)
    if not principal.has_role("coordinator"):
        agencies = agencies.filter(id=principal.agency_id)
    return list(agencies.order_by("name", "id").values_list("id", "name"))


def require_keeper(principal: Principal) -> None:
    """Raises NotPermitted unless it is a lead or a coordinator in person, and not in practice."""
    if principal.is_client or principal.practices or not principal.has_role(*KEEPERS):
        raise NotPermitted("role_missing", "Trainings are kept by the coordinator and by leads.")


def fault_of_title(title: str) -> str | None:
    """Why a title cannot be taken, in words; None: it can. It is normalized."""
    if fault := displayed_text.fault_of(title, lines=False):
        return fault
    if "@" in title or _NUMBER.search(title) or _DIGITS.search(title):
        return REACHABLE
    return None


def _checked(facts: Facts) -> Facts:
    """The facts as they are stored. Raises BadRequest."""
    title = displayed_text.normalized(facts.title).strip()
    known = {"audience": Row.AUDIENCES, "sector": Row.SECTORS, "topic": Row.TOPICS}
    for name, codes in known.items():
        if getattr(facts, name) not in codes:
            raise BadRequest("invalid", None, f"/{name}")
    # A day ahead of the database's is today in a time zone east of it.
    if not FIRST_DAY <= facts.held_on <= (database_now("default") + timedelta(days=1)).date():
        raise BadRequest("invalid", NOT_HELD, "/held_on")
    if not 1 <= facts.heads <= Row.MOST_HEADS:
        raise BadRequest("invalid", None, "/heads")
    if len(title) > Row.MOST_TITLE:
        raise BadRequest("invalid", None, "/title")
    if fault := fault_of_title(title):
        raise BadRequest("invalid", fault, "/title")
    return facts._replace(title=title)


def _store(training_id: UUID, seen: int | None, facts: Facts) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sec.store_training(%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [training_id, seen, *facts],
        )
        (outcome,) = cursor.fetchone()
    require_kept(outcome)


def _one(training_id: UUID) -> Training:
    found = _read(Filters(), None, training_id, 1)
    if not found:
        raise NotVisible
    return found[0]


def _read(filters: Filters, after: Place | None, one: UUID | None, most: int) -> Sequence[Training]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM sec.trainings(%s, %s, %s, %s, %s, %s, %s)",
            [*filters, *(after or (None, None)), one, most],
        )
        return [_training(row) for row in cursor.fetchall()]


def _training(row: tuple[UUID, UUID, str, date, str, str, str, int, str, int]) -> Training:
    id_, agency_id, agency, *_facts, changes = row
    return Training(id_, agency, Facts(agency_id, *row[3:9]), changes)


def _totals(filters: Filters) -> Totals:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM sec.training_totals(%s, %s, %s)", list(filters))
        return Totals(*cursor.fetchone())
