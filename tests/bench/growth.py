"""What grows with age: the pages of memory that each hot question reads, at several sizes of the
same network (docs/how-big.md).

    .venv/bin/python -m tests.bench.scale --grow   # 10,000 and 100,000 referrals; some minutes

What goes on is the same at each size: some 150 referrals that are not over. What is behind it
grows: referrals with their events, messages and packets (history.sql), the log, the directory.
Counted are the pages that PostgreSQL touches for the whole of a warm request, by every role and in
every statement, and for a step of each job of the background work with nothing to do. They are
exact, so the load of the machine does not matter. The table goes to `var/scale/growth.md`.
"""

import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

TURNS = 4
HERE = "127.0.0.1"
NOT_COUNTED = {"verify"}  # it checks a day's seals again, whatever their number
Sizes = tuple[int, int, int]  # referrals, entries of the log, services


def measure(cluster: Any, database: str, sizes: Sizes) -> dict[str, int]:
    """The pages that each question and job reads in a new database of that size, and the bytes a
    row of what grows."""
    from referrals import worker  # after django.setup()

    referrals, _, services = sizes
    began = time.monotonic()
    _fill(cluster, database, sizes)
    jobs = [job for job in worker.JOBS if job.name not in NOT_COUNTED]
    if failed := worker.run_until_idle(jobs):
        raise SystemExit(f"These jobs failed: {', '.join(failed)}.")
    with closing(cluster.connect_superuser(database)) as superuser:
        cursor = superuser.cursor()
        cursor.execute("VACUUM ANALYZE")
        took = time.monotonic() - began
        print(f"{referrals:,} referrals and what is behind them in {took:.0f} s", flush=True)
        # The packets of history.sql have no content.
        cursor.execute("SELECT referral_id FROM packet_field WHERE ciphertext <> '' LIMIT 1")
        ((packet,),) = cursor.fetchall()
        asked = _requests(services, packet) | {f"job: {job.name}": job.step for job in jobs}
        return _pages(cursor, asked) | _bytes(cursor)


def _fill(cluster: Any, database: str, sizes: Sizes) -> None:
    from api.dev.demo import agency_id
    from tests.bench import directory, fill, history, log_rows

    referrals, log, services = sizes
    fill.begin(cluster, database)
    fill.insert_referrals(cluster, database, referrals)
    with closing(cluster.connect_superuser(database)) as superuser:
        history.make(superuser.cursor())
        log_rows.fill(superuser, agency_id("ywca"), log, 24)
        directory.grow(superuser, services)
    fill.seal_packets()


def _requests(services: int, packet: Any) -> dict[str, Callable[[], Any]]:
    """What is asked most, by whom, through the whole product but sockets."""
    from permissions.identity.credentials import resolve_credential
    from referrals.queries import event_feed
    from tests.support.people.desk_pages import at_the_desk

    callers = {who: _caller(who) for who in ("ywca.worker", "ywca.auditor")}
    systems = {key: _system(key) for key in ("ywca", "police")}
    opener, auditor = callers["ywca.worker"], callers["ywca.auditor"]
    desk = at_the_desk("ywca.worker")
    desk.http.defaults["SERVER_NAME"] = HERE
    near = "/v1/directory/services?latitude=46.8721&longitude=-113.994&per_page=25"
    opened = f"/v1/referrals/{packet}/open_packet"
    reader = resolve_credential(systems["ywca"].secret)
    assert reader is not None
    middle = event_feed.Place(1, UUID(int=1 << 127))  # the ids of history.sql are drawn
    found = {
        "inbox, newest fifty": partial(systems["ywca"].get, "/v1/referrals?box=in"),
        "inbox, what needs an answer": partial(
            systems["ywca"].get, "/v1/referrals?box=in&needs_answer=true"
        ),
        "sent, what is active": partial(
            systems["police"].get, "/v1/referrals?box=out&phase=active"
        ),
        "what no one holds": partial(systems["police"].get, "/v1/referrals?box=out&unheld=true"),
        "a referral": partial(systems["ywca"].get, f"/v1/referrals/{packet}"),
        "its history": partial(systems["ywca"].get, f"/v1/referrals/{packet}/history"),
        "a packet opened": partial(opener.post, opened, {"purpose": "intake"}),
        "feed, from its beginning": partial(systems["ywca"].get, "/v1/events"),
        "an auditor's page": partial(auditor.get, "/v1/access-log"),
        "an auditor's page, refusals": partial(auditor.get, "/v1/access-log?decision=refused"),
        "own messages": partial(opener.get, "/v1/messages"),
        "desk: inbox": partial(desk.get, "/desk/"),
        "desk: a referral": partial(desk.get, f"/desk/referrals/{packet}"),
        "directory, first page": partial(opener.get, "/v1/directory/services?per_page=50"),
        "directory, half-way": partial(
            opener.get, f"/v1/directory/services?per_page=20&page={services // 40}"
        ),
        "directory, a common word": partial(
            opener.get, "/v1/directory/services?search=shelter&per_page=25"
        ),
        "directory, a rare word": partial(
            opener.get, "/v1/directory/services?search=zq1901&per_page=25"
        ),
        "directory, nearest": partial(opener.get, near),
        "readiness": partial(opener.get, "/health/ready"),
    }
    return {what: partial(_well, what, ask) for what, ask in found.items()} | {
        "feed, from its middle": partial(event_feed.read_events, reader, middle, 100)
    }


