"""Taxonomies of others, and how they come into the directory."""

import io
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connections, transaction

from directory import models as m
from directory import vocabulary
from directory.demo import loader
from directory.projection.render import render
from directory.taxonomy import bundled, file_formats
from directory.taxonomy.parsed_terms import NotATaxonomy
from permissions.database.aliases import JOBS

SAMPLES = os.environ.get("HSDS_SAMPLES")
real_data = pytest.mark.skipif(
    not SAMPLES, reason="HSDS_SAMPLES names no folder with Open Eligibility's file"
)
no_database = pytest.mark.no_database
SOURCE = "a-taxonomy-of-the-test"


# -- Ours in the database --------------------------------------------------------------------------


def term_row(key: str, code: str, language: str = "en") -> m.TaxonomyTerm:
    return m.TaxonomyTerm.objects.using(JOBS).get(id=vocabulary.term_id(key, code, language))


# -- Somebody's own --------------------------------------------------------------------------------


@pytest.fixture
def forgotten() -> Iterator[None]:
    yield
    m.TaxonomyTerm.objects.using(JOBS).filter(source=SOURCE).delete()
    m.Taxonomy.objects.using(JOBS).filter(source=SOURCE).delete()


def run(path: Path, *arguments: str) -> str:
    out = io.StringIO()
    call_command(
        "directory", "import-taxonomy", str(path), "--source", SOURCE, *arguments, stdout=out
    )
    return out.getvalue()


def rows(**asked: Any) -> dict[str, m.TaxonomyTerm]:
    found = m.TaxonomyTerm.objects.using(JOBS).filter(source=SOURCE, **asked)
    return {f"{row.code} {row.language}".strip(): row for row in found}


SIMPLE = """code,name,description,parent_code,language
F,Food,Meals and groceries,,en
F1,Food pantry,,F,en
F,Comida,,,es
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_simple_file(tmp_path: Path, forgotten: None) -> None:
    path = write(tmp_path / "county.csv", SIMPLE)
    assert "3 created" in run(path, "--name", "County services")
    found = rows()
    assert set(found) == {"F en", "F1 en", "F es"}
    assert found["F1 en"].parent_id == found["F en"].id
    assert {row.taxonomy_id for row in found.values()} == {
        m.Taxonomy.objects.using(JOBS).get(source=SOURCE, name="County services").id
    }
    assert "0 created, 0 changed, 3 unchanged" in run(path, "--name", "County services")


def test_a_term_that_is_gone_is_kept_and_told(tmp_path: Path, forgotten: None) -> None:
    run(write(tmp_path / "county.csv", SIMPLE))
    said = run(write(tmp_path / "county.csv", SIMPLE.replace("F1,Food pantry,,F,en\n", "")))
    assert "1 no longer in the file (kept)" in said
    assert "no longer in the file: F1/en" in said
    assert "F1 en" in rows()


def test_a_dry_run_says_it_and_stores_nothing(tmp_path: Path, forgotten: None) -> None:
    path = write(tmp_path / "county.csv", SIMPLE)
    said = run(path, "--dry-run")
    assert "3 created" in said
    assert "nothing is stored" in said
    assert rows() == {}
    run(path)
    write(path, SIMPLE.replace("Food pantry", "Pantry"))
    assert "changed: F1/en" in run(path, "--dry-run")
    assert rows()["F1 en"].name == "Food pantry"


def test_a_changed_name_reaches_the_documents_and_the_change_feed(
    tmp_path: Path, api: Any, forgotten: None
) -> None:
    path = write(tmp_path / "county.csv", SIMPLE)
    run(path)
    pantry = rows()["F1 en"]
    service = m.Service.objects.using(JOBS).get(id=loader.service_id("valleys-benefits"))
    mark = m.Attribute.objects.using(JOBS).create(
        part_of_id=service.organization_id,
        link_table="service",
        link_id=service.id,
        link_entity="service",
        taxonomy_term=pantry,
    )
    try:
        before = last_change()
        run(write(path, SIMPLE.replace("Food pantry", "Pantry of the county")))
        shown = api(None).get(f"/v1/directory/services/{service.id}").content.decode()
        assert "Pantry of the county" in shown
        assert {("taxonomy_term", pantry.id), ("service", service.id)} <= changes(before)
    finally:
        with transaction.atomic(using=JOBS):
            mark.delete()
            render([service.id])


def test_a_new_version_of_ours_renders_what_carries_its_terms(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A synonym is in no row: the version tells that there are others."""
    words = {"search": "zzyzxword"}
    assert api(None).get("/v1/directory/services", words).json()["contents"] == []
    key = ("needs", "pets")
    synonyms = vocabulary.synonyms() | {key: ["zzyzxword"]}
    first, *others = vocabulary.taxonomies()
    newer = (replace(first, version="2"), *others)
    try:
        with monkeypatch.context() as patched:
            patched.setattr("directory.projection.search_text.synonyms", lambda: synonyms)
            patched.setattr(vocabulary, "taxonomies", lambda: newer)
            bundled.load()
        found = api(None).get("/v1/directory/services", words).json()["contents"]
        assert [one["name"] for one in found] == ["Foster care for pets"]
    finally:
        bundled.load()
    assert api(None).get("/v1/directory/services", words).json()["contents"] == []


