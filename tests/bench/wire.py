"""Measures at the wire, without HTTP: a read as `app` against the same read as an exempt role, and
an audited read against a plain insert, by sixteen clients at once."""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg2

from api.dev.postgres import SUPERUSER, Cluster
from permissions.audit import writer
from permissions.database import db_identity
from permissions.database.prepared_statements import PreparedStatement, array_literal
from permissions.identity import credentials
from permissions.principal import Principal
from referrals import referral_lock
from referrals.packets import packet as packet_contents
from referrals.queries import lists
from referrals.queries.list_filters import Filters
from tests.bench import commits
from tests.bench.commits import NEW
from tests.bench.fill import PACKET

READS = 60  # a round
SLOW_FLUSH_US = 8000  # a turn of a disk that turns 7,200 times a minute
BY_ID = "SELECT status, created_at FROM referral WHERE id = %(referral)s"


def measure(
    cluster: Cluster, database: str, secret: str, acting: str, packet: UUID, rounds: int
) -> dict[str, list[float]]:
    """[median, lowest, highest] over the rounds, of each figure."""
    figures = ("authentication, ms", "list, ms more", "by id, ms more")
    figures += ("commits ratio", "commits ratio, bare", "commits ratio, slow")
    found: dict[str, list[float]] = {name: [] for name in figures}
    lister, staff = (
        credentials.resolve_credential(secret),
        credentials.resolve_credential(secret, acting),
    )
    assert lister is not None
    assert staff is not None
    ours = psycopg2.connect(cluster.url("app", database))
    exempt = psycopg2.connect(cluster.url(SUPERUSER, database))
    ours.autocommit = exempt.autocommit = True
    box = PreparedStatement(
        "wire_list", lists.list_query("in", Filters(), after=False, limit=51), for_all=True
    )
    for connection in (ours, exempt):
        connection.cursor().execute(box.plan)
    values = {"agency": str(lister.agency_id), "referral": str(packet)}
    identity = {"cairn_token": lister.token_hash, "cairn_acting": lister.acting}
    wanted = _sealed_rows(exempt, packet)
    for _ in range(rounds):
        asked = [_timed(lambda: credentials.resolve_credential(secret)) for _turn in range(READS)]
        found["authentication, ms"].append(statistics.median(asked) * 1000)
        with _on_one_processor(ours, exempt):
            for name, sql in (("list, ms more", box.call), ("by id, ms more", BY_ID)):
                pair = [
                    (ours.cursor(), f"{db_identity.IDENTIFY_BY_NAME}; {sql}", values | identity),
                    (exempt.cursor(), sql, values),
                ]
                taken: list[list[float]] = [[], []]
                for _turn in range(READS):  # in turn, so that both meet the same noise
                    for place, (cursor, text, given) in enumerate(pair):
                        taken[place].append(_timed(lambda: _read(cursor, text, given)))  # noqa: B023
                more = statistics.median(taken[0]) - statistics.median(taken[1])
                found[name].append(more * 1000)
        # The entry, then the rows that it opens, as the product sends them; the same two alone, by
        # a role that no policy concerns: the limit; and the entry by itself.
        entry = access_entry(staff, packet)
        lock = referral_lock.shared_lock_query(packet)
        opening = entry | {"cairn_token": staff.token_hash, "cairn_acting": staff.acting}
        opening |= {"referral": str(packet), "wanted": wanted, **lock.values}
        both, behind = (
            [writer.ENTRY, packet_contents.OPENED],
            [db_identity.IDENTIFY_BY_NAME, lock.sql],
        )
        for name, flush in (("commits ratio", 0), ("commits ratio, slow", SLOW_FLUSH_US)):
            with _flushing_takes(exempt, database, flush):
                audited = commits.a_second(cluster, "app", database, both, opening, behind=behind)
                plain = commits.a_second(cluster, SUPERUSER, database, [writer.ENTRY], entry)
            found[name].append(audited / plain)
            if not flush:
                bare = commits.a_second(cluster, SUPERUSER, database, both, opening)
                found["commits ratio, bare"].append(bare / plain)
    return {
        name: [round(one, 3) for one in (statistics.median(all_), min(all_), max(all_))]
        for name, all_ in found.items()
    }


@contextmanager
def _on_one_processor(*connections: Any) -> Iterator[None]:
    """This process and both back ends. On two, to wake a back end takes 15 µs or 60, by where the
    system has put it: more than what is measured here."""
    if not hasattr(os, "sched_setaffinity"):  # Linux has it
        yield
        return
    all_ = os.sched_getaffinity(0)
    who = (0, *(connection.info.backend_pid for connection in connections))
    for process in who:
        os.sched_setaffinity(process, {min(all_)})
    try:
        yield
    finally:
        for process in who:
            os.sched_setaffinity(process, all_)


@contextmanager
def _flushing_takes(superuser: Any, database: str, at_least_us: int) -> Iterator[None]:
    """On a disk that answers at once the processor is the limit, on most others the flush at each
    commit. PostgreSQL's own commit_delay holds up the session that flushes and all that wait."""
    cursor = superuser.cursor()
    settings = {"commit_delay": at_least_us, "commit_siblings": 0}
    for name, value in settings.items():
        cursor.execute(f"ALTER DATABASE {database} SET {name} = {value}")
    try:
        yield
    finally:
        for name in settings:
            cursor.execute(f"ALTER DATABASE {database} RESET {name}")


def _timed(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _read(cursor: Any, sql: str, values: dict[str, Any]) -> None:
    cursor.execute(sql, values)
    cursor.fetchall()


def _sealed_rows(connection: Any, packet: UUID) -> str:
    cursor = connection.cursor()
    cursor.execute("SELECT id::text FROM packet_field WHERE referral_id = %s", [str(packet)])
    return array_literal([row[0] for row in cursor.fetchall()])


def access_entry(staff: Principal, packet: UUID) -> dict[str, Any]:
    """The values of an opening's entry, for pgbench."""
    kept = ("subject", "release_id", "directory_id", "rule", "address_prefix", "referral_ids")
    return dict.fromkeys(kept) | {
        "entry_id": NEW,
        "agency_id": str(staff.agency_id),
        "member_id": str(staff.member_id),
        "client_id": str(staff.client_id),
        "act": "referral.open_packet",
        "purpose": "intake",
        "referral_id": str(packet),
        "fields": list(PACKET),
        "request_id": NEW,
    }
