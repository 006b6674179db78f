"""Searches in vain are counted, and no word of them is kept."""

from typing import Any

from directory import models as m
from directory.search import unmet_searches
from directory.vocabulary import term_id
from permissions.database.aliases import JOBS
from permissions.database.db_identity import identified_transaction
from tests.support.directory_entries import LIST


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
