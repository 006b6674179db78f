"""`manage.py seals`: what it says about the sealed log and its witness."""

import io
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from permissions.keys.keystore import key_store
from permissions.ledger import verifier, witness
from tests.seals.sealed_log import sealed as sealed  # a fixture
from tests.support.people.seals import seal, tampered, write


def test_the_command_says_how_it_stands_and_ends_loudly(
    sealed: Path, superuser: Any, capsys: Any
) -> None:
    call_command("ledger", "status")
    call_command("ledger", "verify")
    said = capsys.readouterr().out
    assert "Not sealed yet: 0." in said
    assert "As it was sealed" in said
    with tampered(superuser) as cursor:
        cursor.execute("DELETE FROM access_entry WHERE act = 'referral.accept'")
        superuser.commit()
        with pytest.raises(CommandError, match="faults"):
            call_command("ledger", "verify")


def test_what_is_sealed_and_witnessed_while_the_command_reads_is_no_fault(
    sealed: Path, api: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """It reads for minutes, as of the moment at which it began; the worker goes on."""

    class Others(io.StringIO):
        """At a report of progress an auditor reads, and that is sealed and witnessed."""

        def write(self, _text: str) -> int:
            monkeypatch.setattr(verifier, "PROGRESS_EVERY", 1_000_000)
            thread = threading.Thread(target=others)
            thread.start()
            thread.join()
            return 0

    def others() -> None:
        write(api)
        seal()
        witness.step()
        connections.close_all()

    before = witness.last_witnessed()
    monkeypatch.setattr(verifier, "PROGRESS_EVERY", 3)
    monkeypatch.setattr(sys, "stderr", Others())
    call_command("ledger", "verify")
    assert "As it was sealed." in capsys.readouterr().out
    assert witness.last_witnessed() != before


def test_a_line_of_the_witness_that_a_kill_cut_off_is_passed_over_and_no_other(
    sealed: Path, capsys: Any
) -> None:
    whole = sealed.read_bytes()
    sealed.write_bytes(whole + b'{"body": "cut o')
    call_command("ledger", "verify")
    assert "As it was sealed." in capsys.readouterr().out
    sealed.write_bytes(b'{"body": "cut o\n' + whole)
    with pytest.raises(CommandError, match="line 1 of the witness"):
        call_command("ledger", "verify")


@pytest.mark.parametrize(
    "line", ["", "no JSON", "{}", "[]", "5", '{"body": "5"}', '{"body": "{}"}', '{"body": 5}']
)
def test_a_file_that_is_no_witness_is_said_to_be_none(sealed: Path, line: str) -> None:
    with sealed.open("a") as file:
        file.write(f"{line}\n")
    for command in (("ledger", "status"), ("database", "recover", "--anyway", "--yes")):
        with pytest.raises(CommandError, match="held: its last line is not a checkpoint"):
            call_command(*command)


def test_without_the_keys_nothing_is_handed_out_as_keys_and_nothing_is_a_fault(
    sealed: Path, tmp_path: Path, api: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is not mounted. An auditor who keeps an empty list of keys could check nothing."""
    monkeypatch.setattr(key_store(), "folder", tmp_path / "nowhere")
    for what in ("keys", "verify"):
        with pytest.raises(CommandError, match="no key that seals the log"):
            call_command("ledger", what)
    assert capsys.readouterr().out == ""
    assert api(None).get("/v1/access-log/keys").status_code == 503
    answer = api("ywca.auditor").post("/v1/access-log/seals/verify", {})
    assert answer.status_code == 503, answer.content
