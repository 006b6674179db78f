"""A month of the access log that is older than it is kept: archived, signed off, dropped; and all
that is left, and the archive by itself, goes on to verify."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from permissions.ledger import retention, sealed_export, verifier
from tests.support.ground.cluster import HOME
from tests.support.ground.repository import REPOSITORY
from tests.support.ground.waiting import ended
from tests.support.people.seals import (
    YEARS,
    Old,
    ask,
    checked,
    faults,
    retire,
    seal,
    tampered,
    write,
)
from tests.support.people.seals import old as old  # a fixture


def test_a_month_leaves_and_what_is_left_goes_on_to_verify(
    old: Old, api: Any, superuser: Any, tmp_path: Path
) -> None:
    said = retire(tmp_path, old.month)
    assert f"{old.month}: {old.entries} entries, dropped" in said
    assert not old.is_there()
    assert faults() == []
    write(api)
    seal()
    assert faults() == [], "and so does what is sealed after it"
    archive = tmp_path / f"access-log-{old.month}.txt"
    assert archive.stat().st_mode & 0o777 == 0o600
    told = checked(archive, tmp_path / "keys", "--part")
    assert (told.returncode, told.stdout.splitlines()[-1]) == (0, "As it was sealed."), told.stdout
    assert sum(line[65:66] == "[" for line in archive.read_text().splitlines()) == old.entries
    log = tmp_path / "log.txt"
    log.write_text("".join(f"{line}\n" for line in sealed_export.lines()))
    told = checked(log, tmp_path / "keys")
    assert told.returncode == 0, told.stdout
    assert f"RETIRED: {old.entries} entries of {old.month}" in told.stdout
    assert "already dropped before" in retire(tmp_path, old.month), "twice is safe"


def test_a_month_that_is_added_takes_the_entries_that_were_written_without_it(
    api: Any, superuser: Any, shift_clock: Any
) -> None:
    """Until then they are in the default partition, which takes entries of a missing month."""
    year = next(YEARS)
    seal()
    caller = api("ywca.worker")
    (back,) = ask(superuser, f"SELECT (timestamptz '{year}-03-15T12:00Z' - now())::text")
    shift_clock(back)
    assert caller.get("/v1/referrals").status_code == 200
    shift_clock("0")
    seal()
    where = "SELECT tableoid::regclass::text, id::text, leaf FROM access_entry WHERE at BETWEEN"
    where += f" '{year}-03-01Z' AND '{year}-04-01Z'"
    table, entry, leaf = ask(superuser, where)
    assert table == "access_entry_other"
    superuser.commit()
    with connections["owner"].cursor() as cursor:
        for _ in range(2):
            cursor.execute("SELECT sec.add_log_partition(%s)", [f"{year}-03-01"])
    assert ask(superuser, where) == (f"access_entry_{year}_03", entry, leaf)
    assert faults() == []
    assert api("ywca.worker").get(f"/v1/access-log/{entry}/receipt").status_code == 200
    for one in ("access_entry_other", f"access_entry_{year}_03"):
        assert ask(superuser, "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class"
                   " WHERE oid = %s::regclass", one) == (True,)  # fmt: skip
        enabled = (
            "SELECT array_agg(tgname::text || ' ' || tgenabled::text ORDER BY tgname) FROM"
            " pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal"
        )
        guarded = ["append_only A", "hash_entry A", "no_truncate A", "tell_of_operator A"]
        assert ask(superuser, enabled, one) == (guarded,)
    superuser.commit()


def test_receipts_next_to_a_month_that_left_are_proved_and_those_of_it_are_said_to_have_left(
    old: Old, api: Any, superuser: Any, tmp_path: Path
) -> None:
    worker, auditor = api("ywca.worker"), api("ywca.auditor")
    (seq,) = ask(superuser, "SELECT max(seq) FROM log_checkpoint")
    batch = (
        "SELECT l.entry_id::text FROM log_leaf l JOIN log_checkpoint c ON l.position >= c.first"
        " AND l.position < c.size WHERE c.seq = %s AND (to_char(l.entry_at, 'YYYY-MM') = %s) = %s"
        " LIMIT 1"
    )
    (left,) = ask(superuser, batch, seq, old.month, True)
    (beside,) = ask(superuser, batch, seq, old.month, False)
    superuser.commit()
    proof = auditor.get(f"/v1/access-log/{beside}/proof").json()
    receipts = [worker.get(f"/v1/access-log/{entry}/receipt") for entry in (beside, left)]
    assert [one.status_code for one in receipts] == [200, 200]
    retire(tmp_path, old.month)
    assert auditor.get(f"/v1/access-log/{beside}/proof").json() == proof
    assert worker.get(f"/v1/access-log/{beside}/receipt").json() == receipts[0].json()
    for answer in (
        worker.get(f"/v1/access-log/{left}/receipt"),
        auditor.get(f"/v1/access-log/{left}/proof"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "retired")
        assert "archive" in answer.json()["detail"]
    signed, log, keys = (tmp_path / name for name in ("receipt", "log", "keys"))
    signed.write_text(receipts[1].content.decode())
    log.write_text("".join(f"{line}\n" for line in sealed_export.lines()))
    told = checked(log, keys, "--receipt", str(signed))
    assert (told.returncode, "in the archive of its month" in told.stdout) == (2, True), told
    archive = tmp_path / f"access-log-{old.month}.txt"
    told = checked(archive, keys, "--part", "--receipt", str(signed))
    assert (told.returncode, "Its entry is here." in told.stdout) == (0, True), told


def test_an_archive_that_is_altered_is_found(old: Old, tmp_path: Path) -> None:
    retire(tmp_path, old.month)
    archive = tmp_path / f"access-log-{old.month}.txt"
    lines = archive.read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if line[65:66] == "[")
    entry = json.loads(lines[at][65:])[0]
    for change, what in (
        (lines[at].replace("referral.list", "referral.read"), f"an entry was changed: {entry}"),
        (f"{lines[at][:64]} - {entry} {old.month}-15T12:00:00Z", f"an entry is gone: {entry}"),
        (None, "the entries are not those that were signed"),
    ):
        kept = [*lines[:at], *([change] if change else []), *lines[at + 1 :]]
        archive.write_text("\n".join(kept) + "\n")
        told = checked(archive, tmp_path / "keys", "--part")
        assert (told.returncode, what in told.stdout) == (1, True), told.stdout
    archive.write_text("\n".join(lines) + "\n")
    assert checked(archive, tmp_path / "keys").returncode == 2, "a part is not the whole"


def test_no_one_can_hide_an_entry_behind_a_month_that_was_retired(
    old: Old, api: Any, superuser: Any, tmp_path: Path
) -> None:
    """The owner of the database deletes an entry, and says of it that it was of that month."""
    retire(tmp_path, old.month)
    write(api)
    seal()
    superuser.commit()
    row = "SELECT entry_id::text FROM log_leaf ORDER BY position DESC LIMIT 1"
    (hidden,) = ask(superuser, row)
    with tampered(superuser) as cursor:
        cursor.execute("DELETE FROM access_entry WHERE id = %s", [hidden])
        cursor.execute(
            f"UPDATE log_leaf SET entry_at = '{old.month}-02T00:00Z' WHERE entry_id = %s", [hidden]
        )
        superuser.commit()
        found = faults()
        assert verifier.Fault("an entry is gone", hidden) in found
        assert len(found) == old.entries + 1, "of that month nothing is believed any more"
    assert faults() == []


def test_what_is_not_as_it_was_sealed_is_not_dropped(
    old: Old, superuser: Any, tmp_path: Path
) -> None:
    with tampered(superuser) as cursor:
        cursor.execute(f"UPDATE {old.table} SET act = 'referral.read' WHERE act = 'referral.list'")
        assert cursor.rowcount
        superuser.commit()
        with pytest.raises(CommandError, match="not as it was sealed: an entry was changed"):
            retire(tmp_path, old.month)
    assert old.is_there()
    assert list(tmp_path.iterdir()) == []


def test_what_has_no_seal_is_not_dropped(old: Old, tmp_path: Path) -> None:
    old.write()
    with pytest.raises(CommandError, match="are not sealed yet"):
        retire(tmp_path, old.month)
    assert old.is_there()
    seal()
    assert f"{old.entries + 1} entries, dropped" in retire(tmp_path, old.month)


def test_killed_after_it_was_signed_it_is_finished_by_running_it_again(
    old: Old, superuser: Any, django_db_setup: str, tmp_path: Path
) -> None:
    """It waits for a reader of the log, signed already; there it is killed."""
    superuser.autocommit = False
    with superuser.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {old.table}")  # holds the table until the end
        process = subprocess.Popen(
            [
                sys.executable,
                *f"manage.py ledger retire --month {old.month} --to".split(),
                tmp_path,
            ],
            cwd=REPOSITORY,
            env=os.environ | {"CAIRN_HOME": str(HOME), "CAIRN_DATABASE": django_db_setup},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        with ended(process), process.stdout:
            assert any("signed off" in line for line in process.stdout)
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                       " WHERE usename = 'owner' AND query LIKE 'ALTER TABLE%'")  # fmt: skip
    superuser.commit()
    superuser.autocommit = True
    assert old.is_there()
    assert f"{old.entries} entries, dropped" in retire(tmp_path, old.month)
    assert not old.is_there()
    assert faults() == []


def test_what_was_signed_off_before_is_dropped_next_to_its_archive_and_nowhere_else(
    old: Old, superuser: Any, tmp_path: Path
) -> None:
    """The first run's folder went with its container: no one would have these entries any more."""
    lost, kept = tmp_path / "lost", tmp_path / "kept"
    lost.mkdir(), kept.mkdir()
    superuser.autocommit = False
    with superuser.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {old.table}")  # holds the table until the end
        with pytest.raises(CommandError, match="Run this again"):
            retire(lost, old.month)
    superuser.commit()
    superuser.autocommit = True
    assert old.is_there()
    assert f"{old.entries} entries, dropped" in retire(kept, old.month)
    name = f"access-log-{old.month}.txt"
    assert (kept / name).read_bytes() == (lost / name).read_bytes()
    assert faults() == []