def last_change() -> int:
    with connections[JOBS].cursor() as cursor:
        cursor.execute("SELECT coalesce(max(seq), 0) FROM directory_change")
        return int(cursor.fetchone()[0])


def changes(after: int) -> set[tuple[str, UUID]]:
    with connections[JOBS].cursor() as cursor:
        cursor.execute("SELECT kind, entity_id FROM directory_change WHERE seq > %s", [after])
        return set(cursor.fetchall())


TOPS = """id,name,description,uri,version
a,County services,What there is,example.org/a,3
"""
TERMS = """id,code,name,description,parent_id,taxonomy,language,taxonomy_id,term_uri
6a1e2c9a-44f1-4d4a-8b4e-0c3a5f0e7d21,F,Food,Meals,,,en,a,
2,F1,Food pantry,,6a1e2c9a-44f1-4d4a-8b4e-0c3a5f0e7d21,,en,a,not a url
"""


@pytest.mark.parametrize("named", ["", "taxonomy_terms.csv", "taxonomies.csv"])
def test_the_standards_own_files(tmp_path: Path, forgotten: None, named: str) -> None:
    write(tmp_path / "taxonomies.csv", TOPS)
    write(tmp_path / "taxonomy_terms.csv", TERMS)
    said = run(tmp_path / named)
    assert "2 created" in said
    assert "corrected: taxonomy_terms.csv line 3: term_uri: not a URL, left out" in said
    found = rows()
    assert str(found["F en"].id) == "6a1e2c9a-44f1-4d4a-8b4e-0c3a5f0e7d21"
    assert found["F1 en"].parent_id == found["F en"].id
    top = m.Taxonomy.objects.using(JOBS).get(source=SOURCE)
    assert (top.name, top.uri, top.version) == ("County services", "https://example.org/a", "3")
    other_ids = TERMS.replace("0c3a5f0e7d21", "0c3a5f0e7d99")
    write(tmp_path / "taxonomy_terms.csv", other_ids)
    assert "0 created, 1 changed, 1 unchanged" in run(tmp_path / named)
    assert rows()["F en"].id == found["F en"].id, "found by its code"


def test_an_id_of_another_source_is_refused(tmp_path: Path, forgotten: None) -> None:
    own = str(vocabulary.term_id("needs", "rent"))
    path = write(tmp_path / "taxonomy_terms.csv", f"id,code,name\n1,A,A\n{own},B,Taken over\n")
    with pytest.raises(CommandError, match="belongs to the source cairn-taxonomy"):
        run(path)
    assert rows() == {}
    assert term_row("needs", "rent").name == "Rent and relocation"


