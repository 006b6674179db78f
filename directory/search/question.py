"""Reads what a person asked: which of its words belong together, and what an entry may call it.

"my husband hits me" has a unit that an entry calls "domestic violence", and "refugio" one that it
calls "shelter". The phrases are those of our taxonomies and of directory/taxonomy/thesaurus.csv.
This module knows no database.
"""

import csv
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import lru_cache
from itertools import chain
from typing import NamedTuple
from uuid import UUID

from directory.vocabulary import FILES, LANGUAGES, term_id, terms

MOST_UNITS = 8  # of one question; the database looks at all subsets of them
MOST_WORDS = 5  # in a phrase
LEAST_SPELT, LIKENESS = 5, 0.85  # letters of a word that may be misspelled; as difflib has it
COLUMNS = ("en", "es", "asked_en", "asked_es")  # the last two are never looked for
OF_QUALIFIER = 0.2  # what a unit counts that says for whom, when or how, and not what
SPOKEN = "|"  # in a unit: what entries may say in English, and in Spanish after it
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
Phrase = tuple[str, ...]


class Question(NamedTuple):
    """A search as it was read. `text`: as it was written. `units`: the parts that count, MOST_UNITS
    at most: a word, or what entries may say instead, in English and after SPOKEN in Spanish, with
    " or " between phrases. `weights`: how much each counts. `single_words`: the words that count,
    as many at most."""

    text: str
    units: tuple[str, ...]
    weights: tuple[float, ...]
    single_words: tuple[str, ...]
    needs: tuple[UUID, ...]  # of our taxonomy, which parts of it name
    is_sentence: bool  # there are words as well that only hold the others together

    @property
    def is_known(self) -> bool:
        """Whether a part is known to mean something, and no word has to be absent."""
        left_out = any(word.startswith("-") for word in self.text.split())
        return not left_out and any(SPOKEN in unit for unit in self.units)

    @property
    def is_more_than_a_name(self) -> bool:
        """Whether it is known, and all of it or within a sentence. "Lantern Quarry shelter" is a
        name."""
        return self.is_known and (self.is_sentence or all(SPOKEN in unit for unit in self.units))

    @property
    def values(self) -> dict[str, str | list[str]]:
        """The values for the SQL of a reading (readings.py)."""
        single, units = list(self.single_words), list(self.units)
        needs = [str(one) for one in self.needs]
        return {"words": self.text, "units": units, "single_words": single, "meant": needs}

    def is_in(self, name: str) -> bool:
        """Whether this name of an entry has what a part of the question says, whatever word for it.
        A part that says for whom, when or how does not count."""
        there = frozenset(_key(name))
        parts = (unit for unit, weight in zip(self.units, self.weights, strict=True) if weight == 1)
        phrases = chain.from_iterable(re.split(r" or |\|", unit) for unit in parts)
        return any(key and there.issuperset(key) for key in map(_key, phrases))


def read(text: str) -> Question:
    """Read what a person asked. Nothing of it is kept."""
    words = [_plain(word) for word in _WORD.findall(text)]
    meant = [_spelt(word) for word in words]
    units: dict[str, float] = {}
    needs: dict[UUID, None] = {}
    place = 0
    while place < len(words):
        length, said = _longest(meant[place:])
        word = words[place]
        if said:
            unit = said if meant[place] == word else f"{word} or {said}"
            units[unit] = OF_QUALIFIER if said in _qualifiers() else 1
            needs |= _needs().get(tuple(map(_fold, meant[place : place + length])), {})
        elif word not in stop_words():
            units[word] = 1
        place += length
    units = units or dict.fromkeys(words, 1.0)
    return Question(
        text=text,
        units=tuple(units)[:MOST_UNITS],
        weights=tuple(units.values())[:MOST_UNITS],
        single_words=tuple(dict.fromkeys(w for w in words if w not in stop_words()))[:MOST_UNITS],
        needs=tuple(needs),
        is_sentence=not stop_words().isdisjoint(words),
    )