def test_a_signing_off_that_no_one_signed_drops_nothing(
    old: Old, superuser: Any, tmp_path: Path
) -> None:
    """The owner of the database says that the month was archived, and waits for the operator."""
    with tampered(superuser) as cursor:
        said = {"month": old.month, "entries": old.entries, "leaves": "", "archive": ""}
        cursor.execute(
            "INSERT INTO log_checkpoint SELECT seq + 1, size, size, xact_before, jsonb_set("
            "body::jsonb, '{retired}', %s)::text, key_id, signature FROM log_checkpoint"
            " ORDER BY seq DESC LIMIT 1",
            [json.dumps(said)],
        )
        cursor.execute(
            "UPDATE log_checkpoint SET body = replace(body, '\"retired\": {', '\"retired\":{')"
            " WHERE seq = (SELECT max(seq) FROM log_checkpoint)"
        )
        superuser.commit()
        with pytest.raises(CommandError, match="other entries than were archived and signed"):
            retire(tmp_path, old.month)
        assert old.is_there()


@pytest.mark.parametrize(
    ("month", "why"),
    [
        ("2019-13", "is not a month"),
        ("last March", "is not a month"),
        ("2018-01", "has no partition"),
    ],
)
def test_a_month_that_cannot_go_is_refused(month: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=why):
        retire(tmp_path, month)


