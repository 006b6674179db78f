"""How the seals stand, and the worker's own checks of the log."""

import json
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.core.management import CommandError, call_command

from api.logging_config import ALLOWED
from permissions.ledger import sealer, self_check, witness
from referrals import worker
from tests.access_log.audit_reads import LOG
from tests.support.people.access_log import one
from tests.support.people.seals import (
    ROW,
    Old,
    guard,
    partitions,
    retire,
    seal,
    tampered,
    write,
)
from tests.support.people.seals import old as old  # a fixture


def test_an_entry_that_waits_for_its_seal_for_more_than_a_minute_is_late(
    api: Any, shift_clock: Any
) -> None:
    seal()
    write(api)
    auditor = api("ywca.auditor")
    fresh = auditor.get(f"{LOG}/seals").json()
    assert fresh["waiting"] >= 1
    assert fresh["waiting_since"] is not None
    assert fresh["late"] is False
    shift_clock("61 seconds")
    assert auditor.get(f"{LOG}/seals").json()["late"] is True
    assert auditor.get(f"{LOG}/seals").json()["restored"] is False
    seal()


def test_after_a_restore_that_was_forgotten_it_is_said_that_nothing_is_sealed(
    api: Any, superuser: Any, capsys: Any
) -> None:
    """The newest checkpoint is of transactions that this server has not come to."""
    write(api)
    seal()
    last = sealer.newest_checkpoint()
    assert last is not None
    with tampered(superuser) as cursor:
        cursor.execute(
            "UPDATE log_checkpoint SET xact_before = xact_before + 1000000 WHERE seq = %s",
            [last.seq],
        )
        guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
        superuser.commit()
        write(api)
        with pytest.raises(sealer.NotRestored):
            sealer.step()
        assert worker.run_until_idle(worker.jobs_named(["seal"])) == ["seal"]
        assert api("ywca.auditor").get(f"{LOG}/seals").json()["restored"] is True
        with pytest.raises(CommandError, match="nothing is sealed since a backup was restored"):
            call_command("ledger", "status")
        assert "run `manage.py database recover`" in capsys.readouterr().out
    seal()


def test_what_the_witness_holds_is_told_and_a_log_that_it_did_not_see(
    api: Any, superuser: Any, tmp_path: Path, settings: Any, shift_clock: Any
) -> None:
    settings.LOG_WITNESS_FILE = str(tmp_path / "held")
    write(api)
    seal()
    auditor = api("ywca.auditor")

    def told() -> dict[str, Any]:
        found: dict[str, Any] = auditor.get(f"{LOG}/seals").json()["witness"]
        return found

    while witness.step():
        pass
    newest = sealer.newest_checkpoint()
    assert newest is not None
    assert told()["seq"] == newest.seq
    assert (told()["forked"], told()["late"]) == (False, False)
    seal()
    shift_clock("10 minutes")
    assert told()["late"] is True, "it does not follow"
    while witness.step():
        pass
    assert told()["late"] is False
    newest = sealer.newest_checkpoint()
    assert newest is not None
    (tmp_path / "held").write_text(
        json.dumps({"body": json.dumps(newest.signed_content | {"root": "another"})}) + "\n"
    )
    with pytest.raises(witness.LedgerForked):
        witness.step()
    assert told()["forked"] is True
    (tmp_path / "held").unlink()
    while witness.step():
        pass
    assert told()["forked"] is False


