"""`manage.py directory crosswalk`: a person says what the terms of a source mean in ours, and the
services that have them are found."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from directory import listings
from directory.importing.parsing import id_of
from directory.search.query import SearchQuery
from directory.vocabulary import term_id
from tests.importing.takes import service
from tests.support.ground.stale_projections import stale
from tests.support.people.hsds_source import HELP, forget, take, write_tables

NAMES = ("Lodging for people in danger", "Transitional homes", "Sheltering", "Bus Passes")
TABLES: dict[str, Any] = {
    **HELP,
    "taxonomy_terms": [
        {"id": f"t{n}", "code": f"X{n}", "name": name, "description": "", "taxonomy": "county"}
        for n, name in enumerate(NAMES)
    ],
    "attributes": [
        {
            "id": f"a{n}",
            "link_id": "10" if n < 3 else "11",
            "link_entity": "service",
            "taxonomy_term_id": f"t{n}",
        }
        for n in range(len(NAMES))
    ],
}
SHELTER = term_id("needs", "emergency-shelter")


@pytest.fixture
def county(tmp_path: Path) -> Iterator[Path]:
    folder = write_tables(tmp_path / "county", TABLES)
    take(folder)
    yield folder
    forget()


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("directory", "crosswalk", "--source", "test", *arguments, stdout=out)
    return out.getvalue()


def drafted(tmp_path: Path) -> tuple[Path, list[dict[str, str]]]:
    path = tmp_path / "draft.csv"
    run("--draft", str(path))
    with path.open(newline="") as file:
        return path, list(csv.DictReader(file))


def write(path: Path, lines: list[dict[str, str]]) -> str:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, lines[0].keys())
        writer.writeheader()
        writer.writerows(lines)
    return str(path)


def said(lines: list[dict[str, str]], name: str, **cells: str) -> list[dict[str, str]]:
    """The lines, with what a person fills in for one name."""
    assert name in [one["name"] for one in lines]
    return [one | (cells if one["name"] == name else {}) for one in lines]


def found(need: Any = SHELTER, words: str = "") -> list[str]:
    query = SearchQuery(words=words, needs=(need,) if need else (), organization_id=_organization())
    return [one.name for one in listings.search(None, query).items]


def _organization() -> Any:
    return id_of("test", "organization", "1")


def test_what_a_person_confirms_is_found_and_outlives_the_next_import(
    county: Path, tmp_path: Path
) -> None:
    assert found() == []
    path, lines = drafted(tmp_path)
    assert [one["name"] for one in lines] == sorted(NAMES)
    lines = said(lines, NAMES[0], means="needs/emergency-shelter", confirmed="yes")
    told = run("--load", write(path, lines))
    assert "1 added, 0 removed" in told
    assert "Organizations made again: 1" in told
    assert found() == ["Talking"]
    assert found(term_id("needs", "emergency-shelter", "es")) == ["Talking"]
    assert found(None, "refugio") == ["Talking"], "by the words of our term, in both languages"
    assert not stale()
    assert "0 added, 0 removed, 1 unchanged" in run("--load", str(path))
    assert take(county).changes.total() == 0
    assert found() == ["Talking"]
    lines = said(lines, NAMES[0], confirmed="no")
    assert "0 added, 1 removed" in run("--load", write(path, lines))
    assert found() == []
    assert not stale()


def test_a_draft_says_what_is_likely_and_what_is_known(county: Path, tmp_path: Path) -> None:
    _, lines = drafted(tmp_path)
    by_name = {one["name"]: one for one in lines}
    likely = by_name["Sheltering"]
    assert "needs/emergency-shelter" in likely["means"].split(";")
    assert (float(likely["score"]) >= 0.35, likely["confirmed"]) == (True, "")
    known = by_name["Bus Passes"]  # a name of Open Eligibility's
    assert (known["means"], known["confirmed"]) == ("needs/transport", "yes")
    assert by_name[NAMES[0]]["services"] == "1"


def test_a_line_without_a_word_changes_nothing(county: Path, tmp_path: Path) -> None:
    path, lines = drafted(tmp_path)
    confirmed = said(lines, "Sheltering", means="needs/emergency-shelter", confirmed="yes")
    run("--load", write(path, confirmed))
    told = run("--load", write(path, said(confirmed, "Sheltering", confirmed="")))
    assert "0 added, 0 removed" in told
    assert "neither yes nor no: Sheltering" in told
    assert found() == ["Talking"]


def test_a_dry_run_changes_nothing(county: Path, tmp_path: Path) -> None:
    path, lines = drafted(tmp_path)
    lines = said(lines, NAMES[1], means="needs/emergency-shelter", confirmed="yes")
    told = run("--load", write(path, lines), "--dry-run")
    assert "that would be: 1 added" in told
    assert found() == []


def test_every_fault_of_a_file_is_told_and_nothing_of_it_is_stored(
    county: Path, tmp_path: Path
) -> None:
    path, lines = drafted(tmp_path)
    lines = said(lines, NAMES[0], means="needs/emergency-shelter", confirmed="yes")
    wrong = said(lines, NAMES[1], means="needs/nothing", confirmed="perhaps")
    wrong = said(wrong, NAMES[2], means="", confirmed="yes")
    with pytest.raises(CommandError) as refused:
        run("--load", write(path, wrong))
    for fault in ("neither yes nor no", "there is no term needs/nothing", "means nothing"):
        assert fault in str(refused.value)
    strange = [*lines, lines[0] | {"code": "X99", "name": "No such"}]
    with pytest.raises(CommandError, match="the source test has no such term in use"):
        run("--load", write(path, strange))
    assert found() == []
    for content in (b"\xff\xfe\x00", b"a,b\n1,2\n"):
        path.write_bytes(content)
        with pytest.raises(CommandError):
            run("--load", str(path))


def test_a_meaning_is_of_one_source_only(county: Path, tmp_path: Path) -> None:
    """Another source's term of the same name is another term."""
    path, lines = drafted(tmp_path)
    run(
        "--load",
        write(path, said(lines, NAMES[0], means="needs/emergency-shelter", confirmed="yes")),
    )
    try:
        take(write_tables(tmp_path / "other", TABLES), "other")
        other = service("10", "other")
        assert other
        assert SHELTER not in other.taxonomy_term_ids
        mine = service("10")
        assert mine
        assert SHELTER in mine.taxonomy_term_ids
    finally:
        forget("other")


def test_a_source_without_such_terms_says_so(tmp_path: Path) -> None:
    assert "No entry of the source" in run("--draft", str(tmp_path / "draft.csv"))