XML = """<?xml version="2.0" encoding="UTF-8"?>
<taxonomy><version>7.1</version><update_date></update_date>
 <services>
  <descriptions><category id="10" title="food">Where there
     is something to eat. </category></descriptions>
  <top_level id="10" title="Food"><second_level id='11' title="Pantry &amp; Meals">
   <third_level id="11" title="Meals"></third_level></second_level></top_level>
 </services>
 <situations><top_level id="20" title="Age"/></situations>
</taxonomy>"""


def test_open_eligibilitys_xml(tmp_path: Path, forgotten: None) -> None:
    said = run(write(tmp_path / "oe.xml", XML))
    assert "4 created" in said
    assert "corrected: line 7: the code 11 stands twice, Meals gets 11-2" in said
    found = rows()
    assert found["10 en"].description == "Where there is something to eat."
    assert found["11 en"].name == "Pantry & Meals"
    assert found["11-2 en"].parent_id == found["11 en"].id
    tops = m.Taxonomy.objects.using(JOBS).filter(source=SOURCE).order_by("name")
    assert [(top.name, top.version) for top in tops] == [
        ("Open Eligibility: services", "7.1"),
        ("Open Eligibility: situations", "7.1"),
    ]
    assert "0 created, 0 changed, 4 unchanged" in run(tmp_path / "oe.xml")


@real_data
def test_the_real_open_eligibility(forgotten: None) -> None:
    path = Path(str(SAMPLES)) / "taxonomies" / "open-eligibility-2.0.xml"
    assert "created, 0 changed, 0 unchanged" in run(path)
    shelter = [row for row in rows().values() if row.name == "Emergency Shelter"]
    assert vocabulary.codes_for_name(shelter[0].name) == {("needs", "emergency-shelter")}
    assert " 0 created, 0 changed" in run(path)


BOMB = """<?xml version="1.0"?>
<!DOCTYPE taxonomy [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<taxonomy><services><top_level id="1" title="&b;"/></services></taxonomy>"""
PEEK = """<!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<taxonomy><services><top_level id="1" title="A">&x;</top_level></services></taxonomy>"""


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.xml", BOMB, "document type is declared"),
        ("a.xml", PEEK, "document type is declared"),
        ("a.xml", "<taxonomy><services>", "not well-formed"),
        ("a.xml", "<taxonomy><services/></taxonomy>", "no services or situations"),
        (
            "a.xml",
            '<t><services>\n<top_level id="1"/></services></t>',
            "line 2: an entry without id or title",
        ),
        ("a.csv", "who,what\n1,2\n", "columns code, name"),
        ("a.csv", "code,name\n", "no term|no taxonomy"),
        ("a.csv", "code,name\nA,\n,B\n", "a.csv line 2: no name\na.csv line 3: no code"),
        ("a.csv", "code,name,parent_code\nA,One,B\n", "line 2: its parent_code is no code"),
        ("a.csv", "code,name\nA,One\nA,Two\n", "A: stands twice"),
        ("a.csv", "code,name,parent_code\nA,One,B\nB,Two,A\n", "stands below itself"),
        ("a.csv", 'code,name\nA,"One\n', "unexpected end of data"),
        ("taxonomy_terms.csv", "id,name,parent_id\n1,A,2\n", "its parent_id is no id"),
    ],
)
def test_a_file_at_fault_is_told_in_words_and_nothing_is_stored(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    with pytest.raises(CommandError, match=says):
        run(write(tmp_path / name, text))
    assert rows() == {}


@no_database
def test_files_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotATaxonomy, match="there is no such file"):
        file_formats.read(tmp_path / "nothing.csv", SOURCE)
    (tmp_path / "latin.csv").write_bytes("code,name\nA,ni\xf1os\n".encode("latin-1"))
    with pytest.raises(NotATaxonomy, match="not text in UTF-8"):
        file_formats.read(tmp_path / "latin.csv", SOURCE)
    monkeypatch.setattr(file_formats, "MOST_BYTES", 10)
    with pytest.raises(NotATaxonomy, match="larger than"):
        file_formats.read(write(tmp_path / "large.csv", SIMPLE), SOURCE)
