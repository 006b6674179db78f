"""Finding who can help: words, needs and filters."""

from typing import Any

import pytest
from django.db import connections

from directory import models as m
from directory.vocabulary import codes_for_name, term_id, terms
from permissions.database.aliases import JOBS
from tests.directory.distances import haversine
from tests.support.people.callers import agency_id
from tests.support.people.directory_entries import LIST, Shelf
from tests.support.people.directory_entries import shelf as shelf  # a fixture

# -- Words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("abogado", "Civil legal help"),
        ("ayuda legal", "Civil legal help"),
        ("albergue", "Emergency shelter"),
        ("refugio", "Emergency shelter"),
        ("sheltr", "Emergency shelter"),
        ("shelters", "Emergency shelter"),
        ("linea de crisis", "Crisis line"),
    ],
)
def test_words_of_both_languages_are_found_misspelt_or_not(
    names: Any, words: str, expected: str
) -> None:
    found = names(search=words)
    assert any(expected.split()[-1].lower() in name.lower() for name in found[:5]), found


def test_accents_and_capitals_do_not_matter(names: Any) -> None:
    assert names(search="LÍNEA")
    assert names(search="LÍNEA") == names(search="linea")


def test_what_bears_the_word_in_its_name_comes_before_what_only_mentions_it(
    shelf: Shelf, names: Any
) -> None:
    shelf.service("Aardvark boarding", description="Near the quillworks museum.")
    shelf.service("The quillworks clinic")
    assert names(search="quillworks") == ["The quillworks clinic", "Aardvark boarding"]


def test_quotes_and_odd_characters_are_words_like_others(names: Any, api: Any) -> None:
    assert names(search='"shelter"')
    for words in ("'", "\\", "a & | !", "((", "%", "<->", "-", "🛟", "a" * 200, ":*"):
        assert api(None).get(LIST, {"search": words}).status_code == 200, words


def test_a_misspelt_word_next_to_a_right_one(shelf: Shelf, names: Any) -> None:
    shelf.service("Brindlewick advocacy")
    assert names(search="brindelwick advocacy")[0] == "Brindlewick advocacy"
    assert names(search="brindlewik") == ["Brindlewick advocacy"]


# -- Filters --------------------------------------------------------------------------------------


def test_a_need_stands_for_all_below_it_and_for_its_name_in_the_other_language(names: Any) -> None:
    leaf, above = term_id("needs", "emergency-shelter"), None
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT parent_id FROM directory_taxonomyterm WHERE id = %s", [str(leaf)])
        row = cursor.fetchone()
    above = row[0] if row else None
    found = names(taxonomy_term_id=str(leaf))
    assert found
    assert set(found) <= set(names(taxonomy_term_id=str(above)))
    assert names(taxonomy_term_id=str(term_id("needs", "emergency-shelter", "es"))) == found
    assert set(found) <= set(names(needs=f"{leaf},{above}"))


def test_a_kind_of_victimization_stands_for_all_below_it(
    shelf: Shelf, api: Any, names: Any
) -> None:
    """Whether a service says it itself or bears the term in either language; not the other way."""
    shelf.service("Says it", victimization_types=["labor_trafficking"])
    for language in ("en", "es"):
        marked = shelf.service(f"Bears it, {language}")
        term = term_id("victimization", "labor_trafficking", language)
        shelf.add(marked, m.Attribute(link_table="service", link_id=marked, taxonomy_term_id=term))
    shelf.service("Of the wider kind", victimization_types=["trafficking"])
    narrow = {"Says it", "Bears it, en", "Bears it, es"}
    everything = {*narrow, "Of the wider kind"}
    assert everything & set(names(victimization_type="trafficking")) == everything
    assert everything & set(names(victimization_type="labor_trafficking")) == narrow
    assert everything & set(names(victimization_type="sex_trafficking")) == set()
    # What a document says is what its agency said.
    (found,) = [
        item
        for item in api(None).get(LIST, {"search": "Says it"}).json()["contents"]
        if item["name"] == "Says it"
    ]
    assert found["victimization_types"] == ["labor_trafficking"]


def test_a_service_with_open_eligibilitys_names_is_found_by_our_needs(
    shelf: Shelf, names: Any
) -> None:
    service = shelf.service("Named otherwise")
    name = next(term.open_eligibility[0] for term in terms() if term.open_eligibility)
    other = m.TaxonomyTerm(name=name)
    other.save(using=JOBS)
    mark = m.Attribute(link_table="service", link_id=service, taxonomy_term_id=other.id)
    shelf.add(service, mark)
    for taxonomy, code in codes_for_name(name):
        assert "Named otherwise" in names(taxonomy_term_id=str(term_id(taxonomy, code)))
    shelf.clear()
    other.delete(using=JOBS)


