"""The connection of requests: what failed is not called committed, hot statements are planned once,
and one that was lost is no refusal."""

import os
import socket
import time
from typing import Any

import pytest
from django.core.signals import request_finished
from django.db import (
    DatabaseError,
    InternalError,
    OperationalError,
    connection,
    transaction,
)
from psycopg2.extensions import TRANSACTION_STATUS_IDLE, TRANSACTION_STATUS_INTRANS

from permissions.models import Agency
from tests.bench import plans
from tests.support.people.stories import PACKET, Story


def status() -> Any:
    connection.ensure_connection()
    return connection.connection.get_transaction_status()


def ask(sql: str, parameters: Any = None) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()[0]


def fails() -> None:
    with pytest.raises(DatabaseError):
        ask("SELECT 1 / 0")


def as_somebody_who_fails() -> None:
    ask("SELECT set_config('cairn.token', 'ab', true)")
    raise ZeroDivisionError


def test_a_transaction_that_asks_nothing_is_none() -> None:
    with transaction.atomic():
        assert status() == TRANSACTION_STATUS_IDLE
    assert status() == TRANSACTION_STATUS_IDLE


def test_it_begins_with_its_first_statement_and_ends_with_the_block() -> None:
    with transaction.atomic():
        first = ask("SELECT pg_current_xact_id()::text")
        assert status() == TRANSACTION_STATUS_INTRANS
        assert ask("SELECT pg_current_xact_id()::text") == first
    assert status() == TRANSACTION_STATUS_IDLE
    assert ask("SELECT pg_current_xact_id()::text") != first


def test_a_setting_of_a_transaction_ends_with_it_also_when_it_fails() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        as_somebody_who_fails()
    assert ask("SELECT current_setting('cairn.token', true)") in (None, "")


def test_a_statement_that_never_reached_the_server_leaves_the_next_one_in_the_transaction() -> None:
    with transaction.atomic():
        with pytest.raises(IndexError):
            ask("SELECT %s, %s", ["one"])
        assert status() == TRANSACTION_STATUS_IDLE
        ask("SELECT 1")
        assert status() == TRANSACTION_STATUS_INTRANS


def test_a_first_statement_that_fails_ends_it() -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        ask("SELECT 1 / 0")
    assert status() == TRANSACTION_STATUS_IDLE
    assert ask("SELECT 1") == 1


def test_what_failed_is_never_said_to_be_committed() -> None:
    """PostgreSQL answers COMMIT of a failed transaction with ROLLBACK, and no error."""
    with pytest.raises(InternalError), transaction.atomic():
        fails()
    assert ask("SELECT 1") == 1


def test_savepoints_cursors_of_the_server_and_many_at_once_are_in_it() -> None:
    with transaction.atomic():
        with pytest.raises(DatabaseError), transaction.atomic():
            ask("SELECT 1 / 0")
        assert ask("SELECT 1") == 1
    with transaction.atomic():
        assert list(Agency.objects.order_by("id").iterator(chunk_size=2))
        assert status() == TRANSACTION_STATUS_INTRANS
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany("SELECT %s", [(1,), (2,)])
        assert status() == TRANSACTION_STATUS_INTRANS


FIRST = {  # what asks who calls, first of all
    "list": lambda caller, story: caller.get("/v1/referrals"),
    "open": lambda caller, story: caller.act(story.id, "open_packet", {"purpose": "intake"}),
}


def ended(superuser: Any) -> None:
    with superuser.cursor() as cursor:
        pid = connection.connection.info.backend_pid
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        assert cursor.fetchone() == (True,)


def crashed(_superuser: Any) -> None:
    """The server's last word to each where one of its processes was killed is a warning, no error;
    then the line ends. Here another line, with just that in it, is put in place of ours."""
    word = b"SWARNING\0VWARNING\0C57P02\0Mterminating connection because of a crash\0\0"
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"N" + (len(word) + 4).to_bytes(4, "big") + word)
        os.dup2(ours.fileno(), connection.connection.fileno())


@pytest.mark.parametrize("lost", [ended, crashed])
@pytest.mark.parametrize("ask", FIRST.values(), ids=FIRST)
def test_a_connection_that_was_lost_is_no_refusal(
    api: Any, story: Story, superuser: Any, ask: Any, lost: Any
) -> None:
    story.accept().release(*PACKET).packet(**PACKET)
    caller = api("ywca.worker")
    assert ask(caller, story).status_code == 200
    pid = connection.connection.info.backend_pid
    lost(superuser)
    answer = ask(caller, story)
    assert answer.status_code == 200
    assert connection.connection.info.backend_pid != pid


@pytest.mark.parametrize("last", ["SELECT 1", None], ids=["statement", "commit"])
def test_a_server_that_crashed_is_away_and_no_bug(superuser: Any, last: str | None) -> None:
    def meanwhile() -> None:
        with transaction.atomic():
            ask("SELECT 1")
            crashed(superuser)
            if last:
                ask(last)

    with pytest.raises(OperationalError):
        meanwhile()
    connection.close()
    assert ask("SELECT 1") == 1


def test_behind_a_pooler_nothing_is_planned_beforehand(
    api: Any, story: Story, settings: Any
) -> None:
    story.accept().release(*PACKET).packet(**PACKET)
    settings.PREPARE_STATEMENTS = False
    caller = api("ywca.worker")
    with plans.statements() as seen:
        answer = caller.act(story.id, "open_packet", {"purpose": "intake"})
    assert answer.json()["packet"] == PACKET
    assert caller.get("/v1/referrals").status_code == 200
    assert not [one.sql for one in seen if "EXECUTE" in one.sql or "PREPARE" in one.sql]


def test_a_connection_that_is_too_old_is_closed_as_the_request_ends() -> None:
    connection.close()  # that of the tests before this one may be too old already
    assert ask("SELECT 1") == 1
    request_finished.send(sender=None)
    assert connection.connection is not None
    connection.close_at = time.monotonic() - 1
    request_finished.send(sender=None)
    assert connection.connection is None
    assert ask("SELECT 1") == 1
