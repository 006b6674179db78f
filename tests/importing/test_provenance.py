"""Where an entry came from: what the API's details and the pages of a service say of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import DatabaseError, connections

from directory import models as m
from directory.demo.loader import SOURCE as DEMO
from directory.exporting import export
from directory.importing import import_package, sources
from directory.importing.parsing import id_of
from permissions.database.advisory_locks import IMPORTING
from permissions.database.aliases import JOBS
from tests.importing.described_source import (
    HOME,
    LICENSE,
    LINK,
    SOURCE,
    TALKING,
    WALKING,
    changes,
    detail,
)
from tests.importing.described_source import run as run  # a fixture
from tests.importing.takes import Take
from tests.importing.takes import take as take  # a fixture
from tests.support.ground.stale_projections import stale
from tests.support.people.desk_pages import Pages, at_the_desk, text_of
from tests.support.people.directory_entries import LIST, ORGANIZATIONS, OURS, make
from tests.support.people.hsds_source import (
    HELP,
    SECRET_PLACE,
    changed,
    forget,
)

# -- The API ---------------------------------------------------------------------------------------


def test_details_say_source_license_link_and_date(run: Any, api: Any) -> None:
    run(HELP, "--license", LICENSE, "--link", LINK)
    service = detail(api, TALKING)
    assert service["provenance"] == {
        "source": SOURCE,
        "license": LICENSE,
        "link": LINK,
        "imported": service["provenance"]["imported"],
    }
    written = m.Service.objects.using(JOBS).get(id=TALKING).imported_at
    assert written is not None
    assert service["provenance"]["imported"] == written.isoformat().replace("+00:00", "Z")
    organization = detail(api, HOME, ORGANIZATIONS)
    assert organization["provenance"].items() >= {"license": LICENSE, "link": LINK}.items()
    assert service["organization"]["provenance"] == organization["provenance"]
    asked = {"organization_id": str(HOME)}
    for item in api(None).get(LIST, asked).json()["contents"]:
        assert "provenance" not in item
    for item in api(None).get(LIST, asked | {"full": "true"}).json()["contents"]:
        assert item["provenance"]["license"] == LICENSE
    plain = api(None).get(f"{LIST}/{TALKING}", {"plain": "true"}).json()
    assert "provenance" not in plain
    assert "provenance" not in plain["organization"]
    assert stale(SOURCE) == {}


def test_without_license_and_link_the_source_and_the_date_are_said(run: Any, api: Any) -> None:
    assert detail(api, TALKING)["provenance"].keys() == {"source", "imported"}


def test_an_import_that_changes_nothing_dates_nothing(run: Any, api: Any) -> None:
    run(HELP, "--license", LICENSE)
    before, fed = detail(api, TALKING), changes(api(None))
    run(HELP)
    run(HELP, "--license", LICENSE)
    assert detail(api, TALKING) == before, "the license is remembered"
    assert changes(api(None)) == fed
    run(changed(HELP, "services", 1, description="By the river."))
    assert detail(api, TALKING)["provenance"] == before["provenance"]
    walking = detail(api, WALKING)["provenance"]
    assert walking["imported"] > before["provenance"]["imported"]
    assert walking["license"] == LICENSE
    assert stale(SOURCE) == {}


def test_a_new_license_is_in_each_entry_and_in_the_feed(run: Any, api: Any) -> None:
    run(HELP, "--license", LICENSE, "--link", LINK)
    before, fed = detail(api, TALKING)["provenance"], changes(api(None))
    run(HELP, "--license", "CC0 1.0", "--link", "")
    assert detail(api, TALKING)["provenance"] == {
        "source": SOURCE,
        "license": "CC0 1.0",
        "imported": before["imported"],
    }
    told = {(line["kind"], line["id"], line["action"]) for line in changes(api(None))[len(fed) :]}
    assert told == {
        ("organization", str(HOME), "updated"),
        ("service", str(TALKING), "updated"),
        ("service", str(WALKING), "updated"),
    }
    assert stale(SOURCE) == {}


def test_what_is_said_can_be_forgotten(run: Any, api: Any) -> None:
    run(HELP, "--license", LICENSE)
    assert detail(api, TALKING)["provenance"]["license"] == LICENSE
    run(HELP, "--license", "", "--link", "")
    assert "license" not in detail(api, TALKING)["provenance"]
    assert not m.Source.objects.using(JOBS).filter(name=SOURCE).exists()


def test_a_license_of_a_source_without_entries_waits_for_them(take: Take, api: Any) -> None:
    sources.describe("empty", {"license": LICENSE})
    try:
        row = m.Source.objects.using(JOBS).get(name="empty")
        assert (row.license, row.due) == (LICENSE, False)
        take(HELP, source="empty")
        said = detail(api, id_of("empty", "service", "10"))["provenance"]
        assert said["license"] == LICENSE
    finally:
        forget("empty")


def test_while_an_import_runs_no_other_says_a_license(run: Any, api: Any, superuser: Any) -> None:
    held = [IMPORTING, SOURCE]
    with superuser.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", held)
        try:
            with pytest.raises(import_package.ImportRunning, match="under way"):
                sources.describe(SOURCE, {"license": LICENSE})
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", held)
    assert "license" not in detail(api, TALKING)["provenance"]


def test_a_dry_run_remembers_nothing(run: Any, api: Any) -> None:
    run(HELP, "--license", LICENSE, "--dry-run")
    assert "license" not in detail(api, TALKING)["provenance"]
    assert not m.Source.objects.using(JOBS).filter(name=SOURCE).exists()


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--license", "x" * 501),
        ("--license", "two\nlines"),
        ("--license", "turned \u202e round"),
        ("--link", "javascript:alert(1)"),
        ("--link", "data.example.org"),
        ("--link", "https://data.example.org/a b"),
        ("--link", "ftp://data.example.org"),
        ("--link", "https://"),
        ("--link", "https://me:secret@data.example.org"),
        ("--link", "https://[data.example.org"),
        ("--link", "https://data.example.org/\u202e"),
        ("--link", "JavaScript:alert(1)//https://data.example.org"),
        ("--link", "https://data.example.org/" + "x" * 500),
    ],
)
def test_what_no_page_may_show_is_refused(run: Any, api: Any, option: str, text: str) -> None:
    with pytest.raises(CommandError, match=option):
        run(changed(HELP, "services", 0, name="Never"), option, text)
    assert detail(api, TALKING)["name"] == "Talking"
    assert not m.Source.objects.using(JOBS).filter(name=SOURCE).exists()


# -- What is confidential --------------------------------------------------------------------------


def texts_of(model: Any) -> str:
    rows = model._default_manager.using(JOBS)
    return "\n".join(f"{one.document}{one.full_document}" for one in rows.all())


def test_what_is_confidential_says_nothing_of_where_it_came_from(run: Any, api: Any) -> None:
    run(SECRET_PLACE, "--license", LICENSE, "--link", LINK)
    for answer in (api("police.worker"), api("ywca.worker")):
        secret = answer.get(f"{LIST}/{TALKING}").json()
        assert secret["confidential"]
        assert "provenance" not in secret
        assert secret["organization"]["provenance"]["license"] == LICENSE, "it is public"
    assert api(None).get(f"{LIST}/{TALKING}").status_code == 404
    assert detail(api, WALKING)["provenance"]["license"] == LICENSE
    for model in (m.NetworkListing, m.NetworkPlace, m.NetworkOrganization):
        assert LICENSE not in texts_of(model)
    fed = changes(api("police.worker"))
    run(SECRET_PLACE, "--license", "CC0 1.0")
    told = {line["id"] for line in changes(api("police.worker"))[len(fed) :]}
    # A service's detail shows its organization, so that a change of this one is one of both.
    assert {str(HOME), str(WALKING)} <= told
    assert "CC0 1.0" not in texts_of(m.NetworkListing)
    assert stale(SOURCE) == {}


def test_of_a_confidential_organization_nobody_learns_the_source(run: Any, api: Any) -> None:
    hidden = changed(HELP, "organizations", 0, confidential="yes")
    public = changes(api(None))
    run(hidden, "--license", LICENSE, "--link", LINK)
    for path in (f"{ORGANIZATIONS}/{HOME}", f"{LIST}/{TALKING}"):
        assert api(None).get(path).status_code == 404
        inside = api("police.worker").get(path)
        assert inside.status_code == 200
        assert "provenance" not in inside.content.decode()
        assert LICENSE not in inside.content.decode()
    last = {line["id"]: line["action"] for line in changes(api(None))[len(public) :]}
    assert last == {str(one): "deleted" for one in (HOME, TALKING, WALKING)}
    after = changes(api(None))
    run(hidden, "--license", "CC0 1.0")
    assert changes(api(None)) == after


def test_a_hidden_parent_that_changes_dates_no_public_organization(run: Any, api: Any) -> None:
    parent = {"id": "2", "name": "Hidden House", "confidential": "yes"}
    both = {**HELP, "organizations": [*HELP["organizations"], parent]}
    run(both)
    before, fed = detail(api, HOME, ORGANIZATIONS), changes(api(None))
    run(changed(both, "organizations", 0, parent_organization_id="2"))
    row = m.Organization.objects.using(JOBS).get(id=HOME)
    assert row.parent_organization_id == id_of(SOURCE, "organization", "2")
    assert detail(api, HOME, ORGANIZATIONS) == before
    told = [line for line in changes(api(None))[len(fed) :] if line["kind"] == "organization"]
    assert told == []


# -- Entries that are written here -----------------------------------------------------------------


def test_what_was_written_here_came_from_nowhere(api: Any) -> None:
    editor = api("ywca.editor")
    path = make(editor, provenance={"source": "a county", "license": LICENSE})
    assert "provenance" not in editor.get(path).json()


def test_a_service_that_is_sent_back_as_it_was_read_stays_as_it_is(api: Any) -> None:
    editor = api("ywca.editor")
    listed = editor.get(LIST, {"organization_id": OURS}).json()["contents"]
    path = f"{LIST}/{listed[0]['id']}"
    read = editor.get(path)
    before = read.json()
    assert before["provenance"]["source"] == DEMO
    other = before | {"provenance": {"source": "another", "license": LICENSE}}
    for document in (before, other):
        answer = editor.put(path, document, If_Match=read["ETag"])
        assert answer.status_code == 200, answer.content
        assert answer.json() == before
    refused = editor.patch(path, {"imported_at": "2026-01-01T00:00:00Z"}, If_Match="*")
    assert refused.status_code == 400


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE directory_service SET imported_at = now()",
        "UPDATE directory_organization SET imported_at = now()",
        "INSERT INTO directory_source (name, license, link) VALUES ('a', '', '')",
        "UPDATE directory_source SET license = ''",
        "DELETE FROM directory_source",
    ],
)
@pytest.mark.parametrize("role", ["editor", "default"])
def test_no_editor_writes_where_an_entry_came_from(network: Any, role: str, statement: str) -> None:
    with (
        pytest.raises(DatabaseError, match="permission denied"),
        connections[role].cursor() as cursor,
    ):
        cursor.execute(statement)


def test_an_edit_of_an_imported_entry_leaves_where_it_came_from(api: Any) -> None:
    editor = api("ywca.editor")
    path = f"{ORGANIZATIONS}/{OURS}"
    before = editor.get(path).json()
    assert before["provenance"].keys() == {"source", "imported"}
    change = {"description": "Of a test.", "provenance": {"source": "another"}}
    after = editor.patch(path, change, If_Match="*")
    assert after.status_code == 200, after.content
    assert after.json()["provenance"] == before["provenance"]


# -- Exports ---------------------------------------------------------------------------------------


def sources_of(folder: Path) -> list[Any]:
    found: list[Any] = json.loads((folder / "datapackage.json").read_text()).get("sources", [])
    return found


def test_an_export_names_the_sources_of_what_is_in_it(run: Any, tmp_path: Path) -> None:
    run(HELP, "--license", LICENSE, "--link", LINK)
    export(tmp_path / "named")
    assert sources_of(tmp_path / "named") == [
        {"title": DEMO},
        {"title": SOURCE, "path": LINK, "license": LICENSE},
    ]
    run(changed(HELP, "organizations", 0, confidential="yes"))
    export(tmp_path / "hidden")
    assert sources_of(tmp_path / "hidden") == [{"title": DEMO}]
    assert LICENSE not in (tmp_path / "hidden" / "datapackage.json").read_text()


# -- Pages -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", ("From test, imported ", "License: ")),
        ("es", ("De test, importada el ", "Licencia: ")),
    ],
)
def test_the_pages_of_a_service_say_it_in_one_line(
    run: Any, settings: Any, language: str, says: tuple[str, str]
) -> None:
    settings.LANGUAGES = [("en", "English"), ("es", "Español")]
    run(HELP, "--license", LICENSE, "--link", LINK)
    for pages, root in ((Pages(), "/directory"), (at_the_desk("police.worker"), "/desk/directory")):
        pages.http.cookies[settings.LANGUAGE_COOKIE_NAME] = language
        answer = pages.get(f"{root}/{TALKING}")
        page = text_of(answer.content)
        assert says[0] in page
        assert f"{says[1]}{LICENSE}." in page
        assert f'<a href="{LINK}" rel="noreferrer noopener">' in answer.content.decode()


def test_a_page_of_what_was_written_here_says_nothing_of_it(api: Any) -> None:
    path = make(api("ywca.editor"))
    page = text_of(Pages().get(f"/directory/{path.rpartition('/')[2]}").content)
    assert "imported" not in page
    assert "License" not in page
