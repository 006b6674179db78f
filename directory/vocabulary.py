"""Our own taxonomies as data: needs, victimization, and whom a service is for.

They are read once from directory/taxonomy/*.csv. This module knows no database
(directory/taxonomy/bundled.py loads them into it). The codes are ours and free to use; other
taxonomies are named, never copied.
"""

import csv
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from uuid import UUID, uuid5

FILES = Path(__file__).parent / "taxonomy"
NAMESPACE = UUID("b0f6c8f4-6a0e-5b0e-9a53-3c1d7e2f4a90")  # for the ids of our taxonomies and terms
SOURCE = "cairn-taxonomy"
LANGUAGES = ("en", "es")  # services have the terms of the first

Key = tuple[str, str]  # taxonomy key, code


@dataclass(frozen=True, slots=True)
class Term:
    """One of our terms in all its languages. `parent` is a code of the same taxonomy, or ''."""

    taxonomy: str
    code: str
    parent: str
    names: dict[str, str]  # by language
    descriptions: dict[str, str]
    synonyms: tuple[str, ...]  # what people type, in both languages
    open_eligibility: tuple[str, ...]  # Open Eligibility's names for it
    notice_needs: tuple[str, ...]  # codes of a referral's needs that it meets

    def name_in(self, language: str) -> str:
        """Its name in this language, in English if it has none."""
        return self.names.get(language) or self.names[LANGUAGES[0]]


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """One of our taxonomies; `key` is the name of its file.

    Raise `version` with every change, including synonyms: `directory load-taxonomy` then renders
    the entries that have its terms again, so that the new word finds them.
    """

    key: str
    names: dict[str, str]
    descriptions: dict[str, str]
    version: str
    terms: tuple[Term, ...]


@lru_cache
def taxonomies() -> tuple[Taxonomy, ...]:
    """All our taxonomies, with terms in the order of the file."""
    return tuple(
        Taxonomy(
            row["key"],
            _in_languages(row, "name"),
            _in_languages(row, "description"),
            row["version"],
            tuple(_terms(row["key"])),
        )
        for row in _rows("taxonomies")
    )


def terms() -> Iterator[Term]:
    """Every term of all our taxonomies."""
    for taxonomy in taxonomies():
        yield from taxonomy.terms


def taxonomy_id(taxonomy: str) -> UUID:
    """The id of one of our taxonomies, the same in every network."""
    return uuid5(NAMESPACE, taxonomy)


def term_id(taxonomy: str, code: str, language: str = LANGUAGES[0]) -> UUID:
    """The id of one of our terms, the same in every network. Each language has its own id."""
    return uuid5(NAMESPACE, f"{taxonomy}\n{code}\n{language}")


@lru_cache
def synonyms() -> dict[Key, list[str]]:
    """What people type for a term, in English and Spanish: ("needs", "civil-legal") → abogado …"""
    return {(term.taxonomy, term.code): list(term.synonyms) for term in terms()}


def codes_for_name(name: str) -> set[Key]:
    """Our terms for a name in Open Eligibility, or for one of our names in either language.

    Case, accents and the spelling of "and" make no difference.
    """
    return set(_by_name().get(_plain(name), ()))


@lru_cache(maxsize=10_000)
def ids_with_all_above(keys: frozenset[Key]) -> frozenset[UUID]:
    """The ids of these terms and all their ancestors, in every language. They find a service whose
    source names its needs in other words."""
    return frozenset(
        term_id(*key, language) for key in with_all_above(keys) for language in LANGUAGES
    )


@lru_cache
def key_by_id() -> dict[UUID, Key]:
    """Our terms by their ids, in every language."""
    return {
        term_id(term.taxonomy, term.code, language): (term.taxonomy, term.code)
        for term in terms()
        for language in LANGUAGES
    }


@lru_cache
def by_key() -> dict[Key, Term]:
    """Our terms."""
    return {(term.taxonomy, term.code): term for term in terms()}


def with_all_above(keys: Iterable[Key]) -> set[Key]:
    """These terms and all their ancestors in our taxonomies; unknown terms are kept."""
    found = set()
    for taxonomy, code in keys:
        while code:
            found.add((taxonomy, code))
            term = by_key().get((taxonomy, code))
            code = term.parent if term else ""
    return found


def codes_for_need(need: str) -> set[Key]:
    """Our terms for a code of a referral's `needs`, to search the directory by."""
    return {(term.taxonomy, term.code) for term in terms() if need in term.notice_needs}


def needs_met_by(term_ids: Iterable[UUID]) -> list[str]:
    """The codes of a referral's `needs` that a service with these terms meets; a group's term says
    too little, so only terms without others below them count."""
    ids, parents = set(term_ids), {term.parent for term in terms()}
    met = [
        need
        for term in terms()
        if term.code not in parents
        and ids & {term_id(term.taxonomy, term.code, one) for one in LANGUAGES}
        for need in term.notice_needs
    ]
    return list(dict.fromkeys(met))


@lru_cache
def _by_name() -> dict[str, set[Key]]:
    found: dict[str, set[Key]] = defaultdict(set)
    for term in terms():
        for name in (*term.names.values(), *term.open_eligibility):
            found[_plain(name)].add((term.taxonomy, term.code))
    return dict(found)


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.casefold().replace("&", " and "))
    return " ".join("".join(c for c in letters if not unicodedata.combining(c)).split())


def _terms(taxonomy: str) -> Iterator[Term]:
    for row in _rows(taxonomy):
        yield Term(
            taxonomy,
            row["code"],
            row["parent"],
            _in_languages(row, "name"),
            _in_languages(row, "description"),
            tuple(dict.fromkeys(_several(row["synonyms"]) + _several(row["synonyms_es"]))),
            _several(row["open_eligibility"]),
            _several(row.get("notice_needs", "")),
        )


def _in_languages(row: dict[str, str], column: str) -> dict[str, str]:
    return {"en": row[column], "es": row[f"{column}_es"]}


def _several(cell: str) -> tuple[str, ...]:
    return tuple(part for part in cell.split(";") if part)


def _rows(name: str) -> list[dict[str, str]]:
    with (FILES / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


VICTIMIZATION_TYPES = tuple(term.code for term in terms() if term.taxonomy == "victimization")
