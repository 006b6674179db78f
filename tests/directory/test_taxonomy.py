"""Our taxonomies: what they say, and how they are loaded."""

import csv
import io
import os
from html import unescape
from pathlib import Path

import pytest
from django.core.management import call_command

from directory import models as m
from directory import vocabulary
from directory.demo import loader
from directory.taxonomy import bundled, file_formats
from permissions.database.aliases import JOBS
from referrals.codes import NEEDS

SAMPLES = os.environ.get("HSDS_SAMPLES")
real_data = pytest.mark.skipif(
    not SAMPLES, reason="HSDS_SAMPLES names no folder with Open Eligibility's file"
)
no_database = pytest.mark.no_database

# -- What ours says --------------------------------------------------------------------------------


@no_database
def test_the_groups_are_those_of_the_law_and_compensation() -> None:
    tops = [t.code for t in vocabulary.terms() if t.taxonomy == "needs" and not t.parent]
    assert tops == ["information", "advocacy", "support", "housing", "justice", "compensation"]


@no_database
def test_every_term_is_told_in_both_languages() -> None:
    for term in vocabulary.terms():
        for told in (term.names, term.descriptions):
            assert set(told) == {"en", "es"}
            assert all(text and text == text.strip() for text in told.values()), term.code
        assert term.names["en"] != term.names["es"], term.code
    assert len({(t.taxonomy, t.code) for t in vocabulary.terms()}) == len(list(vocabulary.terms()))


@no_database
def test_every_term_stands_below_a_term_of_its_own_taxonomy() -> None:
    codes = {(term.taxonomy, term.code): term for term in vocabulary.terms()}
    for term in vocabulary.terms():
        seen = set()
        while term.parent:
            assert term.code not in seen, "a circle"
            seen.add(term.code)
            term = codes[term.taxonomy, term.parent]


@no_database
@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("abogado", "civil-legal"),
        ("lawyer", "civil-legal"),
        ("albergue", "emergency-shelter"),
        ("refugio", "emergency-shelter"),
        ("shelter", "emergency-shelter"),
        ("protective order", "protection-order"),
        ("orden de restricción", "protection-order"),
        ("rape kit", "medical-exam"),
        ("traductora", "interpreting"),
        ("aventón", "transport"),
    ],
)
def test_what_people_type_is_a_synonym(typed: str, code: str) -> None:
    assert typed in vocabulary.synonyms()["needs", code]


@no_database
def test_a_synonym_stands_once_at_a_term_and_does_not_repeat_its_name() -> None:
    names = {(term.taxonomy, term.code): term.names.values() for term in vocabulary.terms()}
    for key, words in vocabulary.synonyms().items():
        assert len(words) == len(set(words)), key
        assert all(word == word.strip() for word in words), key
        assert set(words).isdisjoint(names[key]), key


@no_database
def test_every_need_of_a_notice_can_be_looked_for() -> None:
    assert {need for need in NEEDS if not vocabulary.codes_for_need(need)} == set()
    known = {need for term in vocabulary.terms() for need in term.notice_needs}
    assert known == set(NEEDS)
    assert vocabulary.codes_for_need("shelter") == {("needs", "emergency-shelter")}


@no_database
def test_names_of_open_eligibility_lead_to_ours() -> None:
    legal = {("needs", "advocacy"), ("needs", "civil-legal")}
    assert vocabulary.codes_for_name("Advocacy & Legal Aid") == legal
    assert vocabulary.codes_for_name("  advocacy AND legal aid ") == legal
    assert vocabulary.codes_for_name("orden de proteccion") == {("needs", "protection-order")}
    assert vocabulary.codes_for_name("no such name") == set()


@no_database
def test_a_name_leads_to_the_ids_of_the_term_and_of_all_above_in_both_languages() -> None:
    assert vocabulary.ids_with_all_above(frozenset(vocabulary.codes_for_name("Bus Passes"))) == {
        vocabulary.term_id("needs", code, language)
        for code in ("transport", "material", "advocacy")
        for language in ("en", "es")
    }


@no_database
@real_data
def test_the_names_are_open_eligibilitys_own() -> None:
    text = (Path(str(SAMPLES)) / "taxonomies" / "open-eligibility-2.0.xml").read_text()
    found = file_formats.read(Path(str(SAMPLES)) / "taxonomies" / "open-eligibility-2.0.xml", "oe")
    theirs = {term.name for one in found.taxonomies for term in one.terms}
    assert {unescape(name) for name in theirs} == theirs
    ours = {name for term in vocabulary.terms() for name in term.open_eligibility}
    assert ours - theirs == set()
    told = [sentence for term in vocabulary.terms() for sentence in term.descriptions.values()]
    assert [sentence for sentence in told if sentence in text] == []


@no_database
def test_the_demo_names_our_terms() -> None:
    ids = {
        str(vocabulary.term_id(term.taxonomy, term.code)): term.code for term in vocabulary.terms()
    }
    with (Path(loader.__file__).parent / "attributes.csv").open() as file:
        for row in csv.DictReader(file):
            assert row["id"] == f"{row['link_id']}-{ids[row['taxonomy_term_id']]}"


# -- Ours in the database --------------------------------------------------------------------------


def term_row(key: str, code: str, language: str = "en") -> m.TaxonomyTerm:
    return m.TaxonomyTerm.objects.using(JOBS).get(id=vocabulary.term_id(key, code, language))


def test_ours_is_loaded_and_loading_again_changes_nothing() -> None:
    for again in (bundled.load(), bundled.load()):
        assert (again.created, again.changed, again.no_longer_there) == ([], [], [])
        assert again.unchanged == 2 * len(list(vocabulary.terms()))


def test_a_spanish_label_is_a_term_of_its_own_with_the_same_code() -> None:
    english, spanish = term_row("needs", "rent"), term_row("needs", "rent", "es")
    assert (english.code, english.taxonomy_id) == (spanish.code, spanish.taxonomy_id)
    assert (english.language, spanish.language) == ("en", "es")
    assert (english.name, spanish.name) == ("Rent and relocation", "Renta y mudanza")
    assert english.parent_id == vocabulary.term_id("needs", "housing")
    assert spanish.parent_id == vocabulary.term_id("needs", "housing", "es")


def test_what_was_changed_by_hand_is_put_right_again() -> None:
    row = term_row("needs", "rent")
    m.TaxonomyTerm.objects.using(JOBS).filter(id=row.id).update(name="Something else")
    out = io.StringIO()
    call_command("directory", "load-taxonomy", stdout=out)
    assert "0 created, 1 changed" in out.getvalue()
    assert term_row("needs", "rent").name == row.name