def _well(what: str, ask: Callable[[], Any]) -> None:
    answer = ask()
    if answer.status_code != 200:
        raise SystemExit(f"{what}: {answer.status_code} {answer.content[:300]!r}")


def _caller(who: str) -> Any:
    from permissions.identity import credentials
    from permissions.models import Membership
    from tests.support.ground.http_client import HttpClient
    from tests.support.people.callers import Caller, member_id

    member = Membership.objects.using("signin").get(id=member_id(who))
    return Caller(who, credentials.open_for_member(member), http=HttpClient(SERVER_NAME=HERE))


def _system(key: str) -> Any:
    from permissions.identity import credentials
    from permissions.models import Client
    from tests.bench import fill
    from tests.support.ground.http_client import HttpClient
    from tests.support.people.callers import Caller

    client = Client.objects.get(id=fill.client_id(key))
    secret = f"token-of-the-growth-{time.monotonic_ns()}"
    credentials.open_for_client(client, secret, client.scopes)
    return Caller(key, secret, http=HttpClient(SERVER_NAME=HERE))


def _pages(cursor: Any, asked: dict[str, Callable[[], Any]]) -> dict[str, int]:
    from tests.support.ground.pages_read import PagesRead

    read = PagesRead(cursor)
    nothing = read(lambda: None)
    found = {}
    for what, ask in asked.items():
        found[what] = min([read(ask) for _ in range(TURNS)][1:]) - nothing
        print(f"{found[what]:8,}  {what}", flush=True)
    return found


def _bytes(cursor: Any) -> dict[str, int]:
    """What one row of each kind that grows takes, with its indexes."""
    found = {}
    for what, pattern, one in (
        (
            "a referral, with all that belongs to it",
            "^(referral|message|packet|webhook_d)",
            "referral",
        ),
        ("an entry of the log, with its seal", "^(access_entry|log_leaf)", "access_entry"),
        ("a service", "^directory_", "directory_listing"),
    ):
        cursor.execute(
            "SELECT sum(pg_total_relation_size(oid)) / (SELECT count(*) FROM"
            f" {one}) FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'public'::regnamespace AND relname ~ %s",
            [pattern],
        )
        found[f"bytes: {what}"] = int(cursor.fetchone()[0])
    return found


def run(cluster: Any, database: str, home: Path, rounds: list[Sizes]) -> None:
    """Measure at each size, and print and write the table. The factor is of the last to the
    first."""
    found = [measure(cluster, database, one) for one in rounds]
    heads = [
        f"{referrals:,} referrals, {log:,} entries, {services:,} services"
        for referrals, log, services in rounds
    ]
    lines = [
        f"| pages of memory | {' | '.join(heads)} | times |",
        "| --- |" + " --- |" * (len(heads) + 1),
    ]
    for what, first in found[0].items():
        last = found[-1][what]
        figures = " | ".join(f"{one[what]:,}" for one in found)
        lines.append(f"| {what} | {figures} | {last / max(first, 1):.2f} |")
    text = "\n".join(lines)
    (home / "growth.md").write_text(f"{text}\n")
    print(f"\n{text}")
