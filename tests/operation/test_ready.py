"""/health/live and /health/ready under faults that are real: a folder that is gone, a database that
takes no writes, a right that was revoked, a disk that is full, a server that hangs, another schema.
Each is seen in the answer, in a figure and in a line of the log, and so is its end.
"""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from api.health import readiness
from api.logging_config import ALLOWED
from permissions.health import checks, heartbeats
from permissions.recovery import outbox
from tests.operation.readings import all_jobs_beat, figure, lines, ready, said_by_checks, seen
from tests.support.ground.cluster import own_cluster
from tests.support.ground.waiting import SOON, until
from tests.support.people.seals import seal, write
from tests.support.people.stories import PACKET, Story


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """Each test begins and ends as a process that has checked nothing."""
    readiness.forget()
    yield
    readiness.forget()


@contextmanager
def failing(check: str) -> Iterator[list[dict[str, Any]]]:
    """Well before, and again behind; the log has one line when it begins to fail, and one when it
    is well again."""
    seal()  # entries of before are not late, whatever this file took
    all_jobs_beat()
    assert ready()[2][check] == readiness.OK
    with said_by_checks() as logs:
        yield logs
    (line,) = [one for one in lines(logs, "check_failed") if one["check"] == check]
    assert line["log_level"] == "error"
    assert set(line) - {"log_level"} <= ALLOWED
    with said_by_checks() as logs:
        assert ready()[2][check] == readiness.OK
        assert [one["check"] for one in lines(logs, "check_recovered")].count(check) == 1
    assert figure("cairn_check_ok", check=check) == 1


def states(*names: str) -> dict[str, str]:
    found = ready()[2]
    return {name: found[name] for name in names}


def test_all_is_well_and_the_answer_is_words_only(api: Any) -> None:
    seal()
    all_jobs_beat()
    code, status, found = ready()
    assert (code, status) == (200, "ok")
    assert found == dict.fromkeys((one.name for one in readiness.CHECKS), "ok")
    for path in ("/health/ready", "/healthz"):
        assert Client().get(path).json() == {"status": status, "checks": found}
    assert (figure("cairn_ready"), figure("cairn_figures_missing")) == (1, 0)


def test_live_asks_nothing_and_ready_little_of_who_asks_again_and_again() -> None:
    ready()
    with CaptureQueriesContext(connection) as asked:
        assert Client().get("/health/live").json() == {"status": "ok"}
        for _ in range(50):
            assert Client().get("/health/ready").status_code == 200
    assert len(asked) <= len(readiness.CHECKS) * 3, "fifty answers, one set of checks at most"


def test_a_load_balancer_may_ask_by_an_address_and_only_looks() -> None:
    asks = Client(headers={"host": "10.0.0.7:8000"})
    assert asks.get("/health/ready").status_code == 200
    assert asks.get("/health/live").status_code == 200
    assert asks.post("/health/ready").status_code == 405


def test_without_the_folder_of_keys_a_process_is_not_ready() -> None:
    folder = Path(settings.BINDING_FOLDER).parent
    with failing("keys"):
        folder.rename(away := folder.with_name("keys-taken-away"))
        try:
            code, status, found = seen("keys")
            assert (code, status, found["keys"]) == (503, "failed", "failed")
            assert found["journal"] == "degraded"
            assert found["database"] == found["log"] == "ok"
            assert Client().get("/health/ready").json()["safety_lines"]
            assert Client().get("/health/live").status_code == 200
            assert figure("cairn_ready") == 0
        finally:
            away.rename(folder)


def test_a_root_key_of_another_store_is_seen() -> None:
    root = Path(settings.BINDING_FOLDER).parent / "root.key"
    content = root.read_bytes()
    with failing("keys"):
        try:
            root.chmod(0o600)
            root.write_bytes(os.urandom(32))
            assert seen("keys")[0] == 503
        finally:
            root.write_bytes(content)


def test_a_journal_that_cannot_be_written_takes_no_server_out() -> None:
    journal = Path(settings.BINDING_FOLDER) / "closings"
    with failing("journal"):
        journal.rename(away := journal.with_name("closings-away"))
        try:
            assert seen("journal")[:2] == (200, "degraded")
            assert states("journal", "keys") == {"journal": "degraded", "keys": "ok"}
        finally:
            away.rename(journal)


