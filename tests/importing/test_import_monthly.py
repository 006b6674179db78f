"""An import that a person runs every month: what left is closed, no line or file vanishes without a
word, and the command says how it ended."""

import csv
import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from directory import listings
from directory.importing.formats.source_formats import read
from directory.importing.import_package import TooMuchGone, import_package
from directory.importing.outcome import Report
from directory.importing.parsing import id_of
from directory.search.query import SearchQuery
from tests.importing.takes import outcome, service
from tests.support.ground.stale_projections import stale
from tests.support.people.hsds_source import HELP, changed, forget, rows, take, write_tables

Tables = dict[str, list[dict[str, str]]]


@pytest.fixture(autouse=True)
def afterwards() -> Iterator[None]:
    yield
    forget()


def county(of: int) -> Tables:
    """So many organizations, each with two services and a phone."""
    numbers = range(1, of + 1)
    return {
        "organizations": [
            {"id": f"o{n}", "name": f"House {n}", "description": ""} for n in numbers
        ],
        "services": [
            {"id": f"s{n}{half}", "organization_id": f"o{n}", "name": f"Help {n} {half}"}
            for n in numbers
            for half in "ab"
        ],
        "phones": [
            {"id": f"p{n}", "organization_id": f"o{n}", "number": f"406-555-01{n:02}"}
            for n in numbers
        ],
    }


def without(tables: Tables, *organizations: str) -> Tables:
    """The same tables without these organizations and what is theirs."""
    return {
        name: [
            row
            for row in rows
            if row.get("organization_id", row["id"] if name == "organizations" else "")
            not in organizations
        ]
        for name, rows in tables.items()
    }


def found(key: str) -> list[str]:
    """The open services of an organization that a search finds."""
    query = SearchQuery(organization_id=id_of("test", "organization", key))
    return sorted(one.name for one in listings.search(None, query).items)


# -- What left -------------------------------------------------------------------------------------


def test_an_organization_that_left_is_closed_and_one_that_returns_is_open(tmp_path: Path) -> None:
    all_of_them = county(12)
    take(write_tables(tmp_path, all_of_them))
    assert found("o3") == ["Help 3 a", "Help 3 b"]
    report = take(write_tables(tmp_path, without(all_of_them, "o3")))
    assert report.changes == {"made inactive": 2}
    assert found("o3") == []
    assert found("o4") == ["Help 4 a", "Help 4 b"]
    left = service("s3a")
    assert left, "a referral may name it"
    assert left.status == "inactive"
    assert not stale()
    assert take(write_tables(tmp_path, without(all_of_them, "o3"))).changes.total() == 0
    take(write_tables(tmp_path, all_of_them))
    assert found("o3") == ["Help 3 a", "Help 3 b"]
    assert not stale()


def test_a_file_that_is_cut_off_closes_nothing_until_a_person_says_so(tmp_path: Path) -> None:
    all_of_them = county(12)
    take(write_tables(tmp_path, all_of_them))
    before = rows()
    cut = write_tables(tmp_path, without(all_of_them, *(f"o{n}" for n in range(4, 13))))
    with pytest.raises(
        TooMuchGone, match="9 of 12 organizations and 18 of 24 services that are open here"
    ):
        take(cut)
    assert rows() == before
    tried = take(cut, dry=True)
    assert "no longer in the source: 9 of 12 organizations and 18 of 24 services" in tried.notes
    assert rows() == before
    assert take(cut, allow_closing=True).changes == {"made inactive": 18}
    assert [found(f"o{n}") != [] for n in range(1, 13)] == [True] * 3 + [False] * 9
    assert not stale()
    assert take(cut).changes.total() == 0, "what is closed is gone already"


def test_a_table_of_services_that_is_cut_off_is_asked_about_too(tmp_path: Path) -> None:
    all_of_them = county(12)
    take(write_tables(tmp_path, all_of_them))
    cut = {**all_of_them, "services": all_of_them["services"][:20]}
    with pytest.raises(TooMuchGone, match="4 of 24 services that are open here"):
        take(write_tables(tmp_path, cut))
    some = {**all_of_them, "services": all_of_them["services"][:22]}
    assert take(write_tables(tmp_path, some)).changes == {"made inactive": 2}, "a tenth may go"


def test_what_has_a_fault_this_month_has_not_left(tmp_path: Path) -> None:
    all_of_them = county(12)
    take(write_tables(tmp_path, all_of_them))
    faulty = all_of_them
    for row in range(6):
        faulty = changed(faulty, "organizations", row, name="")
    report = take(write_tables(tmp_path, faulty))
    assert report.changes.total() == 0
    assert found("o1") == ["Help 1 a", "Help 1 b"]


