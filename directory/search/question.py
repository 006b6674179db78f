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

from directory.vocabulary import FILES, LANGUAGES, terms

MOST_UNITS = 8  # of one question; the database looks at all subsets of them
MOST_WORDS = 5  # in a phrase
LEAST_SPELT, LIKENESS = 5, 0.85  # letters of a word that may be misspelled; as difflib has it
COLUMNS = ("en", "es", "asked_en", "asked_es")  # the last two are never looked for
OF_QUALIFIER = 0.2
SPOKEN = "|"  # in a unit: what entries may say in English, and in Spanish after it
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
Phrase = tuple[str, ...]


def units(text: str) -> tuple[str, ...]:
    """Return the parts of a question that count, MOST_UNITS at most: a word, or what entries may
    say instead, in English and after SPOKEN in Spanish, with " or " between phrases."""
    words = [_plain(word) for word in _WORD.findall(text)]
    meant = [_spelt(word) for word in words]
    found: dict[str, None] = {}
    rest: dict[str, None] = {}
    place = 0
    while place < len(words):
        length, said = _longest(meant[place:])
        word = words[place]
        if said:
            found[said if meant[place] == word else f"{word} or {said}"] = None
        elif word not in stop_words():
            found[word] = None
        else:
            rest[word] = None
        place += length
    return tuple(found or rest)[:MOST_UNITS]


def weight(unit: str) -> float:
    """Return how much a unit counts: OF_QUALIFIER if it says for whom, when or how and not what."""
    return OF_QUALIFIER if unit in _qualifiers() else 1


@lru_cache
def _qualifiers() -> frozenset[str]:
    rows = [row for row in _rows() if row["qualifier"]]
    phrases = chain.from_iterable(row[one].split(";") for row in rows for one in COLUMNS)
    return frozenset(_phrases()[_key(phrase)] for phrase in phrases if phrase)


def single_words(text: str) -> tuple[str, ...]:
    """Return the words of a question that count, MOST_UNITS at most, as they are written."""
    words = dict.fromkeys(_plain(word) for word in _WORD.findall(text))
    return tuple(word for word in words if word not in stop_words())[:MOST_UNITS]


def is_sentence(text: str) -> bool:
    """Return whether there are words as well that only hold the others together."""
    return any(_plain(word) in stop_words() for word in _WORD.findall(text))


def _longest(words: list[str]) -> tuple[int, str]:
    """Return the length of the longest known phrase that they begin with, and its unit."""
    folded = [_fold(word) for word in words[:MOST_WORDS]]
    for length in range(len(folded), 0, -1):
        if said := _phrases().get(tuple(folded[:length])):
            return length, said
    return 1, ""


@lru_cache(maxsize=10_000)
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
    return {_fold(word) for words in _words().values() for word in words}


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