def test_while_the_journal_of_closings_is_away_closings_stand_and_the_operator_is_told(
    api: Any, story: Story
) -> None:
    """Nothing waits for it; what was noted is written once it is back."""
    story.accept().release(*PACKET).packet(**PACKET)
    outbox.append_waiting()
    folder = Path(settings.JOURNAL_FOLDER)
    with failing("journal"):
        folder.rename(away := folder.with_name("journal-away"))
        try:
            story.sends("revoke_release", {"via": "oral"})
            opened = api(story.recipient).act(story.id, "open_packet", {"purpose": "intake"})
            assert opened.status_code != 200
            with pytest.raises(OSError, match="No such file"):
                outbox.step()
            waiting = outbox.waiting()
            assert waiting > 0
            with closing(own_cluster().connect_superuser(database_name())) as superuser:
                superuser.cursor().execute(
                    "UPDATE closing SET at = at - interval '2 minutes' WHERE written_at IS NULL"
                )
            assert seen("journal")[:2] == (200, "degraded")
            assert (figure("cairn_journal_lag_seconds") or 0) > 60
            with pytest.raises(CommandError, match="is missing"):
                call_command("journal", "status", stdout=StringIO())
        finally:
            away.rename(folder)
        with pytest.raises(CommandError, match="not written"):
            call_command("journal", "status", stdout=StringIO())
        assert outbox.append_waiting() == waiting
    assert figure("cairn_journal_lag_seconds") == 0
    said = StringIO()
    call_command("journal", "status", stdout=said)
    assert "as they were written" in said.getvalue()


def database_name() -> str:
    return str(connection.settings_dict["NAME"])


@contextmanager
def app_is(superuser: Any, setting: str) -> Iterator[None]:
    """The role app has this setting in new sessions."""
    name = connection.settings_dict["NAME"]
    with superuser.cursor() as cursor:
        cursor.execute(f"ALTER ROLE app IN DATABASE {name} SET {setting}")
        superuser.commit()
        connection.close()
        try:
            yield
        finally:
            cursor.execute(f"ALTER ROLE app IN DATABASE {name} RESET ALL")
            superuser.commit()
            connection.close()


def test_a_database_that_takes_no_writes_is_seen(superuser: Any) -> None:
    with (
        failing("write") as logs,
        app_is(superuser, "default_transaction_read_only = on"),
    ):
        code, _, found = seen("write")
        assert (code, found["log"]) == (503, "unknown")
        assert found["database"] == found["keys"] == "ok"
        told = {one["check"]: one.get("sqlstate") for one in lines(logs, "check_failed")}
        assert told == {"write": "25006"}


def test_a_right_that_was_revoked_is_seen(superuser: Any) -> None:
    columns = (
        "(id, agency_id, member_id, client_id, act, purpose, referral_id, referral_ids, subject,"
        " fields, release_id, directory_id, decision, rule, request_id, address_prefix)"
    )
    with failing("log"), superuser.cursor() as cursor:
        cursor.execute(f"REVOKE INSERT {columns} ON access_entry FROM app")
        superuser.commit()
        try:
            code, _, found = seen("log")
            assert (code, found["write"], found["schema"]) == (503, "ok", "failed")
        finally:
            cursor.execute(f"GRANT INSERT {columns} ON access_entry TO app")
            superuser.commit()


def test_another_schema_is_seen() -> None:
    with failing("schema"), connections["owner"].cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION sec.left_behind() RETURNS int LANGUAGE sql AS 'SELECT 1';"
            " REVOKE ALL ON FUNCTION sec.left_behind() FROM PUBLIC"
        )
        try:
            assert seen("schema")[0] == 503
        finally:
            cursor.execute("DROP FUNCTION sec.left_behind()")