def test_a_source_without_its_table_of_organizations_closes_none(tmp_path: Path) -> None:
    """Corrected lines, which may be a few."""
    take(write_tables(tmp_path, county(12)))
    part = {"services": county(12)["services"][:1]}
    assert take(write_tables(tmp_path, part), retry=True).changes.total() == 0
    assert found("o9") == ["Help 9 a", "Help 9 b"]


# -- Ids that are none -----------------------------------------------------------------------------


SPOKEN: Tables = {
    **HELP,
    "languages": [
        {"id": "1", "service_id": "10", "name": "Spanish"},
        {"id": "1", "service_id": "11", "name": "Spanish"},
        {"id": "1", "service_id": "10", "name": "Hmong"},
        {"id": "1", "service_id": "10", "name": "Spanish"},
    ],
}


def languages(key: str) -> list[str]:
    listed = service(key)
    assert listed
    return sorted(one["name"] for one in json.loads(listed.document).get("languages", []))


def test_a_table_whose_ids_repeat_is_taken_whole(tmp_path: Path) -> None:
    report = take(write_tables(tmp_path, SPOKEN))
    assert (languages("10"), languages("11")) == (["Hmong", "Spanish"], ["Spanish"])
    assert [outcome(report, "languages", n)[0] for n in range(2, 6)] == [*["mended"] * 3, "skipped"]
    assert report.languages() == [("Spanish", 2, 2), ("Hmong", 1, 1)]
    assert take(write_tables(tmp_path, SPOKEN)).changes.total() == 0
    turned = {**SPOKEN, "languages": SPOKEN["languages"][::-1]}
    take(write_tables(tmp_path, turned))
    assert take(write_tables(tmp_path, SPOKEN)).changes["created"] == 0, "in any order of lines"
    fewer = {**SPOKEN, "languages": SPOKEN["languages"][:2]}
    assert take(write_tables(tmp_path, fewer)).changes["removed"] == 1
    assert languages("10") == ["Spanish"]


def test_an_id_that_other_lines_name_must_be_one_lines_own(tmp_path: Path) -> None:
    phones = [*HELP["phones"], {"id": "100", "service_id": "11", "number": "406-555-0183"}]
    spoken = [{"id": "1", "phone_id": "100", "name": "Spanish"}]
    report = take(write_tables(tmp_path, {**HELP, "phones": phones, "languages": spoken}))
    assert outcome(report, "phones", 4) == (
        "quarantined",
        "another line with this id came before and says otherwise",
    )
    listed = service("10")
    assert listed
    assert json.loads(listed.document)["phones"][0]["languages"][0]["name"] == "Spanish"


# -- Every file and line is accounted for ----------------------------------------------------------


def test_each_line_is_taken_mended_quarantined_or_skipped(tmp_path: Path) -> None:
    tables: Any = {
        **changed(SPOKEN, "phones", 0, number="ask"),
        "regular_schedules": [
            {"id": "1", "service_id": "10", "weekday": "Monday", "opens_at": "9am"},
            {"id": "2", "service_id": "10", "weekday": "Tuesday", "opens_at": ""},
        ],
        "staff": [{"id": "1", "name": "Invented"}, {"id": "2", "name": "Invented"}],
    }
    folder = write_tables(tmp_path, tables)
    report = take(folder)
    lines = {}
    for file in folder.glob("*.csv"):
        with file.open(newline="") as text:
            lines[file.stem] = sum(1 for _ in csv.DictReader(text))
    assert {file: counts.total() for file, counts in report.counts().items()} == lines
    assert report.counts()["staff"] == {"skipped": 2}
    assert report.counts()["regular_schedules"] == {"mended": 1, "skipped": 1}
    assert report.counts()["phones"] == {"quarantined": 1, "taken": 1}
    assert "staff.csv is no table of the standard: its lines are skipped" in report.notes


def described(folder: Path, *names: str) -> None:
    resources = [{"name": one.removesuffix("s"), "path": f"{one}.csv"} for one in names]
    (folder / "datapackage.json").write_text(json.dumps({"resources": resources}))


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_the_description_forgets_is_read_and_one_that_is_not_there_is_said(
    tmp_path: Path, packed: bool
) -> None:
    folder = write_tables(tmp_path / "county", HELP)
    described(folder, "organizations", "services", "contacts")
    path = folder
    if packed:
        path = tmp_path / "county.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file in folder.iterdir():
                archive.write(file, f"county/{file.name}")
    report = take(path)
    assert report.changes == {"created": 5}
    assert report.notes == [
        "datapackage.json also names what is not there: contacts.csv",
        "phones.csv: datapackage.json does not name it; read all the same",
    ]