@lru_cache
def _needs() -> dict[Phrase, dict[UUID, None]]:
    """The needs that have each phrase as their name or a synonym."""
    found: dict[Phrase, dict[UUID, None]] = defaultdict(dict)
    for term in terms():
        if term.taxonomy == "needs":
            for phrase in (*term.names.values(), *term.synonyms):
                found[_key(phrase)][term_id(term.taxonomy, term.code)] = None
    return found


@lru_cache
def _qualifiers() -> frozenset[str]:
    """The units that say for whom, when or how, and not what."""
    phrases = chain.from_iterable(
        row[one].split(";") for row in _rows() if row["qualifier"] for one in COLUMNS
    )
    return frozenset(_phrases()[_key(phrase)] for phrase in phrases if phrase)


def _longest(words: list[str]) -> tuple[int, str]:
    """Return the length of the longest known phrase that they begin with, and its unit."""
    folded = [_fold(word) for word in words[:MOST_WORDS]]
    for length in range(len(folded), 0, -1):
        if said := _phrases().get(tuple(folded[:length])):
            return length, said
    return 1, ""


def _spelt(word: str) -> str:
    """Return the word of a known phrase that this one is likely to be, misspelled; or the word."""
    alike = _words().get(word[:1], ())
    if len(word) < LEAST_SPELT or word in alike or word in stop_words() or _fold(word) in _folded():
        return word
    return next(iter(get_close_matches(word, alike, 1, LIKENESS)), word)


@lru_cache
def _words() -> dict[str, set[str]]:
    """The words of all known phrases, by their first letter."""
    found: dict[str, set[str]] = defaultdict(set)
    for known, *_said in _groups():
        for word in chain.from_iterable(map(_WORD.findall, known)):
            found[_plain(word)[:1]].add(_plain(word))
    return found


@lru_cache
def _folded() -> set[str]:
    return {word for key in _phrases() for word in key}


@lru_cache
def _phrases() -> dict[Phrase, str]:
    """The unit of each phrase that is known in a question."""
    found: dict[Phrase, tuple[dict[str, None], ...]] = defaultdict(lambda: ({}, {}))
    for known, *said in _groups():
        for phrase in known:
            key = _key(phrase)
            if key and len(key) <= MOST_WORDS:
                for language, phrases in zip(found[key], said, strict=True):
                    language.update(dict.fromkeys(phrases))
    return {
        key: SPOKEN.join(" or ".join(_widest(one)) for one in languages)
        for key, languages in found.items()
    }


def _widest(said: Iterable[str]) -> Iterator[str]:
    """Yield the phrases without those that hold all the words of another."""
    keys = {phrase: frozenset(_key(phrase)) for phrase in said}
    for phrase, key in keys.items():
        if not any(one < key for other, one in keys.items() if other != phrase):
            yield phrase


def _groups() -> Iterator[tuple[list[str], list[str], list[str]]]:
    """Yield phrases that mean the same: all that are known in a question, and those of them that
    are looked for in entries, in English and in Spanish."""
    for row in _rows():
        english, spanish, *asked = (row[column].split(";") for column in COLUMNS)
        yield [*english, *spanish, *filter(None, chain(*asked))], english, spanish
    for term in terms():
        english, spanish = ([term.names[language]] for language in LANGUAGES)
        yield [*english, *spanish, *term.synonyms], english, spanish


@lru_cache
def _rows() -> list[dict[str, str]]:
    with (FILES / "thesaurus.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@lru_cache
def stop_words() -> frozenset[str]:
    """What a question says in addition to the matter, in both languages."""
    return frozenset((FILES / "stop_words.txt").read_text(encoding="utf-8").split())


@lru_cache(maxsize=20_000)
def _key(phrase: str) -> Phrase:
    return tuple(_fold(_plain(word)) for word in _WORD.findall(phrase))


def _plain(word: str) -> str:
    letters = unicodedata.normalize("NFKD", word.casefold().replace("’", "'"))
    return "".join(c for c in letters if not unicodedata.combining(c))


def _fold(word: str) -> str:
    """One form for numbers and genders: "abogadas" as "abogado", "shelters" as "shelter"."""
    if len(word) > 3:
        word = word.removesuffix("s")
    if len(word) > 4:
        word = word.rstrip("aeo")
    return word
