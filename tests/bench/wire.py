"""At the wire, without HTTP: a read as `app` beside the same read as an exempt role, and an audited
read beside a plain insert, by sixteen clients at once."""

import statistics
import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import psycopg2

from api.postgres import SUPERUSER, Cluster
from permissions import credentials, log, session
from permissions.prepared import Prepared, array
from permissions.principal import Principal
from referrals import packets, reading
from referrals.filters import Filters
from tests.bench.fill import PACKET

CLIENTS = 16
READS, SECONDS = 60, 1.0  # a round
BY_ID = "SELECT status, created_at FROM referral WHERE id = %(referral)s"


def measure(
    cluster: Cluster, database: str, secret: str, acting: str, packet: UUID, rounds: int
) -> dict[str, list[float]]:
    """[median, lowest, highest] over the rounds, of each figure."""
    figures = ("authentication, ms", "list, ms more", "by id, ms more", "commits ratio")
    found: dict[str, list[float]] = {name: [] for name in figures}
    lister, staff = credentials.resolve(secret), credentials.resolve(secret, acting)
    assert lister is not None
    assert staff is not None
    ours = psycopg2.connect(cluster.url("app", database))
    exempt = psycopg2.connect(cluster.url(SUPERUSER, database))
    ours.autocommit = exempt.autocommit = True
    box = reading.query("in", Filters(), after=False, limit=51)
    values = {"agency": str(lister.agency_id), "referral": str(packet)}
    identity = {"cairn_token": lister.token_hash, "cairn_acting": lister.acting}
    wanted = _sealed_rows(exempt, packet)
    for _ in range(rounds):
        asked = [_timed(lambda: credentials.resolve(secret)) for _turn in range(READS)]
        found["authentication, ms"].append(statistics.median(asked) * 1000)
        for name, sql in (("list, ms more", box), ("by id, ms more", BY_ID)):
            pair = [
                (ours.cursor(), f"{session.IDENTIFY_BY_NAME}; {sql}", values | identity),
                (exempt.cursor(), sql, values),
            ]
            taken: list[list[float]] = [[], []]
            for _turn in range(READS):  # in turn, so that both meet the same noise
                for place, (cursor, text, given) in enumerate(pair):
                    taken[place].append(_timed(lambda: _read(cursor, text, given)))  # noqa: B023
            more = statistics.median(taken[0]) - statistics.median(taken[1])
            found[name].append(more * 1000)
        audited = _commits(cluster.url("app", database), _opening(staff, packet, wanted))
        plain = _commits(cluster.url(SUPERUSER, database), _insert(staff, packet))
        found["commits ratio"].append(audited / plain)
    return {
        name: [round(one, 3) for one in (statistics.median(all_), min(all_), max(all_))]
        for name, all_ in found.items()
    }


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
    return array([row[0] for row in cursor.fetchall()])


def _entry(staff: Principal, packet: UUID) -> dict[str, Any]:
    kept = ("purpose", "subject", "release_id", "directory_id", "rule", "address_prefix")
    return dict.fromkeys(kept) | {
        "entry_id": str(uuid4()),
        "agency_id": str(staff.agency_id),
        "member_id": str(staff.member_id),
        "client_id": str(staff.client_id),
        "act": "referral.open_packet",
        "purpose": "intake",
        "referral_id": str(packet),
        "referral_ids": None,
        "fields": list(PACKET),
        "request_id": str(uuid4()),
    }


Turn = Callable[[Any], None]


def _opening(staff: Principal, packet: UUID, wanted: str) -> Callable[[Any], Turn]:
    """The entry, then the rows that it opens, in one packet, as the product sends them."""
    identity = {"cairn_token": staff.token_hash, "cairn_acting": staff.acting}
    opened = packets.OPENED

    def ready(cursor: Any) -> Turn:
        calls = "; ".join(_planned(cursor, one) for one in (log.ENTRY, opened))

        def turn(cursor: Any) -> None:
            values = _entry(staff, packet) | identity
            values |= {"referral": str(packet), "wanted": wanted}
            cursor.execute(f"BEGIN; {session.IDENTIFY_BY_NAME}; {calls}", values)
            assert len(cursor.fetchall()) == len(PACKET)
            cursor.execute("COMMIT")

        return turn

    return ready


def _insert(staff: Principal, packet: UUID) -> Callable[[Any], Turn]:
    """The same entry by itself, without row security."""

    def ready(cursor: Any) -> Turn:
        call = _planned(cursor, log.ENTRY)

        def turn(cursor: Any) -> None:
            cursor.execute(f"BEGIN; {call}", _entry(staff, packet))
            cursor.execute("COMMIT")

        return turn

    return ready


def _planned(cursor: Any, statement: Prepared) -> str:
    cursor.execute(statement.plan)
    return statement.call


def _commits(dsn: str, ready: Callable[[Any], Turn]) -> float:
    """A second, by sixteen clients at once, each with its own connection."""
    counts = [0] * CLIENTS
    begin = threading.Barrier(CLIENTS)

    def client(number: int) -> None:
        connection = psycopg2.connect(dsn)
        connection.autocommit = True
        cursor = connection.cursor()
        turn = ready(cursor)
        turn(cursor)
        begin.wait()
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            turn(cursor)
            counts[number] += 1
        connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / SECONDS