def test_several_needs_have_all_to_be_there(names: Any) -> None:
    shelter, legal = term_id("needs", "emergency-shelter"), term_id("needs", "civil-legal")
    both = set(names(needs=f"{shelter},{legal}"))
    assert both == set(names(needs=str(shelter))) & set(names(needs=str(legal)))


def test_ages(shelf: Shelf, names: Any) -> None:
    shelf.service("Teenagers only", minimum_age=13, maximum_age=17)
    shelf.service("Grown-ups only", minimum_age=18)
    shelf.service("Everyone comes")
    asked = {"search": "only comes everyone"}
    assert asked
    assert {"Teenagers only", "Everyone comes"} <= set(names(age="15"))
    assert "Grown-ups only" not in names(age="15")
    assert {"Grown-ups only", "Everyone comes"} <= set(names(age="18"))
    assert "Teenagers only" not in names(age="17.5")


def test_whom_it_is_for(shelf: Shelf, names: Any) -> None:
    women = shelf.service("For women")
    men = shelf.service("For men")
    shelf.service("For everybody")
    for service, code in ((women, "women"), (men, "men")):
        shelf.add(
            service,
            m.Attribute(
                link_table="service", link_id=service, taxonomy_term_id=term_id("served", code)
            ),
        )
    found = names(served="women")
    assert {"For women", "For everybody"} <= set(found)
    assert "For men" not in found


def test_languages_by_code_name_or_own_name(shelf: Shelf, names: Any) -> None:
    for name, said in (
        ("By its code", {"code": "hmn"}),
        ("By its English name", {"name": "Hmong"}),
        ("With a region", {"code": "hmn-US"}),
    ):
        service = shelf.service(name)
        shelf.add(service, m.Language(service_id=service, **said))
    assert set(names(language="hmn")) == {
        "By its code",
        "By its English name",
        "With a region",
    }


def test_accessibility_of_any_place_or_near_of_the_very_place(shelf: Shelf, api: Any) -> None:
    service = shelf.service("Two doors", [(46.0, -110.0), (47.0, -111.0)])
    second = m.Location.objects.using(JOBS).get(name="Two doors 1")
    shelf.add(service, m.Accessibility(location=second, description="Ramp, wheelchair access"))

    def metres(**query: str) -> int | None:
        answer = api(None).get(LIST, {"accessibility": "wheelchair", "per_page": "100"} | query)
        found = [one for one in answer.json()["contents"] if one["name"] == "Two doors"]
        assert len(found) == 1, "each service once"
        distance: int | None = found[0].get("distance")
        return distance

    assert metres() is None
    # from the first place: the second one is meant, which has the ramp
    assert metres(latitude="46.0", longitude="-110.0") == pytest.approx(
        haversine((46.0, -110.0), (47.0, -111.0)), abs=1
    )


@pytest.mark.parametrize(
    ("columns", "free"),
    [
        ({"fees_description": "Free of charge."}, True),
        ({"fees_description": "Gratis"}, True),
        ({"fees_description": "No cost to victims"}, True),
        ({"fees_description": "Free for members, $10 for others"}, False),
        ({"fees_description": "Sliding scale"}, False),
        ({}, False),
    ],
)
def test_what_costs_nothing_says_so(
    shelf: Shelf, names: Any, columns: dict[str, Any], free: bool
) -> None:
    shelf.service("Priced as said", **columns)
    assert ("Priced as said" in names(cost="free")) is free


def test_answered_here_phone_only_paused_and_full(shelf: Shelf, names: Any) -> None:
    ywca = agency_id("ywca")
    shelf.service("Answered", answered_by_id=ywca)
    shelf.service("Paused", answered_by_id=ywca, intake_paused=True)
    full = shelf.service("Full", answered_by_id=ywca)
    shelf.service("By phone")
    unit = m.Unit(name="beds")
    unit.save(using=JOBS)
    capacity = m.ServiceCapacity(service_id=full, unit=unit, available=0, maximum=8)
    shelf.add(full, capacity)
    ours = {"Answered", "Paused", "Full", "By phone"}
    assert set(names(answered="here")) & ours == {"Answered", "Paused", "Full"}
    assert set(names(answered="phone_only")) & ours == {"By phone"}
    assert set(names(answered="here", intake="taking")) & ours == {"Answered"}
    assert set(names(intake="taking")) & ours == {"Answered"}, "of the other it is not known"
    assert set(names(answered_by=str(ywca))) & ours == {"Answered", "Paused", "Full"}
    assert set(names(kind="community_advocate")) & ours == {"Answered", "Paused", "Full"}
    assert not set(names(kind="healthcare")) & ours
    shelf.clear()
    unit.delete(using=JOBS)


def test_an_interpreter(shelf: Shelf, names: Any) -> None:
    shelf.service("With interpreters", interpretation_services="By telephone, any language")
    shelf.service("Without", interpretation_services="None")
    found = names(interpreter="true")
    assert "With interpreters" in found
    assert "Without" not in found