def test_the_last_six_years_stay(superuser: Any, tmp_path: Path) -> None:
    (now,) = ask(superuser, "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM')")
    with pytest.raises(CommandError, match="is kept for 6 years"):
        retire(tmp_path, now)
    today = retention.Month.read(now).first
    six_years_ago = retention.Month(today.replace(year=today.year - 6))
    assert not six_years_ago.is_over(today)
    before = six_years_ago.first.toordinal() - 1
    assert retention.Month(today.fromordinal(before).replace(day=1)).is_over(today)


def test_without_the_owners_url_it_says_so_before_it_signs_anything(
    old: Old, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections["owner"].close()
    with monkeypatch.context() as no_url:
        no_url.setitem(connections["owner"].settings_dict, "PASSWORD", "not-hers")
        with pytest.raises(CommandError, match="set DATABASE_URL_OWNER for this command"):
            retire(tmp_path, old.month)
    assert list(tmp_path.iterdir()) == []
    assert old.is_there()


def test_whoever_holds_the_log_is_waited_for_and_then_said(
    old: Old, superuser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "LOCK_WAIT", "100ms")
    superuser.autocommit = False
    with superuser.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {old.table} IN ACCESS SHARE MODE")
        with pytest.raises(CommandError, match=r"being written to\. Run this again"):
            retire(tmp_path, old.month)
    superuser.rollback()
    superuser.autocommit = True
    assert "entries, dropped;" in retire(tmp_path, old.month)


def test_of_two_shells_one_retires_and_the_other_is_told(old: Old, tmp_path: Path) -> None:
    """Both would write one file, and sign the hash of what of it was there just then."""
    refused: list[str] = []

    def in_another_shell() -> None:
        try:
            retire(tmp_path, old.month)
        except CommandError as error:
            refused.append(str(error))
        finally:
            connections.close_all()

    def say(line: str) -> None:
        if line.startswith("Writing"):
            shell = threading.Thread(target=in_another_shell)
            shell.start()
            shell.join()

    done = retention.retire_month(retention.Month.read(old.month), tmp_path, say)
    assert (done.entries, done.dropped) == (old.entries, True)
    assert refused == ["Another process is retiring a month. Run this again when it has ended."]
    assert "already dropped before" in retire(tmp_path, old.month)


def test_it_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="required: --month, --to"):
        call_command("ledger", "retire")
    with pytest.raises(CommandError, match="There is no folder"):
        call_command("ledger", "retire", month="2019-03", to=tmp_path / "nowhere")
