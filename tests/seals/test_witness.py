"""The witness of the sealed log, and what it says after a restore."""

import resource
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.core.management import CommandError, call_command

from permissions.database.advisory_locks import SEALING
from permissions.ledger import sealed_export, sealer, self_check, verifier, witness
from tests.seals.sealed_log import sealed as sealed  # a fixture
from tests.support.ground.restored import recover
from tests.support.people.seals import ask, faults, guard, partitions, seal, tampered, write


def test_a_witness_that_was_killed_in_a_line_goes_on(sealed: Path, api: Any) -> None:
    whole = sealed.read_bytes()
    sealed.write_bytes(whole + b'{"body": "cut o')
    write(api)
    seal()
    assert not witness.step()
    lines = sealed.read_text().splitlines()
    assert len(lines) == len(whole.splitlines()) + 1
    assert faults(sealed) == []


def test_a_witness_whose_file_is_gone_is_begun_again_and_not_in_silence(
    sealed: Path, superuser: Any
) -> None:
    """A disk that is not mounted: what is written there knows of no change that was made before."""
    last = sealer.newest_checkpoint()
    assert last is not None
    sealed.unlink()
    with structlog.testing.capture_logs() as lines:
        while witness.step():
            pass
        witness.step()
    assert [one for one in lines if one["event"] == "witness_gone"] == [
        {"event": "witness_gone", "log_level": "error", "where": f"checkpoint {last.seq}"}
    ]
    assert witness.last_witnessed().seq == last.seq  # type: ignore[union-attr]
    assert faults(sealed) == []


