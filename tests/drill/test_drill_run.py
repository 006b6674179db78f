"""`manage.py drill run`: each step against a real server process, and what stops it."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from permissions.ledger import sealer
from permissions.practice import drill
from referrals.drill import standing
from tests.support.ground.live_server import Server
from tests.support.ground.ports import free_port
from tests.support.ground.stored_rows import rows


def run(*words: str) -> str:
    out = StringIO()
    call_command("drill", "run", *words, stdout=out)
    return out.getvalue()


@contextmanager
def sealing() -> Iterator[None]:
    """As the background work does."""
    ended = threading.Event()

    def seal() -> None:
        while not ended.wait(0.1):
            sealer.step()
        connections["sealer"].close()

    thread = threading.Thread(target=seal)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_it_plays_a_referral_against_the_running_server(server: Server, superuser: Any) -> None:
    with sealing():
        said = run("--url", server.base_url)

    assert "All steps are as they must be." in said
    steps = [line for line in said.splitlines() if line[0] == "✓"]
    assert len(steps) == 12, said
    left = rows(
        superuser,
        f"SELECT id FROM referral WHERE from_agency_id = '{drill.SENDER_ID}'",
    )
    assert len(left) == 1  # the standing one
    for table in ("message", "agreement_tally", "rights_tally", "call_record"):
        assert rows(superuser, f"SELECT count(*) FROM {table}") == [(0,)], table
    live = "SELECT count(*) FROM credential WHERE live AND ended_at IS NULL AND agency_id IN"
    ids = f"('{drill.SENDER_ID}', '{drill.RECIPIENT_ID}')"
    assert rows(superuser, f"{live} {ids} AND expires_at > now()") == [(0,)]


def test_in_one_process_it_needs_no_server_and_no_worker() -> None:
    assert "All steps are as they must be." in run("--in-process")
    assert "All steps are as they must be." in run("--in-process")


def test_where_no_server_answers_it_says_so_and_fails() -> None:
    with pytest.raises(CommandError, match="No web server answers"):
        run("--url", f"http://127.0.0.1:{free_port()}")


def test_what_differs_ends_it_and_leaves_nothing(superuser: Any) -> None:
    """The recipient's member is no caseworker any more, as after an intrusion."""
    standing.make_drill()
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE permissions_membership SET roles = '{auditor}' WHERE agency_id = %s",
            [str(drill.RECIPIENT_ID)],
        )
    with pytest.raises(CommandError):
        run("--in-process")
    found = rows(
        superuser, f"SELECT count(*) FROM referral WHERE from_agency_id = '{drill.SENDER_ID}'"
    )
    assert found == [(1,)]


def test_it_prints_nothing_of_the_packet() -> None:
    said = run("--in-process")
    for value in standing.PACKET.values():
        assert value not in said
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", said)


def test_make_and_open_say_what_they_did() -> None:
    out = StringIO()
    call_command("drill", "make", stdout=out)
    call_command("drill", "make", stdout=out)
    call_command("drill", "open", stdout=out)
    first, second, third = out.getvalue().splitlines()
    assert first.startswith("Made: its packet opens until ")
    assert second.startswith("There already: ")
    assert re.fullmatch(r"Opened 3 fields; entry [0-9a-f-]{36}\.", third)


def test_open_fails_in_words_where_there_is_none() -> None:
    with pytest.raises(CommandError, match="has no drill"):
        call_command("drill", "open")
