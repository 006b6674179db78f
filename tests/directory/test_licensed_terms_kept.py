"""Licensed terms in the feed and in exports, and when marking them is killed half-way."""

import csv
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from directory import exporting
from directory import models as m
from directory.importing import sources
from directory.importing.parsing import id_of
from permissions.database.aliases import JOBS
from tests.directory.licensed_scene import (
    ATTRIBUTES,
    HOME,
    IDS,
    SECRET,
    SOURCE,
    TABLES,
    TALKING,
    TAXONOMY,
    WALKING,
    fed,
    mark,
)
from tests.directory.licensed_scene import county as county  # a fixture
from tests.importing.stopping import starts_verb, stops
from tests.support.ground.stale_projections import stale
from tests.support.ground.waiting import until
from tests.support.people.callers import agency_id
from tests.support.people.hsds_source import directory_command, forget, take, write_tables

# -- The feed --------------------------------------------------------------------------------------


def test_the_feed_says_that_they_are_gone_and_nothing_of_them_after(
    county: Path, api: Any, tmp_path: Path
) -> None:
    words = {("taxonomy", str(TAXONOMY)), *(("taxonomy_term", str(one)) for one in IDS)}
    entries = {("organization", HOME), ("service", TALKING), ("service", WALKING)}
    both = (api(None), api("police.worker"))

    def more(do: Any) -> list[set[tuple[str, str, str]]]:
        starts = [len(fed(caller)) for caller in both]
        do()
        return [set(fed(caller)[start:]) for caller, start in zip(both, starts, strict=True)]

    for lines_of in more(mark):
        assert {line[:2] for line in lines_of if line[2] == "deleted"} == words
        assert {line[:2] for line in lines_of if line[2] == "updated"} >= {
            (kind, str(one)) for kind, one in entries
        }
    assert more(mark) == [set(), set()], "twice is once"
    renamed = {**TABLES, "taxonomy_terms": [dict(one) for one in TABLES["taxonomy_terms"]]}
    renamed["taxonomy_terms"][3]["name"] = "Quorum rooms"
    renamed["taxonomy_terms"].append(renamed["taxonomy_terms"][3] | {"id": "t9", "code": "Q9"})
    for lines_of in more(lambda: take(write_tables(tmp_path / "renamed", renamed))):
        assert not [line for line in lines_of if line[0].startswith("taxonomy")]
    for lines_of in more(lambda: mark("--undo")):
        back = {line[:2] for line in lines_of if line[0].startswith("taxonomy")}
        assert back == words | {("taxonomy_term", str(id_of(SOURCE, "taxonomy_term", "t9")))}


# -- Exports ---------------------------------------------------------------------------------------


def exported(folder: Path, **options: Any) -> str:
    exporting.export(folder, **options)
    return "\n".join(one.read_text() for one in sorted(folder.glob("*.csv")))


def test_an_export_has_them_only_if_the_operator_says_so(county: Path, tmp_path: Path) -> None:
    mark()
    text = exported(tmp_path / "without")
    assert not SECRET.search(text)
    with (tmp_path / "without" / "attributes.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            assert row["id"] not in {*map(str, ATTRIBUTES)}
    assert str(TALKING) in text
    out = directory_command("export", str(tmp_path / "with"), "--with-licensed")
    assert "taxonomy_term" in out
    text = "\n".join(one.read_text() for one in (tmp_path / "with").glob("*.csv"))
    for said in ("QW-1000", "Quibbling lodges", "Quaint", *IDS, *ATTRIBUTES, TAXONOMY):
        assert str(said) in text
    directory_command("export", str(tmp_path / "plain"))
    assert not SECRET.search((tmp_path / "plain" / "taxonomy_terms.csv").read_text())


def test_an_agencys_own_export_leaves_them_out_too(county: Path, tmp_path: Path) -> None:
    directory_command("editors", str(HOME), "--add", str(agency_id("ywca")))
    mark()
    text = exported(tmp_path / "own", agency_id=agency_id("ywca"))
    assert str(TALKING) in text
    assert not SECRET.search(text)


# -- Killed half-way -------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [("licensed-terms", "--source", SOURCE), ("refresh",)])
def test_killed_half_way_it_is_finished_by_the_same_command_or_at_night(
    network: Any, tmp_path: Path, django_db_setup: str, by: tuple[str, ...]
) -> None:
    take(write_tables(tmp_path / "many", many(20)))
    try:
        marked = _marked()
        assert len(marked) == 20, marked
        with transaction.atomic(using=JOBS):
            last = m.Organization.objects.using(JOBS).filter(id=marked[-1])
            list(last.select_for_update())  # the last portion waits for it
            process = starts_verb(django_db_setup, "licensed-terms", "--source", SOURCE)
            try:
                until(lambda: 0 < len(_marked()) <= 5)
            finally:
                stops(process)
        row = m.Source.objects.using(JOBS).get(name=SOURCE)
        assert (row.licensed, row.due, row.rendered_to is None) == (True, True, False)
        directory_command(*by)
        assert _marked() == []
        row.refresh_from_db(using=JOBS)
        assert (row.due, row.rendered_to) == (False, None)
        assert stale(SOURCE) == {}
    finally:
        forget()


def many(count: int) -> dict[str, Any]:
    """So many organizations, each with a service that has a term."""
    keys = [str(number) for number in range(1, count + 1)]
    return {
        "organizations": [{"id": key, "name": f"House {key}"} for key in keys],
        "services": [
            {"id": key, "organization_id": key, "name": f"Help {key}", "status": "active"}
            for key in keys
        ],
        "taxonomy_terms": TABLES["taxonomy_terms"][:1],
        "taxonomies": TABLES["taxonomies"],
        "attributes": [
            {"id": key, "link_id": key, "link_entity": "service", "taxonomy_term_id": "t0"}
            for key in keys
        ],
    }


def _marked() -> list[UUID]:
    """The organizations with a service that shows a term of the source."""
    terms = m.TaxonomyTerm.objects.using(JOBS).filter(source=SOURCE)
    ids = list(terms.values_list("id", flat=True))
    shown = m.PublicListing.objects.using(JOBS).filter(taxonomy_term_ids__overlap=ids)
    return sorted(set(shown.values_list("organization_id", flat=True)))


def test_it_is_rendered_in_portions(county: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "ORGANIZATIONS", 1)
    mark()
    assert _marked() == []
    assert stale() == {}
