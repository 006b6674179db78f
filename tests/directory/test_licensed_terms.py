"""Licensed terms (`directory licensed-terms`): shown to no one in no form, and they still find."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from directory import meanings, vocabulary
from directory import models as m
from directory.importing.parsing import id_of
from directory.taxonomy import crosswalk
from directory.vocabulary import term_id
from permissions.database.aliases import JOBS
from tests.directory.licensed_scene import (
    HOME,
    IDS,
    OTHER,
    SECRET,
    SHELTER,
    SOURCE,
    TABLES,
    TALKING,
    TAXONOMY,
    TRANSPORT,
    WALKING,
    everyone,
    fed,
    ids_found,
    mark,
    told,
)
from tests.directory.licensed_scene import county as county  # a fixture
from tests.support.ground.stale_projections import stale
from tests.support.people.callers import Caller, agency_id
from tests.support.people.directory_entries import LIST, ORGANIZATIONS, PLACES, TAXONOMIES, TERMS
from tests.support.people.hsds_source import directory_command, forget, rows, take, write_tables

# -- Shown to no one -------------------------------------------------------------------------------


def test_what_is_licensed_is_in_no_answer_and_comes_back_whole(county: Path, api: Any) -> None:
    before = everyone(api)
    shown = told(before)
    assert len(shown) > 40, "it is all over the place before"
    printed = mark()
    assert (
        "The 4 terms of the source test are shown to no one. Organizations made again: 1" in printed
    )
    assert told(everyone(api)) == []
    assert stale() == {}
    for model in (m.PublicListing, m.PublicPlace, m.PublicOrganization):
        listed = model._default_manager.using(JOBS).values_list("taxonomy_term_ids", flat=True)
        assert not {*IDS} & {one for ids in listed for one in ids}
    assert not m.Word.objects.using(JOBS).filter(word__startswith="quorum").exists()
    mark("--undo")
    after = everyone(api)
    assert told(after) == shown
    assert {one: text for one, text in after.items() if "v1" in one} == {
        one: text for one, text in before.items() if "v1" in one
    }
    assert stale() == {}
    assert not m.Source.objects.using(JOBS).filter(name=SOURCE).exists()


def test_asked_for_by_its_id_it_is_unknown(county: Path, api: Any) -> None:
    mark()
    for caller in (api(None), api("police.worker")):
        for path, licensed in ((TERMS, IDS[2]), (TAXONOMIES, TAXONOMY)):
            assert caller.get(f"{path}/{licensed}").status_code == 404
        for name, licensed in (("taxonomy_term_id", IDS[2]), ("taxonomy_id", TAXONOMY)):
            for path in (LIST, PLACES, ORGANIZATIONS):
                assert_alike(caller, path, name, licensed)
        assert_alike(caller, TERMS, "taxonomy_id", TAXONOMY)
        assert_alike(caller, TERMS, "parent_id", IDS[0])
        assert_alike(caller, LIST, "needs", IDS[2])


def assert_alike(caller: Caller, path: str, name: str, licensed: UUID) -> None:
    """The answers of a licensed id and of one that nothing has are the same."""
    one, other = (caller.get(path, {name: str(asked)}) for asked in (licensed, uuid4()))
    assert (one.status_code, one.content) == (other.status_code, other.content), (path, name)


def test_a_search_by_such_an_id_is_counted_as_one_by_an_unknown_id(county: Path, api: Any) -> None:
    def counted() -> int:
        with connections[JOBS].cursor() as cursor:
            cursor.execute("SELECT count(*) FROM directory_unmet_search")
            (found,) = cursor.fetchone()
        return int(found)

    nowhere = {"needs": str(IDS[3]), "served": "men", "postcode": "99999"}
    api(None).get(LIST, nowhere)
    assert counted() == 1, "of a term that is shown"
    mark()
    api("police.worker").get(LIST, nowhere)
    assert counted() == 1


def test_it_is_still_found_by_what_the_terms_mean(county: Path, api: Any) -> None:
    finds = (
        ({"needs": str(SHELTER)}, [str(TALKING)]),
        ({"taxonomy_term_id": str(SHELTER)}, [str(TALKING)]),
        ({"search": "refugio"}, [str(TALKING)]),
        ({"needs": str(TRANSPORT)}, [str(WALKING)]),
    )
    for query, expected in finds:
        assert ids_found(api, **query) == expected, query
    assert ids_found(api, search="quaking") == [str(TALKING)]
    mark()
    for query, expected in finds:
        assert ids_found(api, **query) == expected, query
    assert ids_found(api, search="quaking") != [str(TALKING)]
    assert meanings.of_terms([IDS[2]], JOBS) == {IDS[2]: {("needs", "emergency-shelter")}}


def test_what_the_terms_come_to_mean_later_finds_too(county: Path, api: Any) -> None:
    mark()
    assert take(county).changes.total() == 0
    civil = term_id("needs", "civil-legal")
    assert ids_found(api, needs=str(civil)) == []
    means = {"means": "needs/civil-legal", "confirmed": "yes", "code": "QW-1010"}
    crosswalk.confirm(SOURCE, [means])
    assert ids_found(api, needs=str(civil)) == [str(WALKING)]
    assert told(everyone(api)) == []
    assert stale() == {}


# -- Editors ---------------------------------------------------------------------------------------


@pytest.fixture
def editor(county: Path, api: Any, superuser: Any) -> Iterator[Caller]:
    directory_command("editors", str(HOME), "--add", str(agency_id("ywca")))
    yield api("ywca.editor")
    with superuser.cursor() as cursor:  # else the next import keeps what is no longer there
        cursor.execute("DELETE FROM directory_edit WHERE organization_id = %s", [str(HOME)])


def attributes() -> list[Any]:
    return rows()["attribute"]


def test_an_edit_keeps_the_attributes_that_the_editor_is_not_shown(editor: Caller) -> None:
    mark()
    before = attributes()
    path = f"{LIST}/{TALKING}"
    read = editor.get(path)
    assert not SECRET.search(read.content.decode())
    document = read.json() | {"description": "By the river."}
    answer = editor.put(path, document, If_Match=read["ETag"])
    assert answer.status_code == 200, answer.content
    assert not SECRET.search(answer.content.decode())
    patched = editor.patch(path, {"attributes": []}, If_Match="*")
    assert patched.status_code == 200, patched.content
    assert attributes() == before
    assert stale() == {}


def test_an_editor_who_names_a_licensed_term_names_an_unknown_one(editor: Caller) -> None:
    mark()
    path = f"{LIST}/{WALKING}"
    answers_to = [
        editor.patch(path, {"attributes": [attribute]}, If_Match="*")
        for one in (IDS[2], uuid4())
        for attribute in ({"taxonomy_term_id": str(one)}, {"taxonomy_term": {"id": str(one)}})
    ]
    assert {answer.status_code for answer in answers_to} == {400}
    assert len({answer.content for answer in answers_to[::2]}) == 1
    assert len({answer.content for answer in answers_to[1::2]}) == 1


# -- The command -----------------------------------------------------------------------------------


def test_our_own_terms_are_free(network: Any) -> None:
    with pytest.raises(CommandError, match="free to use"):
        call_command("directory", "licensed-terms", "--source", vocabulary.SOURCE)
    assert not m.Source.objects.using(JOBS).exists()


def test_a_source_may_be_marked_before_anything_of_it_is_imported(
    network: Any, api: Any, tmp_path: Path
) -> None:
    try:
        assert "Check the name" in mark()
        start = fed(api(None))
        take(write_tables(tmp_path / "later", TABLES))
        assert told(everyone(api)) == []
        kinds = {line[0] for line in fed(api(None))[len(start) :]}
        assert kinds == {"organization", "service", "service_at_location"}
    finally:
        forget()


def test_it_lists_the_sources_that_have_terms(county: Path) -> None:
    assert "shown            4  test: Quillwort words\n" in directory_command("licensed-terms")
    mark()
    assert "licensed         4  test: Quillwort words\n" in directory_command("licensed-terms")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--undo",), "--undo goes with"),
        (("--source", "nowhere", "--undo"), "is not marked"),
        (("--source", " "), "needs a name"),
    ],
)
def test_what_makes_no_sense_is_refused(network: Any, options: tuple[str, ...], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        call_command("directory", "licensed-terms", *options)


def test_of_two_sources_one_is_marked(county: Path, api: Any, tmp_path: Path) -> None:
    take(write_tables(tmp_path / "other", TABLES), OTHER)
    try:
        mark(source=OTHER)
        theirs = api(None).get(f"{LIST}/{id_of(OTHER, 'service', '10')}").content.decode()
        assert "attributes" not in json.loads(theirs)
        ours = api(None).get(f"{LIST}/{TALKING}").json()
        assert ours["attributes"][0]["taxonomy_term"]["code"] == "QW-1001"
    finally:
        forget(OTHER)
