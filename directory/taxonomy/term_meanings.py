"""What the terms of sources mean, as the coordinator answers at the desk (ADR 0132).

The background work keeps a list of the terms that entries have, with what each may mean
(`draft_step`), and applies what was answered (`store_step`): a meaning changes every entry with the
term, so no request waits for it. Both do as `manage.py directory crosswalk` does
(directory/taxonomy/crosswalk.py), and each sees what the other stored.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction

from directory import meanings, vocabulary
from directory.coordinator_lists import cut, require_coordinator, require_kept
from directory.models import TermMeaning
from directory.projection.affected_parents import affected_organizations
from directory.projection.render import render_organizations
from directory.taxonomy import crosswalk
from directory.taxonomy.crosswalk import UsedTerm
from directory.vocabulary import Key
from permissions.database.advisory_locks import MEANING, try_lock
from permissions.database.aliases import JOBS
from permissions.database.db_identity import identified_transaction
from permissions.errors import BadRequest, NotVisible
from permissions.identity import brakes
from permissions.principal import Principal

ANSWERS = ("yes", "no", "")
PER_PAGE = 25
OF_MEMBER = brakes.Limit("term_answers", 300, timedelta(hours=1))
DRAFTED_AT_ONCE = 200  # terms
RENDERED_AT_ONCE = 20  # organizations, with all their services


class Term(NamedTuple):
    """A term, and what it may mean (`means`, the likeliest first) or means (`chosen`). `score` is
    of the first. `changes` goes with the answer to it. `due`: the answer is not applied yet."""

    id: UUID
    source: str
    name: str
    services: int
    means: list[Key]
    score: float
    answer: str
    chosen: list[Key]
    changes: int
    due: bool


class Place(NamedTuple):
    """Where a page of the list ends."""

    services: int
    id: UUID


# -- The coordinator -------------------------------------------------------------------------------


def listed(
    principal: Principal, answer: str, after: Place | None = None
) -> tuple[Sequence[Term], Place | None]:
    """The terms with this answer (`yes`, `no`; '': none yet), the most used first, and where the
    page ends if there are more. Raises NotPermitted."""
    found = _read(principal, [answer, *(after or (None, None)), None, PER_PAGE + 1])
    page, last = cut(found, PER_PAGE)
    return page, Place(last.services, last.id) if last else None


def find(principal: Principal, term_id: UUID) -> Term:
    """One term. Raises NotPermitted, NotVisible."""
    found = _read(principal, ["", None, None, term_id, 1])
    if not found:
        raise NotVisible
    return found[0]


def answer(
    principal: Principal, term_id: UUID, seen: int, said: str, means: Collection[Key] = ()
) -> None:
    """Say what a term means (`yes`), that it means none of ours (`no`), or take either back ('').
    `seen`: its `changes` as the caller saw them. The same answer twice is safe. Raises
    NotPermitted, NotVisible, BadRequest, TooOften, and StaleMatch if someone else answered."""
    require_coordinator(principal)
    known = vocabulary.by_key().keys()
    if said not in ANSWERS or bool(means) != (said == "yes"):
        raise BadRequest
    if not set(means) <= known or len(means) > TermMeaning.MOST:
        raise BadRequest
    with identified_transaction(principal), connection.cursor() as cursor:
        brakes.require_turn(OF_MEMBER, principal.caller_id)
        cursor.execute(
            "SELECT sec.answer_term(%s, %s, %s, %s)", [term_id, seen, said, _texts(means)]
        )
        (outcome,) = cursor.fetchone()
        require_kept(outcome)


def _read(principal: Principal, asked: list[Any]) -> list[Term]:
    require_coordinator(principal)
    with identified_transaction(principal), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM sec.term_meanings(%s, %s, %s, %s, %s)", asked)
        rows = [Term(*row) for row in cursor.fetchall()]
    return [one._replace(means=_keys(one.means), chosen=_keys(one.chosen)) for one in rows]


def _texts(keys: Iterable[Key]) -> list[str]:
    return sorted({"/".join(key) for key in keys})[: TermMeaning.MOST]


def _keys(texts: Iterable[object]) -> list[Key]:
    """Our terms of these texts, without any that we no longer have."""
    split = (str(one).partition("/") for one in texts)
    return [key for head, _, code in split if (key := (head, code)) in vocabulary.by_key()]


# -- The background work ---------------------------------------------------------------------------


def draft_step() -> bool:
    """Draft what some terms may mean; once all are drafted, list what entries have now. Returns
    whether there may be more. Safe to kill at any point and to run twice at once."""
    return _draft_some() or _list_used()


def store_step() -> bool:
    """Apply one answer, or render a portion of the entries that it changes. Returns whether there
    may be more. Safe to kill at any point; of two at once, one does nothing."""
    with try_lock(JOBS, MEANING) as free:
        return free and _store_one()


def _draft_some() -> bool:
    rows, version = TermMeaning.objects.using(JOBS), _version()
    some = list(rows.exclude(vocabulary=version).order_by("-services", "id")[:DRAFTED_AT_ONCE])
    likely = crosswalk.likely_meanings([one.id for one in some])
    for one in some:
        near = likely.get(one.id, [])
        one.means = ["/".join(key) for key, _ in near]
        one.score = near[0][1] if near else 0.0
        one.vocabulary = version
    rows.bulk_update(some, ["means", "score", "vocabulary"])
    return bool(some)


def _version() -> str:
    return ",".join(f"{one.key}:{one.version}" for one in vocabulary.taxonomies())


def _list_used() -> bool:
    """Make the list that of the terms that entries have now. A term that a name of ours says
    already is not on it, and an answered one stays. Returns whether there is one to draft."""
    used = {term.id: term for term in crosswalk.used_terms()}
    with transaction.atomic(using=JOBS):
        rows = TermMeaning.objects.using(JOBS)
        there = {one.id: one for one in rows.select_for_update().order_by("id")}
        stored = meanings.of_terms(used.keys() | there.keys(), JOBS)
        known = {term_id: _texts(keys) for term_id, keys in stored.items()}
        asked = {one.id: one for one in used.values() if _is_asked(one, known)}
        new = [_row(asked[one], known.get(one, [])) for one in asked.keys() - there.keys()]
        rows.bulk_create(new, ignore_conflicts=True)
        gone = {one.id for one in there.values() if _is_open(one)} - asked.keys()
        rows.filter(id__in=gone).delete()
        changed = [
            one
            for one in there.values()
            if one.id not in gone and _follows(one, used.get(one.id), known.get(one.id, []))
        ]
        fields = ["name", "services", "answer", "chosen", "changes", "vocabulary"]
        rows.bulk_update(changed, fields, batch_size=500)
    return bool(new or [one for one in changed if not one.vocabulary])


def _is_asked(term: UsedTerm, known: Mapping[UUID, list[str]]) -> bool:
    return term.id in known or not vocabulary.codes_for_name(term.name)


def _is_open(row: TermMeaning) -> bool:
    return not row.answer and not row.due


def _row(term: UsedTerm, chosen: list[str]) -> TermMeaning:
    return TermMeaning(
        id=term.id,
        source=term.source,
        name=term.name,
        services=term.services,
        answer="yes" if chosen else "",
        chosen=chosen,
    )


def _follows(row: TermMeaning, term: UsedTerm | None, chosen: list[str]) -> bool:
    """Take over what an import or the command line has changed, and return whether that is
    anything. An answer that is due counts more than what is stored."""
    before = row.name, row.services, row.chosen
    row.services = term.services if term else 0
    if term and row.name != term.name:
        row.name, row.vocabulary = term.name, ""
    if row.chosen != chosen and not row.due:
        row.answer, row.chosen = "yes" if chosen else "", chosen
        row.changes += 1
    return before != (row.name, row.services, row.chosen)


def _store_one() -> bool:
    with transaction.atomic(using=JOBS):
        rows = TermMeaning.objects.using(JOBS)
        row = rows.filter(due=True).order_by("answered_at", "id").first()
        if row is None:
            return False
        ours = {vocabulary.term_id(*key) for key in _keys(row.chosen)}
        crosswalk.store({row.id: ours}, crosswalk.Confirmed())
        shown = affected_organizations([("taxonomy_term", {"id": row.id})], using=JOBS)
        after = row.rendered_to
        left = sorted(one for one in shown if after is None or one > after)
        part = left[:RENDERED_AT_ONCE]
        if part:
            render_organizations(part)
        # An answer that was given meanwhile has set it to begin again.
        rows.filter(id=row.id, changes=row.changes).update(
            due=len(left) > len(part), rendered_to=part[-1] if part else None
        )
    return True