def test_a_file_in_utf_16_is_read(tmp_path: Path) -> None:
    folder = write_tables(tmp_path, changed(HELP, "services", 0, name="Café Zoë"))
    for file in folder.glob("*.csv"):
        file.write_text(file.read_text(encoding="utf-8"), encoding="utf-16")
    take(folder)
    listed = service("10")
    assert listed
    assert listed.name == "Café Zoë"


def test_terms_of_version_2_have_their_name(tmp_path: Path) -> None:
    terms = [{"id": "t1", "term": "Warmth", "description": "", "vocabulary": "county"}]
    about = [{"id": "1", "service_id": "10", "taxonomy_id": "t1"}]
    report = take(
        write_tables(tmp_path, {**HELP, "taxonomy_terms": terms, "service_taxonomies": about})
    )
    assert not [one for one in report.records() if one["outcome"] == "quarantined"]
    listed = service("10")
    assert listed
    shown = json.loads(listed.document)["attributes"]
    assert [one["taxonomy_term"]["name"] for one in shown] == ["Warmth"]


def test_hours_in_words_are_kept_as_words(tmp_path: Path) -> None:
    hours = [
        {"id": "1", "service_id": "10", "weekday": "Monday", "opens_at": "by appointment"},
        {"id": "2", "service_id": "10", "weekday": "Friday", "opens_at": "9am", "closes_at": "n/a"},
    ]
    take(write_tables(tmp_path, {**HELP, "regular_schedules": hours}))
    listed = service("10")
    assert listed
    shown = json.loads(listed.document)["schedules"]
    assert [one.get("description") for one in shown] == ["by appointment", None]
    assert "opens_at" not in shown[0]


# -- The command -----------------------------------------------------------------------------------


def run(*arguments: str) -> tuple[str, int, str]:
    """What the command writes, its status, and its last word."""
    out = io.StringIO()
    try:
        call_command("directory", "import", *arguments, stdout=out, stderr=io.StringIO())
    except CommandError as error:
        return out.getvalue(), error.returncode, str(error)
    return out.getvalue(), 0, ""


def test_its_status_says_whether_all_was_taken(tmp_path: Path) -> None:
    folder = str(write_tables(tmp_path, SPOKEN))
    said, status, _ = run(folder, "--source", "test")
    assert status == 0
    assert "Spanish: 2 of 2 rows taken" in said
    assert "1 of 1 taken" in said
    write_tables(tmp_path, changed(SPOKEN, "phones", 0, number="ask"))
    _, status, last = run(folder, "--source", "test")
    assert (status, "1 lines are quarantined" in last) == (3, True)
    faulty = {"organizations": [{"id": "x", "name": ""}], "services": [{"id": "y", "name": ""}]}
    write_tables(tmp_path, faulty)
    _, status, last = run(folder, "--source", "another")
    assert (status, last) == (4, "Nothing was taken.")


def test_a_source_is_named_or_remembered_and_never_made_of_a_dated_file(tmp_path: Path) -> None:
    folder = str(write_tables(tmp_path / "county-2026-11", HELP))
    _, status, last = run(folder)
    assert (status, "Say which source this is" in last) == (1, True)
    assert run(folder, "--source", "test")[1] == 0
    _, status, last = run(folder)
    assert (status, "Imported before: " in last, "test" in last) == (1, True, True)
    said, status, _ = run(str(write_tables(tmp_path / "test", HELP)))
    assert (status, "0 created" in said) == (0, True)


def test_it_asks_before_it_closes_much(tmp_path: Path) -> None:
    folder = str(write_tables(tmp_path, county(4)))
    run(folder, "--source", "test")
    write_tables(tmp_path, county(2))
    _, status, last = run(folder, "--source", "test")
    assert (status, "--allow-closing" in last) == (1, True)
    said, status, _ = run(folder, "--source", "test", "--allow-closing")
    assert (status, "4 services made inactive" in said) == (0, True)


def test_counts_of_an_import_and_of_the_directory_are_the_same(tmp_path: Path) -> None:
    path = write_tables(tmp_path, SPOKEN)
    report: Report = import_package(read(path), "test")
    stored = Counter({table: len(every) for table, every in rows().items() if every})
    assert stored == {"organization": 1, "service": 2, "phone": 2, "language": 3}
    assert report.taken("language") == (3, 3)
    report.staging.close()
