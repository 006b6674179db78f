"""The disk of the access log is really full: a caller who is answered has an entry, a caller
without one gets 503 and the numbers to call, nothing is half done, and all goes on with new room.

A cluster of its own, whose processes may write no file beyond the size that the log has: PostgreSQL
takes that for a full disk ("ulimit-file-size violations work like disk full", its postmaster.c).
It needs no root, and no disk to mount.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
import requests

from tests.support.ground.homes import Home, data_of, postmaster, service_of, system
from tests.support.ground.homes import home as home  # a fixture
from tests.support.ground.waiting import until
from tests.support.people.stories import NOTICE, PACKET, release_body

__all__ = ["home"]  # a fixture

pytestmark = [
    pytest.mark.no_database,
    pytest.mark.skipif(
        shutil.which("prlimit") is None,
        reason="limits of another process are set on Linux alone, by util-linux",
    ),
]

A_SEGMENT = 16 * 2**20  # of the write-ahead log, whose files stay below the limit
ROOM = 3_000  # entries at most that the last pages still take
LAST_PAGES = 4 * 8192  # bytes
A_PAGE = 6  # entries of `fill`: more than a page takes
REFUSED_IN_A_ROW = 30
WRITTEN_BEFORE = 30  # openings before the disk is full: each connection has a page of its own


@pytest.mark.whole
def test_on_a_full_disk_nothing_is_answered_without_its_entry(home: Home) -> None:
    demo = home.start()
    police, ywca = system(demo, "police"), system(demo, "ywca")
    service = service_of(demo, "ywca")
    accepted, sent = (made(police, service) for _ in range(2))
    assert act(ywca, accepted, "accept").status_code == 200

    fill(home)
    # A connection that has written looks for room in the page it wrote last, not in the newest one.
    opened = [
        act(ywca, accepted, "open_packet", {"purpose": "intake"}).headers["X-Request-Id"]
        for _ in range(WRITTEN_BEFORE)
    ]
    # The pages there are may all be full, as it falls out.
    limit(home, size_of_month(home) + LAST_PAGES)
    in_a_row = 0  # each connection must have found its own page full
    for _ in range(ROOM):
        answer = act(ywca, accepted, "open_packet", {"purpose": "intake"})
        in_a_row = in_a_row + 1 if answer.status_code == 503 else 0
        if in_a_row == REFUSED_IN_A_ROW:
            break
        if in_a_row:
            continue
        assert (answer.status_code, answer.json()["packet"]) == (200, PACKET)
        opened.append(answer.headers["X-Request-Id"])
    refused = [
        answer,
        act(ywca, accepted, "open_packet", {"purpose": "intake"}),
        act(ywca, sent, "accept"),
        ywca.ask("GET", f"/v1/referrals/{accepted}")[0],
        ywca.ask("GET", f"/v1/referrals/{uuid4()}")[0],
        ywca.ask("GET", "/v1/referrals?box=in")[0],
    ]
    for one in refused:
        assert (one.status_code, one.json()["code"]) == (503, "log")
        assert one.json()["safety_lines"]
        assert "packet" not in one.json()
        assert one.headers["Retry-After"] == "30"
    until(lambda: ready(home) == (503, "failed"))  # each process, once it has refused one
    with pytest.raises(psycopg2.Error, match="could not extend file"):
        fill_page(home)  # that is why
    assert len(opened) > WRITTEN_BEFORE, "the last pages took some"
    assert logged(home, opened) == set(opened)
    assert logged(home, [one.headers["X-Request-Id"] for one in refused]) == set()

    limit(home, "unlimited")
    seen, _ms = ywca.ask("GET", f"/v1/referrals/{sent}")
    assert seen.json()["status"] == "sent", "the accept left nothing behind"
    assert act(ywca, sent, "accept").status_code == 200
    again = act(ywca, accepted, "open_packet", {"purpose": "intake"})
    assert again.json()["packet"] == PACKET
    until(lambda: all(ready(home) == (200, "ok") for _ in range(20)))


def ready(home: Home) -> tuple[int, str]:
    """What a process answers a load balancer: its status, and how the log is."""
    answer = requests.get(f"{home.base_url}/health/ready", timeout=30)
    return answer.status_code, answer.json()["checks"]["log"]


def act(party: Any, referral: str, name: str, body: dict[str, Any] | None = None) -> Any:
    return party.ask("POST", f"/v1/referrals/{referral}/{name}", body or {})[0]


def made(police: Any, service: str) -> str:
    """A referral that was sent, with its packet."""
    answer, _ms = police.ask("POST", "/v1/referrals", NOTICE | {"service_id": service})
    referral = str(answer.json()["id"])
    for name, body in (
        ("put_release", release_body(*PACKET)),
        ("put_packet", {"packet": PACKET}),
        ("send", {"agreement": "agrees"}),
    ):
        assert act(police, referral, name, body).status_code == 200
    return referral


def fill(home: Home, entries: int = 12_000) -> None:
    """Until this month's file is larger than any other that is written."""
    connection = home.cluster.connect_superuser("cairn")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO access_entry (id, act, fields, decision)"
            " SELECT gen_random_uuid(), 'referral.list', array_fill('name'::text, ARRAY[180]),"
            " 'allowed' FROM generate_series(1, %s)",
            [entries],
        )
        connection.commit()
    connection.close()


def fill_page(home: Home) -> None:
    for _ in range(A_PAGE):
        fill(home, 1)


def size_of_month(home: Home) -> int:
    """The bytes of the access log's file that is written now."""
    connection = home.cluster.connect_superuser("cairn")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_relation_size(tableoid) FROM access_entry ORDER BY at DESC LIMIT 1"
        )
        (size,) = cursor.fetchone()
    connection.close()
    assert size > A_SEGMENT
    return int(size)


def limit(home: Home, size: int | str) -> None:
    """No process of the server writes a file beyond `size` bytes from now on. Those that it starts
    later inherit it."""
    server = postmaster(home.cluster)
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    itself = (data_of(home.cluster) / "postmaster.pid").stat()  # root may not everywhere
    as_root = os.geteuid() == 0
    for process in (str(server), *children):
        done = subprocess.run(
            ["prlimit", f"--pid={process}", f"--fsize={size}:"],
            check=False,
            capture_output=True,
            text=True,
            user=itself.st_uid if as_root else None,
            group=itself.st_gid if as_root else None,
            extra_groups=[] if as_root else None,
            cwd="/",
        )
        assert done.returncode == 0 or not Path(f"/proc/{process}").exists(), done.stderr


def logged(home: Home, requests_: list[str]) -> set[str]:
    """Those of these requests of which there is an entry that something was given. The entry of a
    refusal is shorter, and may find room where that of an opening found none."""
    connection = home.cluster.connect_superuser("cairn")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT request_id::text FROM access_entry WHERE request_id = ANY (%s::uuid[])"
            " AND decision = 'allowed'",
            [requests_],
        )
        found = {one for (one,) in cursor.fetchall()}
    connection.close()
    return found
