"""What an auditor takes away as a file: the list, and the sealed export to be verified."""

import csv
import io
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.http import StreamingHttpResponse

from api import audit_downloads
from permissions.audit import queries
from permissions.ledger import sealed_export as module_of_sealed_export
from tests.access_log.audit_reads import (
    EXPORT,
    LOG,
    OPT_INS,
    entries_of,
    lines,
    opt_in,
    sealed_export,
)
from tests.support.ground.database import full_story, turned_off
from tests.support.people.access_log import one, read_all, the_log_is_full
from tests.support.people.callers import agency_id, member_id
from tests.support.people.seals import (
    Old,
    checked,
    guard,
    partitions,
    retire,
    seal,
    tampered,
    write,
)
from tests.support.people.seals import old as old  # a fixture
from tests.support.people.stories import PACKET, Story


def test_an_export_is_the_list_in_both_formats_and_is_itself_an_entry(
    story: Story, api: Any, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_story(story, api)
    monkeypatch.setattr(queries, "EXPORTED_AT_ONCE", 3)
    auditor = api("ywca.auditor")
    answer = auditor.get(EXPORT, {"referral_id": story.id, "format": "ndjson"})
    assert entries_of(superuser, answer) == [("access_log.export", "allowed", None)], "before"
    found = lines(answer)
    listed = read_all(auditor, {"referral_id": story.id})
    assert found == [row for row in listed if not row["act"].startswith("access_log.")]
    assert len(found) > 6, "more than one part"
    assert answer["Content-Disposition"] == 'attachment; filename="access-log.ndjson"'
    assert answer["Cache-Control"] == "no-store"
    as_csv = auditor.get(EXPORT, {"referral_id": story.id, "format": "csv"})
    whole = b"".join(as_csv.streaming_content)
    assert whole.startswith(b"\xef\xbb\xbf"), "or a spreadsheet garbles José"
    text = whole.decode("utf-8-sig")
    table = list(csv.DictReader(io.StringIO(text, newline="")))
    rows = [row for row in table if not row["act"].startswith("access_log.")]
    assert [row["id"] for row in rows] == [row["id"] for row in found]
    assert list(table[0]) == list(found[0])
    opened = next(row for row in found if row["fields"])
    beside = next(row for row in rows if row["id"] == opened["id"])
    assert beside["fields"].split() == opened["fields"]
    assert not any(value in text for value in PACKET.values())


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "＝", "  ="])
def test_a_cell_that_a_spreadsheet_would_run_is_text(first: str) -> None:
    assert audit_downloads.cell(f"{first}cmd|' /C calc'!A0").startswith("'")
    assert audit_downloads.cell(["referral.read"]) == "referral.read"
    assert audit_downloads.cell(None) == ""


def test_a_members_name_runs_in_no_spreadsheet(api: Any, superuser: Any) -> None:
    api("police.worker").get("/v1/referrals")
    formula = '=HYPERLINK("https://x.invalid")'
    with superuser.cursor() as cursor:
        named = [formula, str(member_id("police.worker"))]
        cursor.execute("SELECT name FROM permissions_membership WHERE id = %s", named[1:])
        (name,) = cursor.fetchone()
        cursor.execute("UPDATE permissions_membership SET name = %s WHERE id = %s", named)
        try:
            query = {"member_id": named[1], "format": "csv"}
            answer = api("police.auditor").get(EXPORT, query)
            text = b"".join(answer.streaming_content).decode("utf-8-sig")
        finally:
            cursor.execute(
                "UPDATE permissions_membership SET name = %s WHERE id = %s", [name, named[1]]
            )
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert {row["member_name"] for row in rows} == {f"'{formula}"}


