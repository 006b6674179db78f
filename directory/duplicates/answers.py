"""What the coordinator says of two services that are likely the same (ADR 0137).

The background work finds pairs (likeness.py) and applies what was answered (`step`): of two that
are the same, one is hidden (directory/projection/replacements.py). An answer only writes its row.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.db.models import F

from directory.coordinator_lists import cut, require_coordinator, require_kept
from directory.models import Duplicate
from directory.projection.render import lock_entries, render
from permissions.database.advisory_locks import MERGING, try_lock
from permissions.database.aliases import JOBS
from permissions.database.db_identity import identified_transaction
from permissions.errors import BadRequest, NotVisible
from permissions.identity import brakes
from permissions.principal import Principal

ANSWERS = ("same", "different", "")
PER_PAGE = 10
OF_MEMBER = brakes.Limit("duplicate_answers", 300, timedelta(hours=1))


class Side(NamedTuple):
    """One of the two, as the public reads it. `source`: '' if an agency of the network made it;
    `answered_by`: the agency of the network that takes its referrals, so that it is never hidden.
    """

    id: UUID
    name: str
    organization: str
    source: str
    status: str
    phones: list[str]
    addresses: list[str]
    website: str
    checked: str  # the day, as the standard writes it
    answered_by: str


class Pair(NamedTuple):
    """Two services that are likely the same. `kept_id`: which one is shown, where the answer is
    `same`. `changes` goes with the answer to it. `due`: the answer is not applied yet."""

    id: UUID
    score: float
    reasons: list[str]
    answer: str
    kept_id: UUID | None
    changes: int
    due: bool
    first: Side
    second: Side


class Place(NamedTuple):
    """Where a page of the list ends."""

    score: float
    id: UUID


# -- The coordinator -------------------------------------------------------------------------------


def listed(
    principal: Principal, answer: str, after: Place | None = None
) -> tuple[Sequence[Pair], Place | None]:
    """The pairs with this answer (`same`, `different`; '': none yet), the likeliest first, and
    where the page ends if there are more. Both services of each are public. Raises NotPermitted."""
    found = _read(principal, [answer, *(after or (None, None)), None, PER_PAGE + 1])
    page, last = cut(found, PER_PAGE)
    return page, Place(last.score, last.id) if last else None


def find(principal: Principal, pair_id: UUID) -> Pair:
    """One pair. Raises NotPermitted, NotVisible."""
    found = _read(principal, ["", None, None, pair_id, 1])
    if not found:
        raise NotVisible
    return found[0]


def answer(
    principal: Principal, pair_id: UUID, seen: int, said: str, kept: UUID | None = None
) -> None:
    """Say that the two are the same and which one is `kept` in lists (`same`), that they are
    `different`, or take either back (''). `seen`: its `changes` as the caller saw them. The same
    answer twice is safe. Raises NotPermitted, NotVisible, BadRequest, TooOften, and StaleMatch if
    someone else answered, or if the other one may not be hidden."""
    require_coordinator(principal)
    if said not in ANSWERS or (kept is not None) != (said == "same"):
        raise BadRequest
    with identified_transaction(principal), connection.cursor() as cursor:
        brakes.require_turn(OF_MEMBER, principal.caller_id)
        cursor.execute("SELECT sec.answer_duplicate(%s, %s, %s, %s)", [pair_id, seen, said, kept])
        (outcome,) = cursor.fetchone()
        require_kept(outcome)


def _read(principal: Principal, asked: list[Any]) -> list[Pair]:
    require_coordinator(principal)
    with identified_transaction(principal), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM sec.duplicates(%s, %s, %s, %s, %s)", asked)
        return [
            Pair._make([*row[:-2], _side(row[-2]), _side(row[-1])]) for row in cursor.fetchall()
        ]


def _side(stored: Any) -> Side:
    said: dict[str, Any] = orjson.loads(stored) if isinstance(stored, str) else stored
    numbers = (" x".join(filter(None, (p["number"], p["extension"]))) for p in said["phones"])
    return Side(
        **said
        | {
            "id": UUID(said["id"]),
            "phones": list(numbers),
            **{name: said[name] or "" for name in ("website", "checked", "answered_by")},
        }
    )


# -- The background work ---------------------------------------------------------------------------


def step() -> bool:
    """Apply one answer: hide one of the two, or show again what was hidden. Returns whether there
    may be more. Safe to kill at any point; of two at once, one does nothing."""
    with try_lock(JOBS, MERGING) as free:
        return free and _apply_one()


def _apply_one() -> bool:
    with transaction.atomic(using=JOBS):
        rows = Duplicate.objects.using(JOBS)
        # What was taken back first: another pair may hide that service now.
        due = rows.filter(due=True).order_by(F("hidden_id").asc(nulls_last=True), "answered_at")
        row = due.first()
        if row is None:
            return False
        both = sorted((row.first_id, row.second_id))
        # Who makes one of them confidential waits, and then finds the pair applied.
        lock_entries(both, [])
        hidden = row.second_id if row.kept_id == row.first_id else row.first_id
        # An answer that was given meanwhile leaves it due.
        rows.filter(id=row.id, changes=row.changes).update(
            due=False, hidden_id=hidden if row.kept_id else None, shown_id=row.kept_id
        )
        render(both)
    return True
