"""The seals of the access log (G12): rows a second of sealer and verifier, and how far the sealer
stays behind while thirty-two write."""

import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.db import connections

from api.dev.postgres import SUPERUSER, Cluster
from permissions.audit import writer
from permissions.identity import credentials
from permissions.ledger import sealed_export, sealer, verifier
from permissions.models import Client
from tests.bench import commits, fill, serve, wire
from tests.support.people.callers import member_id

DATABASE = "bench_seals"
ENTRIES, AT_ONCE = 500_000, 10_000  # of one transaction each
WRITERS, SECONDS = 32, 120
SAMPLE_S = 0.25
WRITTEN = (
    "INSERT INTO access_entry (id, agency_id, member_id, act, purpose, referral_id, fields,"
    " decision, request_id, address_prefix) SELECT gen_random_uuid(), agency_id, id,"
    " 'referral.open_packet', 'intake', gen_random_uuid(), ARRAY['name', 'phone'], 'allowed',"
    " gen_random_uuid(), '127.0.0.0/24' FROM permissions_membership, generate_series(1, %(each)s)"
    " LIMIT %(limit)s"
)
BEHIND = (  # entries that are committed and have no seal, and how old the oldest is
    "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(e.at)), 0)::float"
    " FROM access_entry e"
    " WHERE e.xact >= coalesce((SELECT max(xact_before) FROM log_checkpoint), 0)"
    " AND NOT EXISTS (SELECT FROM log_leaf l WHERE l.entry_id = e.id)"
)


def run(cluster: Cluster) -> None:
    """Make a database, and print what was measured on it. Ends the run if a row was missed."""
    fill.begin(cluster, DATABASE)
    with closing(cluster.connect_superuser(DATABASE)) as superuser, superuser.cursor() as cursor:
        for _ in range(ENTRIES // AT_ONCE):
            cursor.execute(WRITTEN, {"each": AT_ONCE, "limit": AT_ONCE})
        cursor.execute("VACUUM ANALYZE access_entry")
    began = time.monotonic()
    while sealer.step():
        pass
    sealed_s = time.monotonic() - began
    rows = sealer.newest_checkpoint().size  # type: ignore[union-attr]
    print(f"\nSeals: {rows:,} entries")
    print(f"  sealer: {rows / sealed_s:,.0f} rows a second (target 50,000)")
    with tempfile.TemporaryDirectory() as folder:
        export, keys = Path(folder) / "export", Path(folder) / "keys"
        keys.write_text(json.dumps(sealed_export.public_keys()))
        began = time.monotonic()
        with export.open("w") as file:
            file.writelines(f"{line}\n" for line in sealed_export.lines())
        exported_s = time.monotonic() - began
        command = [sys.executable, verifier.__file__, str(export), "--keys", str(keys)]
        before = _cpu_of_children()
        subprocess.run(command, check=True, capture_output=True)
        verified_s = _cpu_of_children() - before
    print(f"  export: {rows / exported_s:,.0f} rows a second")
    print(f"  verifier: {rows / verified_s:,.0f} rows a second of one core (target 500,000)")
    _behind(cluster)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _behind(cluster: Cluster) -> None:
    """Thirty-two writers, and a sealer in a process of its own."""
    client = Client.objects.get(id=fill.client_id("ywca"))
    secret = f"token-of-the-benchmark-{time.monotonic_ns()}"
    credentials.open_for_client(client, secret, client.scopes)
    staff = credentials.resolve_credential(secret, str(member_id("ywca.worker")))
    assert staff is not None
    entry = wire.access_entry(staff, uuid4())
    for alias in connections:
        connections[alias].close()
    with closing(cluster.connect_superuser(DATABASE)) as superuser, superuser.cursor() as cursor:
        with serve.jobs(DATABASE, "seal"), _sampled(cluster) as lags:
            cursor.execute(WRITTEN, {"each": 1, "limit": 1})
            while _ask(cursor, BEHIND)[0]:  # until the process has begun
                time.sleep(SAMPLE_S)
            lags.clear()
            rate = commits.a_second(
                cluster, SUPERUSER, DATABASE, [writer.ENTRY], entry,
                clients=WRITERS, seconds=SECONDS,
            )  # fmt: skip
            most = max(lags)
            while _ask(cursor, BEHIND)[0]:
                time.sleep(SAMPLE_S)
        written, sealed, once = _ask(
            cursor,
            "SELECT (SELECT count(*) FROM access_entry), count(*), count(DISTINCT entry_id)"
            " FROM log_leaf",
        )
    if not written == sealed == once:
        raise SystemExit(f"{written:,} entries, {sealed:,} sealed, {once:,} of them once")
    print(
        f"  {WRITERS} writers for {SECONDS} s: {rate:,.0f} entries a second, each sealed once; at"
        f" most {most:.2f} s behind (target 2), of {len(lags):,} samples"
    )


@contextmanager
def _sampled(cluster: Cluster) -> Iterator[list[float]]:
    """How old the oldest entry without a seal is, again and again."""
    lags: list[float] = []
    ended = threading.Event()

    def sample() -> None:
        with closing(cluster.connect_superuser(DATABASE)) as superuser:
            cursor = superuser.cursor()
            while not ended.wait(SAMPLE_S):
                lags.append(_ask(cursor, BEHIND)[1])

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield lags
    finally:
        ended.set()
        thread.join()


def _ask(cursor: Any, question: str) -> tuple[Any, ...]:
    cursor.execute(question)
    row: tuple[Any, ...] = cursor.fetchone()
    return row
