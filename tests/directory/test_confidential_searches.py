"""No filter, word, facet or distance finds a confidential place, or anything that only it has."""

import itertools
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from directory import models as m
from directory.postcodes import derive
from directory.projection.reindex import place_again
from permissions.database.aliases import JOBS
from tests.directory.hidden_scene import LISTS, PLACES, SERVICES, ids, totals
from tests.directory.hidden_scene import nobody as nobody  # a fixture
from tests.directory.hidden_scene import scene as scene  # a fixture
from tests.support.people import confidential_scene as hidden
from tests.support.people.callers import Caller
from tests.support.people.confidential_scene import (
    Scene,
    text_of,
)
from tests.support.proofs import routes

FILTERS = (  # what the den alone bears
    {"accessibility": "deaf"},
    {"language": "is"},
    {"served": "pregnant"},
    {"postcode": hidden.POSTCODE},
    {"postcode": "59892"},
    {"open_at": hidden.open_at()},
)


@pytest.mark.parametrize("filtered", FILTERS, ids=lambda one: next(iter(one)))
def test_no_filter_finds_what_only_the_hidden_place_has(
    scene: Scene, nobody: Caller, filtered: dict[str, str]
) -> None:
    ours = {str(one) for one in scene.ids.values()}
    for path in (SERVICES, PLACES):
        assert not ours & set(ids(nobody, path, **filtered)), path
        assert not ours & set(ids(nobody, path, plain="true", **filtered)), path
    on_map = nobody.get(PLACES, {"format": "geojson", "per_page": "100"} | filtered)
    assert not ours & {one["id"] for one in on_map.json()["features"]}


def test_no_term_of_the_hidden_place_finds_anything(scene: Scene, nobody: Caller) -> None:
    term = str(scene.ids["term"])
    for path in LISTS:
        assert totals(nobody, path, taxonomy_term_id=term) == (0, 0), path
    assert totals(nobody, SERVICES, needs=term, search="penhallow") == (0, 0)
    for word in ("yarrowmere", "wexcombe", "umberlane" if "refuge" in scene.names else "wexcombe"):
        assert totals(nobody, SERVICES, search=word) == (0, 0), word


def test_facets_count_nothing_of_the_hidden_place(scene: Scene, nobody: Caller) -> None:
    found = nobody.get(SERVICES, {"search": "penhallow", "facets": "true"}).json()["facets"]
    assert "deaf" not in found.get("access", {})
    assert "is" not in found["language"]
    assert "pregnant" not in found["served"]


WORDS = ("morrowick", "alvering", "lodgewell", "thistlewane", "odalys", "ellerquist", "tarrowford")
TRIED = ("{}s", "{} penhallow", '"{}"')
NOWHERE = "zubblenock"  # no entry has it


def test_no_word_of_it_finds_anything(scene: Scene, nobody: Caller) -> None:
    words = [*WORDS, *(["brimholt", "emberdale", "sorrelkin"] if "refuge" in scene.names else [])]
    words += ["hestrefall"] if "home" in scene.names else []
    words += ["farrowgate"] if "whisper" in scene.names else []
    for word, tried, path in itertools.product(words, TRIED, LISTS):
        spelt = tried.format(word)
        found = totals(nobody, path, search=spelt)
        # A search lets go of a word that nothing has (ADR 0126): this one as well.
        assert found == totals(nobody, path, search=tried.format(NOWHERE)), (path, spelt)
        assert found == (0, 0) or "penhallow" in spelt, (path, spelt)


def test_no_misspelling_is_read_as_a_word_of_it(scene: Scene, nobody: Caller) -> None:
    """A spelling is learned from what is public, and forgotten with it."""
    for word in ("morowick", "alverin", "brimhlt", "emberdal", "tarowford", "quenelby"):
        for spelt in (word, f"{word} shelter"):
            found = ids(nobody, SERVICES, search=spelt)
            if "refuge" not in scene.names and word in ("brimhlt", "emberdal"):
                assert str(scene.ids["refuge"]) in found or "shelter" in spelt
            else:
                assert not {str(one) for one in scene.ids.values()} & set(found), spelt


def test_distance_is_that_of_the_public_place(scene: Scene, nobody: Caller) -> None:
    """Asked at the very signin of the den: the counsel is as far as its other place is, the refuge
    nowhere, and no radius, order or count tells of the den."""
    here = {"latitude": str(hidden.LATITUDE), "longitude": str(hidden.LONGITUDE)}
    for path, name in ((SERVICES, "counsel"), (PLACES, "counsel_far")):
        for words in ({}, {"search": "penhallow"}):
            found = nobody.get(path, here | words | {"per_page": "100"}).json()["contents"]
            ours = {
                item["id"]: item for item in found if item["id"] in map(str, scene.ids.values())
            }
            assert list(ours) == [str(scene.ids[name])]
            assert 2_700 < ours[str(scene.ids[name])]["distance"] < 2_900
            assert totals(nobody, path, **here, **words, radius="2000") == (0, 0)
            on_map = nobody.get(PLACES, here | words | {"format": "geojson", "radius": "2000"})
            assert (on_map.json()["total_items"], on_map.json()["features"]) == (0, [])


def test_the_middle_of_a_postcode_is_not_kept_of_it(scene: Scene, nobody: Caller) -> None:
    """It was the only address of its code."""
    asked = {"postcode": hidden.POSTCODE, "proximity": "50000"}
    never = {"postcode": "59899", "proximity": "50000"}
    answers = [routes.ask(nobody, "POST", SERVICES, query) for query in (asked, never)]
    bodies = [{**json.loads(body), "request_id": ""} for _, _, body, _ in answers]
    assert bodies[0] == bodies[1]
    assert answers[0][0] == answers[1][0] == 400


def test_an_operators_table_places_nothing_that_is_hidden(
    scene: Scene, nobody: Caller, api: Any, tmp_path: Path
) -> None:
    """Of the den's own ZIP code: what is near it there is what was near it before."""
    table = tmp_path / "postcodes.csv"
    table.write_text(f"postcode,latitude,longitude\n{hidden.POSTCODE},67.91,-114.12\n")
    inside = api("outsider.lead")
    ours = {str(one) for one in scene.ids.values()}
    try:
        call_command("directory", "import-postcodes", str(table), stdout=StringIO())
        for caller in (nobody, inside):
            for path, name in ((SERVICES, "counsel"), (PLACES, "counsel_far")):
                asked = {"postcode": hidden.POSTCODE, "proximity": "50000"}
                found = caller.get(path, asked).json()["contents"]
                assert [one["id"] for one in found if one["id"] in ours] == [str(scene.ids[name])]
                assert not any("somewhere_in" in one for one in found)
    finally:
        m.Postcode.objects.using(JOBS).filter(derived=False).delete()
        derive()
        place_again(lambda *_: None)


def test_errors_say_nothing_of_it(scene: Scene, nobody: Caller) -> None:
    for name in scene.names:
        for path, query in (
            (SERVICES, {"organization_id": str(scene.ids[name]), "nothing": "1"}),
            (SERVICES, {"taxonomy_term_id": f"{scene.ids[name]}x"}),
            (PLACES, {"page": str(scene.ids[name])}),
        ):
            answer = nobody.get(path, query)
            assert answer.status_code == 400
            assert str(scene.ids[name]) not in text_of(answer)