def test_an_export_reads_in_parts_and_ends_with_the_right_to_it(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client sees a connection that broke off, never a log that seems shorter."""
    for _ in range(8):
        api("sarc.lead").get("/v1/referrals")
    monkeypatch.setattr(queries, "EXPORTED_AT_ONCE", 4)
    answer = api("sarc.auditor").get(EXPORT)
    assert isinstance(answer, StreamingHttpResponse)
    parts = iter(answer.streaming_content)
    assert len(next(parts).splitlines()) == 4
    with (
        turned_off("jobs", "permissions_membership", "active", member_id("sarc.auditor")),
        pytest.raises(queries.NotAuthenticated),
    ):
        next(parts)


def test_without_its_entry_nothing_is_exported_counted_or_checked(api: Any) -> None:
    auditor, admin = api("police.auditor"), api("police.admin")
    with the_log_is_full():
        answers = [
            auditor.get(EXPORT),
            auditor.get(f"{LOG}/counts", {"month": "2026-11"}),
            auditor.get(f"{LOG}/listings", {"referral_id": str(uuid4())}),
            auditor.get(f"{LOG}/seals"),
            auditor.post(f"{LOG}/seals/verify"),
            auditor.get(OPT_INS),
            admin.post(OPT_INS, opt_in()),
        ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (503, "log")
        assert answer.json()["safety_lines"]
    assert api("police.admin").get(OPT_INS).json()["items"] == []


def test_an_auditor_checks_her_own_export_with_the_verifier_and_sees_no_other_agencys_entry(
    story: Story, api: Any, superuser: Any, tmp_path: Path
) -> None:
    story.accept()
    seal()
    answer = api("ywca.auditor").get(EXPORT, {"format": "sealed"})
    assert entries_of(superuser, answer) == [("access_log.export", "allowed", None)]
    export = sealed_export(answer, tmp_path)
    told = checked(export, tmp_path / "keys", "--own")
    assert (told.returncode, "As it was sealed." in told.stdout) == (0, True), told.stdout
    assert "the leaf alone" in told.stdout
    kept = export.read_text().splitlines()
    entries = [json.loads(line[65:]) for line in kept if line[64:66] == " ["]
    assert {entry[2] for entry in entries} == {str(agency_id("ywca"))}
    count = (
        "SELECT count(*) FROM access_entry e"
        " JOIN log_leaf l ON (l.entry_id, l.entry_at) = (e.id, e.at)"
    )
    own = f"{count} WHERE agency_id = %s"
    assert len(entries) == one(superuser, own, [str(agency_id("ywca"))])
    assert str(agency_id("police")) not in export.read_text()
    assert {line[64:] for line in kept if line[:1] not in "{" and line[65] not in "[-"} == {" ~"}
    assert checked(export, tmp_path / "keys").returncode == 2, "it says that it is one agency's"
    # What the owner of the database does to her entries afterwards.
    hers = f"act = 'referral.accept' AND referral_id = '{story.id}'"
    accept = f"(SELECT id FROM access_entry WHERE {hers})"
    for edit, what in (
        (f"UPDATE access_entry SET act = 'referral.decline' WHERE id = {accept}", "was changed"),
        (f"DELETE FROM access_entry WHERE id = {accept}", "an entry is gone"),
        (
            "INSERT INTO access_entry (id, at, agency_id, act, decision, xact, leaf) SELECT"
            " gen_random_uuid(), at, agency_id, 'a.b', 'allowed', xact, leaf FROM access_entry"
            f" WHERE id = {accept}",
            "put in after its time",
        ),
    ):
        superuser.commit()
        with tampered(superuser) as cursor:
            cursor.execute(edit)
            guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
            superuser.commit()
            answer = api("ywca.auditor").get(EXPORT, {"format": "sealed"})
            told = checked(sealed_export(answer, tmp_path), tmp_path / "keys", "--own")
        assert (told.returncode, what in told.stdout) == (1, True), told.stdout
        seal()


def test_a_sealed_export_bears_a_month_that_was_retired(old: Old, api: Any, tmp_path: Path) -> None:
    retire(tmp_path, old.month)
    answer = api("police.auditor").get(EXPORT, {"format": "sealed"})
    told = checked(sealed_export(answer, tmp_path), tmp_path / "keys", "--own")
    assert told.returncode == 0, told.stdout
    assert f"RETIRED: {old.entries} entries of {old.month}" in told.stdout


def test_a_sealed_export_is_whole_and_an_auditors_and_ends_with_the_right_to_it(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(api, 8)
    seal()
    auditor = api("ywca.auditor")
    filtered = auditor.get(EXPORT, {"format": "sealed", "decision": "refused"})
    assert (filtered.status_code, filtered.json()["pointer"]) == (400, "format")
    assert api("ywca.worker").get(EXPORT, {"format": "sealed"}).status_code == 403
    monkeypatch.setattr(module_of_sealed_export, "ROWS_AT_ONCE", 4)
    answer = auditor.get(EXPORT, {"format": "sealed"})
    parts = iter(answer.streaming_content)
    assert len(next(parts).splitlines()) == 4
    with (
        turned_off("jobs", "permissions_membership", "active", member_id("ywca.auditor")),
        pytest.raises(queries.NotAuthenticated),
    ):
        list(parts)