def test_a_disk_that_is_full_half_way_witnesses_nothing(
    sealed: Path, api: Any, superuser: Any
) -> None:
    """The first write to it is cut short, and no error."""
    held = witness.last_witnessed()
    write(api)
    seal()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (sealed.stat().st_size + 10, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            witness.step()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    told = "SELECT seq FROM log_watch WHERE what = 'witness'"
    assert held is not None
    assert ask(superuser, told) == (held.seq,)
    assert witness.last_witnessed() == held
    witness.step()
    assert faults(sealed) == []


def test_after_a_restore_the_lost_tail_is_signed_into_the_log_as_a_gap(
    sealed: Path, superuser: Any, api: Any
) -> None:
    last = sealer.newest_checkpoint()
    assert last is not None
    with tampered(superuser) as cursor:  # yesterday's backup: one batch lost, one entry unsealed
        cursor.execute("DELETE FROM log_checkpoint WHERE seq = %s", [last.seq])
        cursor.execute(
            "DELETE FROM access_entry WHERE id IN (SELECT entry_id FROM log_leaf"
            " WHERE position > %s)",
            [last.first],
        )
        cursor.execute("DELETE FROM log_leaf WHERE position >= %s", [last.first])
        guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
        superuser.commit()
        recover("--anyway")
        made = sealer.newest_checkpoint()
        assert made is not None
        assert made.signed_content["gap"] == {
            "from_seq": last.seq,
            "to_seq": last.seq,
            "entries": last.size - last.first,
        }
        assert made.seq == last.seq + 1
        write(api)
        seal()
        chain = verifier.Chain(sealed_export.public_keys())
        assert list(verifier.check(sealed_export.verifier_lines(), chain)) == []
        assert list(verifier.compare(sealed.read_text().splitlines(), chain)) == []
        (gap,) = (line for line in verifier.summary(chain) if line.startswith("GAP: "))
        assert f"checkpoints {last.seq} to {last.seq}" in gap
        while witness.step():
            pass
        # type: ignore[union-attr]
        assert witness.last_witnessed().body == sealer.newest_checkpoint().body
        assert faults(sealed) == [], "the witness goes on behind the gap, and holds what was lost"


def test_between_a_restore_and_its_seals_nothing_is_said_to_have_been_put_in(
    sealed: Path, superuser: Any, api: Any, capsys: Any
) -> None:
    """The new cluster's own entries, from the recovery's first on, have low numbers. A check before
    the recovery says to run that, names changes as ever, and shows auditors nothing."""
    with tampered(superuser) as cursor:
        cursor.execute("UPDATE log_checkpoint SET xact_before = xact_before + (1::bigint << 40)")
        cursor.execute(
            "UPDATE log_watch SET seq = 0, at = NULL, faults = 0, first_fault = NULL"
            " WHERE what = 'new'"
        )
        guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
        superuser.commit()
        write(api)
        while self_check.step():
            pass
        with pytest.raises(CommandError, match="database recover"):
            call_command("ledger", "verify")
        assert ask(superuser, "SELECT faults FROM log_watch WHERE what = 'new'") == (0,)
        assert "FAULT" not in capsys.readouterr().out
        cursor.execute("DELETE FROM log_leaf WHERE position = 1")
        superuser.commit()
        with pytest.raises(CommandError, match="faults"):
            call_command("ledger", "verify")
    self_check.record_full_check([])


def test_entries_sealed_before_a_restore_stop_no_sealer_when_their_numbers_come_again(
    sealed: Path, superuser: Any, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new cluster comes to the numbers of more than a batch of old entries, and between them and
    the next entry of its own there was none: at night, behind an import."""
    (now,) = ask(superuser, "SELECT pg_current_xact_id()::text::bigint")
    with tampered(superuser) as cursor:
        cursor.execute("UPDATE access_entry SET xact = %s", [now + 200])
        guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
        superuser.commit()
        recover("--anyway")
        monkeypatch.setattr(sealer, "BATCH", 4)
        while ask(superuser, "SELECT pg_current_xact_id()::text::bigint") <= (now + 200,):
            superuser.commit()
        superuser.commit()
        write(api, 2)
        for _ in range(3):
            sealer.step()
        assert sealer.count_unsealed() == 0


def test_no_gap_leads_a_witness_to_a_log_that_it_never_saw(
    sealed: Path, superuser: Any, api: Any
) -> None:
    """A log that was made again, and `restore` run over it by the same person, with the key."""
    with tampered(superuser) as cursor:
        cursor.execute("TRUNCATE log_leaf, log_checkpoint")
        superuser.commit()
        seal()
        # type: ignore[union-attr]
        assert sealer.newest_checkpoint().seq < witness.last_witnessed().seq
        sealer.restore(witness.lost_since_backup())
        with pytest.raises(witness.LedgerForked):
            witness.step()
    with tampered(superuser) as cursor:  # and without the key: only a signature says that it is one
        cursor.execute("SELECT max(seq) FROM log_checkpoint")
        (seq,) = cursor.fetchone()
        cursor.execute(
            "UPDATE log_checkpoint SET seq = seq + 1, first = size, body = jsonb_set(body::jsonb,"
            " '{gap}', jsonb_build_object('from_seq', seq, 'to_seq', seq, 'entries', 1))::text"
            " WHERE seq = %s",
            [seq],
        )
        superuser.commit()
        with pytest.raises(witness.LedgerForked):
            witness.step()


def test_without_the_witness_a_restore_does_not_pass_over_what_was_lost(
    sealed: Path, tmp_path: Path
) -> None:
    """On a new host its file is the one thing that knows of the lost tail."""
    before = sealer.newest_checkpoint()
    sealed.rename(tmp_path / "elsewhere")
    with pytest.raises(CommandError, match="Only the witness knows"):
        recover("--anyway")
    assert sealer.newest_checkpoint() == before
    recover("--anyway", "--unwitnessed")
    assert sealer.newest_checkpoint() != before


def test_what_is_restored_is_not_sealed_while_a_sealer_is_at_work(
    sealed: Path, superuser: Any
) -> None:
    ask(superuser, "SELECT pg_advisory_lock(%s, 0)", SEALING)
    try:
        with pytest.raises(CommandError, match="A sealer is running"):
            recover("--anyway")
    finally:
        ask(superuser, "SELECT pg_advisory_unlock(%s, 0)", SEALING)