def test_the_worker_checks_once_a_day_what_was_sealed_since_and_says_what_it_found(
    api: Any, superuser: Any, shift_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(self_check, "PORTION", 3)
    job = worker.jobs_named(["verify"])
    with superuser.cursor() as cursor:  # another test's worker may have looked, days ahead
        cursor.execute("UPDATE log_watch SET seq = 0, at = NULL, faults = 0, first_fault = NULL")

    def told() -> dict[str, Any]:
        answer = api("police.auditor").get(f"{LOG}/seals")  # each day a new sign-in
        found: dict[str, Any] = answer.json()["self_check"]
        return found

    for _ in range(3):
        write(api, 2)
        seal()
    shift_clock("2 days")
    assert worker.run_until_idle(job) == []
    newest = sealer.newest_checkpoint()
    assert newest is not None
    assert (told()["seq"], told()["faults"], told()["first_fault"]) == (newest.seq, 0, None)
    write(api, 2)
    seal()
    assert worker.run_until_idle(job) == []
    assert told()["seq"] == newest.seq, "once a day"
    shift_clock("4 days")
    newest = sealer.newest_checkpoint()
    assert newest is not None
    row = "(SELECT entry_id FROM log_leaf ORDER BY position DESC LIMIT 1)"
    put_in = (
        "INSERT INTO access_entry (id, at, agency_id, act, decision, xact, leaf) SELECT"
        " gen_random_uuid(), at, agency_id, 'a.b', 'allowed', xact, leaf FROM access_entry"
        f" WHERE id = {row}"
    )
    days = 4
    for edit, what in (
        (f"UPDATE access_entry SET act = 'x.y' WHERE id = {row}", "an entry was changed"),
        (put_in, "an entry was put in after its time"),
    ):
        superuser.commit()
        with tampered(superuser) as cursor, structlog.testing.capture_logs() as lines:
            cursor.execute(edit)
            guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
            cursor.execute("UPDATE log_watch SET seq = %s WHERE what = 'new'", [newest.seq - 2])
            superuser.commit()
            days += 2
            shift_clock(f"{days} days")
            assert worker.run_until_idle(job) == []
            assert told()["faults"] >= 1
            assert told()["first_fault"].startswith(what)
        (line, *_) = [one for one in lines if one["event"] == "log_not_as_sealed"]
        assert line["log_level"] == "error"
        assert line["error"] == what
        assert line.keys() - {"log_level"} <= ALLOWED, "or it is left out of the line"
        seal()
        days += 2
        shift_clock(f"{days} days")
        assert worker.run_until_idle(job) == []
        assert told()["faults"] >= 1, "until all of it was checked"
        call_command("ledger", "verify")
        assert (told()["faults"], told()["first_fault"]) == (0, None)


def test_a_clock_that_was_ahead_for_a_while_puts_no_check_off(api: Any, superuser: Any) -> None:
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE log_watch SET seq = 0, at = sec.clock() + interval '1 year' WHERE what = 'new'"
        )
    superuser.commit()
    write(api)
    seal()
    while self_check.step():
        pass
    newest = sealer.newest_checkpoint()
    assert newest is not None
    assert one(superuser, "SELECT seq FROM log_watch WHERE what = 'new'") == newest.seq
    assert one(superuser, "SELECT at <= sec.clock() FROM log_watch WHERE what = 'new'")


def test_older_parts_are_checked_in_turn_and_around_again(
    old: Old, api: Any, superuser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A month that was retired is no fault; an entry that was changed long after its day is one."""
    monkeypatch.setattr(self_check, "PORTION", 3)
    retire(tmp_path, old.month)
    seal()
    call_command("ledger", "verify")
    again = "SELECT seq FROM log_watch WHERE what = 'again'"
    faults = "SELECT faults FROM log_watch WHERE what = 'new'"

    def around() -> int:
        steps = 0
        while self_check.step() or one(superuser, again):
            steps += 1
        return steps

    around()
    assert around() > 1
    assert one(superuser, faults) == 0
    first = one(superuser, "SELECT min(l.position) FROM log_leaf l JOIN access_entry e"
                " ON e.id = l.entry_id")  # fmt: skip
    superuser.commit()
    with tampered(superuser) as cursor:
        cursor.execute(f"UPDATE access_entry SET act = 'x.y' WHERE id = {ROW}", {"place": first})
        guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
        superuser.commit()
        around()
        assert one(superuser, faults) == 1
    call_command("ledger", "verify")
    assert one(superuser, faults) == 0
