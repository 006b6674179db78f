"""Searches without a match: counted by taxonomy codes, area and month, never by words.

The task force has to know which needs nothing in the county meets. Who asked, when and in which
words is not stored. Only the coordinator reads the counts. The same search by the same caller, or
from the same network, counts once an hour.
"""

import re
from collections.abc import Iterable
from datetime import timedelta
from functools import lru_cache
from uuid import UUID

from django.db import connection

from directory.licensed_terms import SHOWN
from directory.postcodes import postcode
from directory.search import not_listed
from directory.search.query import SearchQuery
from directory.vocabulary import VICTIMIZATION_TYPES, codes_for_name, synonyms
from permissions.audit import writer
from permissions.identity import brakes
from permissions.principal import Principal

MOST_CODES = 10  # per search
ONCE = brakes.Limit("unmet_search", 1, timedelta(hours=1))


def is_counted(asked: SearchQuery, in_vain: bool) -> bool:
    """Whether there may be something to count: a search in vain, or one for what no taxonomy of
    ours has. Whatever that finds is something else."""
    return in_vain or not_listed.code_for(asked.text) is not None


def record_unmet_search(
    principal: Principal | None, asked: SearchQuery, area: str = "", *, in_vain: bool = True
) -> None:
    """Count a search without a match, if codes can express it ("needs:emergency-shelter"); else
    keep nothing.

    Each code is counted by itself: what was searched for together is nowhere. What is not listed is
    counted also if something else was found (`in_vain`: nothing was). Nothing is counted in an
    exercise. `area` is a postcode: the first three of its five digits are kept, and nothing of any
    other text. Runs in the caller's transaction.
    """
    if principal is not None and principal.practices:
        return
    who = principal.caller_id if principal else writer.origin.get().address_prefix
    codes = set(_missed(asked)) if in_vain else set()
    if gap := not_listed.code_for(asked.text):
        codes.add(f"not_listed:{gap}")
    if codes and brakes.has_turn(ONCE, who, _area(area), *sorted(codes)):
        _count(codes, _area(area))


def _missed(asked: SearchQuery) -> Iterable[str]:
    yield from (f"{taxonomy}:{code}" for taxonomy, code in _spoken(asked.text))
    yield from _of_types([asked.victimization_type])
    yield from _of_terms(asked.needs)


def record_unmet_call(terms: Iterable[UUID], types: Iterable[str]) -> None:
    """Count a need that a service, given by its terms, could not meet when it was called.

    Runs in the caller's transaction; the service itself is not kept.
    """
    _count({*_of_terms(terms), *_of_types(types)})


def _area(text: str) -> str:
    code = postcode(text)
    return code[:3] if re.fullmatch(r"\d{5}", code, re.ASCII) else ""


def _count(codes: set[str], area: str = "") -> None:
    if codes:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT sec.count_unmet_search(gen_random_uuid(), ARRAY[one], %s)"
                " FROM unnest(%s::text[]) one",
                [area, sorted(codes)[:MOST_CODES]],
            )


def _spoken(words: str) -> set[tuple[str, str]]:
    """The terms of our own taxonomies that exactly these words name."""
    return codes_for_name(words) | _by_synonym().get(words.casefold(), set())


@lru_cache
def _by_synonym() -> dict[str, set[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = {}
    for key, words in synonyms().items():
        for word in words:
            found.setdefault(word.casefold(), set()).add(key)
    return found


def _of_types(types: Iterable[str]) -> Iterable[str]:
    """Only types of our own list: anything else could be a person's text."""
    return [f"victimization:{one}" for one in types if one in VICTIMIZATION_TYPES]


def _of_terms(terms: Iterable[UUID]) -> Iterable[str]:
    if not (ids := [str(one) for one in terms]):
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(x.external_id, '') || ':' || t.code FROM directory_taxonomyterm t"
            " LEFT JOIN directory_taxonomy x ON x.id = t.taxonomy_id"
            f" WHERE t.id = ANY (%s::uuid[]) AND t.code <> '' AND {SHOWN}",
            [ids],
        )
        return [row[0] for row in cursor.fetchall()]
