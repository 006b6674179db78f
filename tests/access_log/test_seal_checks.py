"""An auditor checks the seals of the log."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from tests.access_log.audit_reads import LOG
from tests.support.people.access_log import one
from tests.support.people.seals import (
    ROW,
    Old,
    guard,
    partitions,
    put_in,
    retire,
    seal,
    tampered,
    write,
)
from tests.support.people.seals import old as old  # a fixture


def test_the_seals_stand_and_are_checked_now(api: Any, superuser: Any) -> None:
    write(api, 4)
    seal()
    for who in ("ywca.auditor", "taskforce.auditor"):
        status = api(who).get(f"{LOG}/seals").json()
        assert status["newest"]["size"] == one(superuser, "SELECT count(*) FROM log_leaf")
        checked = api(who).post(f"{LOG}/seals/verify").json()
        assert checked["faults"] == []
        assert checked["entries"] > 0
        assert checked["last_seq"] == status["newest"]["seq"]
    write(api, 2)
    assert api("ywca.auditor").get(f"{LOG}/seals").json()["waiting"] >= 2


def test_a_check_goes_on_with_those_before(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from permissions.ledger import status as ledger_status

    for _ in range(3):
        write(api, 2)
        seal()
    monkeypatch.setattr(ledger_status, "MOST_ENTRIES_CHECKED", 1)
    auditor = api("ywca.auditor")
    first = auditor.post(f"{LOG}/seals/verify").json()
    assert first["first_seq"] == first["last_seq"] == first["earlier"]
    then = auditor.post(f"{LOG}/seals/verify", {"before": first["earlier"]}).json()
    assert then["last_seq"] == first["earlier"] - 1
    nothing_left = auditor.post(f"{LOG}/seals/verify", {"before": 1}).json()
    assert nothing_left["entries"] == 0
    assert nothing_left["earlier"] is None
    assert auditor.post(f"{LOG}/seals/verify", {"before": "x"}).status_code == 400


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (f"UPDATE access_entry SET act = 'x.y' WHERE id = {ROW}", "entries were changed (1)"),
        (f"DELETE FROM access_entry WHERE id = {ROW}", "entries are gone (1)"),
        ("UPDATE log_leaf SET leaf = sha256(leaf) WHERE position = %(place)s", "not those that"),
        (
            "UPDATE log_checkpoint SET body = replace(body, 'cairn/', 'Cairn/')",
            "not that of a known key",
        ),
    ],
)
def test_a_check_finds_what_the_owner_changed(
    api: Any, superuser: Any, edit: str, says: str
) -> None:
    write(api, 4)
    seal()
    place = one(superuser, "SELECT max(position) - 1 FROM log_leaf")
    auditor = api("police.auditor")
    with tampered(superuser) as cursor:
        cursor.execute(edit, {"place": place})
        guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
        superuser.commit()
        faults = auditor.post(f"{LOG}/seals/verify").json()["faults"]
    assert any(says in fault["what"] for fault in faults), faults
    assert all(fault["where"].startswith("checkpoint ") for fault in faults), "no entry's id"
    seal()
    assert auditor.post(f"{LOG}/seals/verify").json()["faults"] == []


def test_a_check_of_the_whole_ends_at_the_first_checkpoint_and_not_at_the_oldest_that_is_left(
    api: Any, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from permissions.ledger import status as ledger_status

    for _ in range(3):
        write(api, 2)
        seal()
    auditor = api("police.auditor")
    newest = one(superuser, "SELECT max(seq) FROM log_checkpoint")
    with tampered(superuser) as cursor:
        first = "(SELECT first FROM log_checkpoint WHERE seq = %(kept)s)"
        for edit in (
            f"DELETE FROM access_entry WHERE id IN (SELECT entry_id FROM log_leaf"
            f" WHERE position < {first})",
            f"DELETE FROM log_leaf WHERE position < {first}",
            "DELETE FROM log_checkpoint WHERE seq < %(kept)s",
        ):
            cursor.execute(edit, {"kept": newest - 1})
        guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
        superuser.commit()
        checked = auditor.post(f"{LOG}/seals/verify").json()
        assert checked["earlier"] is None
        missing = {
            "what": "checkpoints are missing before it",
            "where": f"checkpoint {newest - 1}",
        }
        assert missing in checked["faults"]
        # A portion is held against the one before it, too.
        cursor.execute("DELETE FROM log_checkpoint WHERE seq = %s", [newest - 1])
        cursor.execute(
            "INSERT INTO log_checkpoint SELECT seq - 1, first, first, xact_before, body, key_id,"
            " signature FROM log_checkpoint WHERE seq = %s",
            [newest],
        )
        superuser.commit()
        monkeypatch.setattr(ledger_status, "MOST_ENTRIES_CHECKED", 1)
        checked = auditor.post(f"{LOG}/seals/verify").json()
    assert checked["first_seq"] == newest
    assert "it does not follow the one before" in {one["what"] for one in checked["faults"]}


def test_a_month_that_was_retired_is_no_fault_and_one_that_was_dropped_is(
    old: Old, api: Any, superuser: Any, tmp_path: Path
) -> None:
    auditor = api("police.auditor")
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"ALTER TABLE access_entry DETACH PARTITION {old.table}")
    faults = auditor.post(f"{LOG}/seals/verify").json()["faults"]
    assert f"entries are gone ({old.entries})" in {fault["what"] for fault in faults}
    year = old.month[:4]
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            f"ALTER TABLE access_entry ATTACH PARTITION {old.table}"
            f" FOR VALUES FROM ('{year}-03-01T00:00:00Z') TO ('{year}-04-01T00:00:00Z')"
        )
    assert auditor.post(f"{LOG}/seals/verify").json()["faults"] == []
    retire(tmp_path, old.month)
    assert auditor.post(f"{LOG}/seals/verify").json()["faults"] == []


def test_a_check_finds_an_entry_that_was_put_in_and_names_ones_own(
    api: Any, superuser: Any
) -> None:
    write(api, 4)
    seal()
    with tampered(superuser) as cursor:
        made = put_in(cursor, "WHERE act = 'referral.list' ORDER BY xact DESC")
        guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
        superuser.commit()
        for who, named in (("ywca.auditor", True), ("police.auditor", False)):
            (fault,) = api(who).post(f"{LOG}/seals/verify").json()["faults"]
            assert fault["what"].startswith("entries were put in after their time (1")
            assert (made in fault["what"]) is named
    seal()
    assert api("ywca.auditor").post(f"{LOG}/seals/verify").json()["faults"] == []


def test_a_batch_too_large_to_be_hashed_while_one_waits_is_said_and_its_signature_checked(
    api: Any, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from permissions.ledger import status as ledger_status

    write(api, 4)
    seal()
    monkeypatch.setattr(ledger_status, "MOST_ENTRIES_HASHED", 2)
    auditor = api("ywca.auditor")
    checked = auditor.post(f"{LOG}/seals/verify").json()
    newest = one(superuser, "SELECT max(seq) FROM log_checkpoint")
    assert newest in checked["too_large"]
    assert checked["faults"] == []
    with tampered(superuser) as cursor:
        cursor.execute(
            "UPDATE log_leaf SET leaf = sha256(leaf) WHERE position ="
            " (SELECT max(position) FROM log_leaf)"
        )
        guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
        superuser.commit()
        faults = auditor.post(f"{LOG}/seals/verify").json()["faults"]
    assert "the entries are not those that were signed" in {fault["what"] for fault in faults}
    seal()
