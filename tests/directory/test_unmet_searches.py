"""Searches in vain are counted, and no word of them is kept."""

from typing import Any
from uuid import UUID

from directory import models as m
from directory.search import not_listed, unmet_searches
from directory.vocabulary import codes_for_name, synonyms, term_id
from permissions.database.aliases import JOBS
from permissions.database.db_identity import identified_transaction
from tests.support.people.directory_entries import LIST


def test_a_search_in_vain_is_kept_as_codes_area_and_month_and_never_as_words(api: Any) -> None:
    term = str(term_id("needs", "emergency-shelter"))
    vain = {"needs": term, "language": "kl", "postcode": "59801"}
    for _ in range(2):
        assert api(None).get(LIST, vain).json()["total_items"] == 0
    assert api(None).get(LIST, {"search": "a very private story"}).status_code == 200
    rows = list(m.UnmetSearch.objects.using(JOBS).values("codes", "area", "count", "month"))
    assert [(row["codes"], row["area"], row["count"]) for row in rows] == [
        (["needs:emergency-shelter"], "598", 1)
    ]
    assert rows[0]["month"].day == 1


def test_no_text_that_someone_typed_stays_in_the_tally(api: Any) -> None:
    """No visitor can add a row with a text of their own: it might name a person, without limit."""
    refused = api(None).get(LIST, {"victimization_type": "Maria Lopez 12 Elm St"})
    assert (refused.status_code, refused.json()["pointer"]) == (400, "victimization_type")
    vain = {"victimization_type": "robbery", "language": "kl"}
    for code in ("Xy zq", "598 Elm", "５９８０１", "59", "59801-1234", " 59801 "):
        assert api(None).get(LIST, vain | {"postcode": code}).json()["total_items"] == 0
    with identified_transaction(None):
        unmet_searches.record_unmet_call([], ["robbery", "Maria Lopez"])
        unmet_searches.record_unmet_call([], ["Maria Lopez"])
    rows = m.UnmetSearch.objects.using(JOBS).order_by("area").values_list("codes", "area", "count")
    assert list(rows) == [(["victimization:robbery"], "", 2), (["victimization:robbery"], "598", 1)]


def test_what_was_searched_for_together_is_counted_apart(api: Any) -> None:
    """A row says one thing, one area and one month, and never what one person lacked."""
    needs = [str(term_id("needs", one)) for one in ("emergency-shelter", "transitional-housing")]
    asked = {"needs": needs[0], "victimization_type": "robbery", "language": "kl"}
    assert api(None).get(LIST, asked).json()["total_items"] == 0
    with identified_transaction(None):
        unmet_searches.record_unmet_call([UUID(one) for one in needs], [])
    rows = m.UnmetSearch.objects.using(JOBS).order_by("codes").values_list("codes", "count")
    assert list(rows) == [
        (["needs:emergency-shelter"], 2),
        (["needs:transitional-housing"], 1),
        (["victimization:robbery"], 1),
    ]


def test_a_gap_that_no_taxonomy_names_is_counted_under_not_listed(api: Any) -> None:
    for words in ("class for buyers", "  John School. ", "Intervención para agresores"):
        answer = api(None).get(LIST, {"search": words, "postcode": "59801"})
        assert answer.status_code == 200, "nothing, or what is a little like it"
    assert api(None).get(LIST, {"search": "class for my brother"}).status_code == 200
    rows = m.UnmetSearch.objects.using(JOBS).order_by("codes").values_list("codes", "area", "count")
    assert list(rows) == [
        (["not_listed:batterer_intervention"], "598", 1),
        (["not_listed:class_for_buyers"], "598", 1),
    ], "the same network, within the hour, counts a gap once"


def test_no_word_of_what_is_not_listed_is_one_of_ours() -> None:
    ours = {one.casefold() for words in synonyms().values() for one in words}
    every = [one for words in not_listed.CODES.values() for one in words]
    assert len(every) == len(set(every))
    for words in every:
        assert not codes_for_name(words), words
        assert words.casefold() not in ours, words
        assert not_listed.code_for(words.upper()) is not None, words
    assert not_listed.code_for("") is None