def backend(superuser: Any) -> int:
    """The process of PostgreSQL that serves this one as `app`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        ((pid,),) = cursor.fetchall()
        return int(pid)


@pytest.mark.skipif(
    shutil.which("prlimit") is None, reason="limits of another process are set on Linux alone"
)
def test_a_full_disk_is_seen(superuser: Any) -> None:
    """The server's process may write no file beyond a page: PostgreSQL takes that for a full disk.
    The check writes its file first, and nothing after it."""
    pid = backend(superuser)
    with failing("write") as logs:
        try:
            limit(pid, 8192)
            code, _, found = seen("write")
        finally:
            limit(pid, "unlimited")
        assert (code, found["database"], found["log"]) == (503, "ok", "unknown")
        (line,) = [one for one in lines(logs, "check_failed") if one["check"] == "write"]
        assert line["sqlstate"]


def limit(pid: int, size: int | str) -> None:
    owner = Path(f"/proc/{pid}").stat()
    as_root = os.geteuid() == 0
    subprocess.run(
        ["prlimit", f"--pid={pid}", f"--fsize={size}:"],
        check=True,
        user=owner.st_uid if as_root else None,
        group=owner.st_gid if as_root else None,
        extra_groups=[] if as_root else None,
        cwd="/",
    )


def test_a_lock_that_is_held_ends_the_check_and_not_the_process(superuser: Any) -> None:
    with failing("write") as logs, superuser.cursor() as cursor:
        cursor.execute("BEGIN; SELECT FROM write_test FOR UPDATE")
        try:
            assert seen("write")[0] == 503
            (line,) = lines(logs, "check_failed")
            assert (line["check"], line["sqlstate"]) == ("write", "57014")  # after two seconds
        finally:
            cursor.execute("ROLLBACK")


def test_a_server_that_hangs_is_seen_by_the_others_who_ask(
    superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread waits for it; the next ones do not, and do not go on with what was known."""
    monkeypatch.setattr(readiness, "HANGS_S", 0.5)
    all_jobs_beat()
    assert ready()[0] == 200
    pids: list[int] = []
    started, over = threading.Event(), threading.Event()

    def asks() -> None:
        pids.append(backend(superuser))
        os.kill(pids[0], signal.SIGSTOP)
        started.set()
        while not over.is_set():  # until it is this thread that checks
            ready()
        connections.close_all()

    first = threading.Thread(target=asks)
    first.start()
    try:
        assert started.wait(SOON)
        until(lambda: ready(anew=False)[0] == 503)
        assert ready(anew=False)[2]["database"] == "failed"
    finally:
        over.set()
        os.kill(pids[0], signal.SIGCONT)
        first.join(SOON)
    assert not first.is_alive()
    assert ready()[0] == 200


def test_where_the_database_is_away_the_rest_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    with failing("database"):
        monkeypatch.setitem(connection.settings_dict, "HOST", "/nowhere")
        connection.close()
        try:
            code, _, found = seen("database")
            assert (code, found["database"], found["keys"]) == (503, "failed", "ok")
            assert {found[name] for name in ("write", "schema", "log", "seals")} == {"unknown"}
            assert figure("cairn_figures_missing") == 6
            assert figure("cairn_disk_free_bytes", place="home")
        finally:
            monkeypatch.undo()
            connection.close()


def test_seals_that_are_late_and_a_clock_that_was_moved(api: Any, shift_clock: Any) -> None:
    seal()
    with failing("seals"):
        write(api)
        shift_clock("61 seconds")
        code, status, found = seen("seals")
        assert (code, status, found["clock"]) == (200, "degraded", "degraded")
        assert (figure("cairn_seal_lag_seconds") or 0) > 60
        assert figure("cairn_clock_shifted") == 1
        shift_clock("0")
        seal()


def test_an_entry_that_is_tried_is_never_kept(superuser: Any) -> None:
    def count() -> int:
        with superuser.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM access_entry")
            ((number,),) = cursor.fetchall()
        superuser.rollback()
        return int(number)

    before = count()
    for size in (checks.SMALL, checks.LARGE, 10**6):
        with connection.cursor() as cursor:
            cursor.execute("SELECT sec.test_log_write(%s)", [size])
    assert count() == before


def test_an_entry_that_failed_is_followed_by_a_check_at_once() -> None:
    """Where the log is well again, the next answer says so; it was asked, and not remembered."""
    assert ready()[0] == 200
    checks.suspect_log()
    assert ready(anew=False)[2]["log"] == "ok"
    assert not checks.log_is_suspect()


def test_who_does_the_work_is_told_from_who_did(superuser: Any) -> None:
    all_jobs_beat()
    assert states("worker") == {"worker": "ok"}
    heartbeats.beat("mail", 1, OSError("a text that is not kept"))
    assert ready()[:2] == (200, "degraded")
    assert figure("cairn_job_ok", job="mail") == 0
    heartbeats.beat("mail", 1)
    heartbeats.beat("seal", -heartbeats.LATE_AFTER_S - 1)  # its next beat was due a second ago
    assert states("worker") == {"worker": "degraded"}
    assert (figure("cairn_job_ok", job="mail"), figure("cairn_job_ok", job="seal")) == (1, 0)
