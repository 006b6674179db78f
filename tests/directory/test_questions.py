"""How a question is read: which of its words belong together, and what entries may call them."""

import csv
from collections import Counter

import pytest

from directory.search.question import MOST_UNITS, MOST_WORDS, SPOKEN, read
from directory.vocabulary import FILES

pytestmark = pytest.mark.no_database

TOO_WIDE = {"help", "services", "support", "program", "center", "ayuda", "servicios", "apoyo"}
ROWS = list(csv.DictReader((FILES / "thesaurus.csv").read_text(encoding="utf-8").splitlines()))


def units(text: str) -> tuple[str, ...]:
    return read(text).units


def said(text: str) -> list[set[str]]:
    return [set(unit.replace(SPOKEN, " or ").split(" or ")) for unit in units(text)]


def finds(question: str, entry: str) -> bool:
    """Whether a unit of the question is in the words of an entry."""
    words = set(entry.lower().split())
    return any(words >= set(phrase.lower().split()) for one in said(question) for phrase in one)


@pytest.mark.parametrize(
    ("question", "in_an_entry"),
    [
        ("my husband hits me and I need help", "domestic violence"),
        ("mi esposo me pega", "domestic violence"),
        ("necesito una abogada", "lawyer"),
        ("Abogados gratis", "free attorney"),
        ("where can I find a lawyer", "abogado"),
        ("refugio para mujeres", "women's shelter"),
        ("refugio", "emergency shelter"),
        ("despensa", "food pantry"),
        ("he took my passport", "passport taken"),
    ],
)
def test_what_a_person_says_leads_to_what_an_entry_says(question: str, in_an_entry: str) -> None:
    assert finds(question, in_an_entry), said(question)
    assert not finds("quillworks", in_an_entry)


def test_what_only_a_person_says_is_not_looked_for() -> None:
    (unit,) = said("hits me")
    assert "hits me" not in unit


def test_words_that_are_not_known_stay_as_they_are() -> None:
    assert units("Quillworks brindle") == ("quillworks", "brindle")


def test_what_is_asked_around_the_matter_does_not_count() -> None:
    assert units("please help me find quillworks") == ("quillworks",)
    assert units("services") == ("services",), "there is nothing else"


@pytest.mark.parametrize(
    ("words", "so"),
    [
        ("shelter for women", True),
        ("shelter", True),
        ("Lantern Quarry shelter", False),
        ("the Lantern Quarry", False),
        ("shelter for -men", False),
        ("", False),
    ],
)
def test_a_name_is_no_question(words: str, so: bool) -> None:
    assert read(words).is_more_than_a_name is so


def test_a_misspelt_word_of_a_phrase_counts_as_that_word() -> None:
    assert units("domestc violence") != ("domestc", "violence")
    assert "domestic violence" in said("domestc violence")[0]
    assert "domestc" in said("domestc violence")[0], "it may be a name"


def test_what_only_qualifies_counts_less_also_misspelt() -> None:
    assert read("shelter for children").weights == read("shelter for chilldren").weights
    first, second = read("shelter for children").weights
    assert (first, second < 1) == (1, True)
    assert read("quillworks").weights == (1,)


def test_long_questions_have_an_end() -> None:
    assert len(units(" ".join(f"quill{one}" for one in range(50)))) == MOST_UNITS


def test_each_row_of_the_thesaurus_can_be_used() -> None:
    assert len(ROWS) > 300
    for row in ROWS:
        phrases = [one for cell in row.values() for one in cell.split(";") if one]
        assert row["en"], row
        assert row["es"], row
        assert max(Counter(phrases).values()) == 1, row
        assert max(len(one.split()) for one in phrases) <= MOST_WORDS, row
        assert not [one for one in phrases if one.strip() != one or one in TOO_WIDE], row
