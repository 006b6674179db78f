"""How big can it get: fill a database, and measure what grows with it (docs/how-big.md).

    make scale                                       # 100,000 referrals; ten minutes
    .venv/bin/python -m tests.bench.scale --referrals 1000000 --log 10000000 --services 1000000
    .venv/bin/python -m tests.bench.scale --grow     # pages, exact, and no times: growth.py

The cluster is of its own (`var/scale`). Rows are made by SQL in the shapes of the acts; packets,
the access entries of what is measured, seals and purge go through the product. Each figure is taken
at a tenth of the size and at the whole: what does not grow between the two is served by an index.
The table is printed and written to `var/scale/latest.md`.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import django

REPOSITORY = Path(__file__).resolve().parent.parent.parent
DATABASE = "scale"
TURNS = 30  # of each; printed: the best, which a busy machine spoils least, and the median
BYTES_A_ROW = 1_300  # of all the tables and indexes together, as measured (docs/how-big.md)


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    began = time.monotonic()
    found = call()
    return found, time.monotonic() - began


class Table:
    """Figures by what they are of, one column a size."""

    def __init__(self) -> None:
        self.rows: dict[str, list[str]] = {}

    def add(self, what: str, figure: str) -> None:
        self.rows.setdefault(what, []).append(figure)
        say(f"{what}: {figure}")

    def text(self, heads: list[str]) -> str:
        lines = ["| what | " + " | ".join(heads) + " |", "| --- |" + " --- |" * len(heads)]
        lines += [f"| {what} | " + " | ".join(said) + " |" for what, said in self.rows.items()]
        return "\n".join(lines)


def fill_all(cluster: Any, referrals: int, log: int, services: int, table: Table) -> None:
    from api.dev.demo import agency_id
    from tests.bench import directory, fill, log_rows

    fill.begin(cluster, DATABASE)
    _, took = timed(lambda: fill.insert_referrals(cluster, DATABASE, referrals))
    with closing(cluster.connect_superuser(DATABASE)) as superuser:
        cursor = superuser.cursor()
        sql = (Path(__file__).parent / "scale.sql").read_text()
        _, more = timed(lambda: cursor.execute(sql))
        say(f"{referrals:,} referrals and their events in {took + more:.0f} s")
        _, took = timed(lambda: log_rows.fill(superuser, agency_id("ywca"), log, 24))
        say(f"{log:,} entries of the access log in {took:.0f} s")
        _, took = timed(lambda: directory.grow(superuser, services))
        say(f"{services:,} services in {took:.0f} s")
    fill.seal_packets()
    with closing(cluster.connect_superuser(DATABASE)) as superuser:
        superuser.cursor().execute("VACUUM ANALYZE")
        superuser.cursor().execute("CHECKPOINT")
    sizes(cluster, table)


def sizes(cluster: Any, table: Table) -> None:
    with closing(cluster.connect_superuser(DATABASE)) as superuser:
        cursor = superuser.cursor()
        for what, pattern in (
            ("referrals, sides, assignments, events", "referral%"),
            ("access log", "access_entry%"),
            ("directory", "directory%"),
        ):
            cursor.execute(
                "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r'"
                " AND relnamespace = 'public'::regnamespace AND relname LIKE %s",
                [pattern],
            )
            table.add(f"disk: {what}", f"{float(cursor.fetchone()[0]) / 1e6:,.0f} MB")
        cursor.execute("SELECT pg_database_size(current_database())")
        table.add("disk: all", f"{float(cursor.fetchone()[0]) / 1e6:,.0f} MB")


def questions(services: int) -> dict[str, tuple[str, str, Any]]:
    """By name: as whom, how, and the address or addresses that are asked in turn."""
    near = "/v1/directory/services?latitude=46.8721&longitude=-113.994&per_page=25"
    return {
        "inbox, first page": ("ywca", "GET", ["/v1/referrals?box=in"]),
        "inbox, a hundred": ("ywca", "GET", ["/v1/referrals?box=in&limit=100"]),
        "sent, first page": ("police", "GET", ["/v1/referrals?box=out"]),
        "a referral": ("ywca", "GET", "sealed"),
        "a packet of 12 fields opened": ("ywca", "OPEN", "sealed"),
        "feed, from its beginning": ("ywca", "GET", ["/v1/events"]),
        "directory, first page": ("", "GET", ["/v1/directory/services?per_page=50"]),
        "directory, half-way": (
            "",
            "GET",
            [f"/v1/directory/services?per_page=20&page={services // 40}"],
        ),
        "search, a common word": ("", "GET", ["/v1/directory/services?search=shelter&per_page=25"]),
        "search, a rare word": ("", "GET", ["/v1/directory/services?search=zq1901&per_page=25"]),
        "search, nearest": ("", "GET", [near]),
    }


def ask_all(cluster: Any, services: int, table: Table) -> None:
    """Through all of the product but sockets: middleware, both walls, the access entry."""
    from django.test import Client as HttpClient

    from permissions.identity import credentials
    from permissions.models import Client
    from tests.bench import fill, plans
    from tests.support.people.callers import member_id

    http = HttpClient(SERVER_NAME="127.0.0.1")
    packets = fill.sealed(cluster, DATABASE)
    for what, (who, method, asked) in questions(services).items():
        headers = {}
        if who:
            client = Client.objects.get(id=fill.client_id(who))
            secret = f"token-of-the-scale-{time.monotonic_ns()}"
            credentials.open_for_client(client, secret, client.scopes)
            headers = {"Authorization": f"Bearer {secret}"}
        if method == "OPEN":
            headers["Acting-Member"] = str(member_id("ywca.worker"))
        paths = [f"/v1/referrals/{one}" for one in packets] if asked == "sealed" else asked

        def ask(turn: int, paths: Any = paths, method: str = method, headers: Any = headers) -> Any:
            path = paths[turn % len(paths)]
            if method == "OPEN":
                body = {"purpose": "intake"}
                return http.post(
                    f"{path}/open_packet", body, content_type="application/json", headers=headers
                )
            return http.get(path, headers=headers)

        for turn in range(6):  # plans are made, pages are read
            if (answer := ask(turn)).status_code != 200:
                raise SystemExit(f"{what}: {answer.status_code} {answer.content[:300]!r}")
        took = [timed(lambda turn=turn: ask(turn))[1] * 1000 for turn in range(TURNS)]
        with plans.statements() as seen:
            ask(0)
        table.add(
            what,
            f"{min(took):.1f} ms, median {statistics.median(took):.1f}; {len(seen)} statements",
        )


def inbox_plan(cluster: Any, table: Table) -> None:
    """Exact: the pages that the inbox reads, and whether the plan is the one without policies."""
    from tests.bench.run import _exact

    exact = _exact(cluster, DATABASE)["list"]
    same = "the same plan" if exact["same_shape"] else "ANOTHER PLAN"
    table.add(
        "inbox: pages read (without policies)",
        f"{exact['buffers']} ({exact['buffers_exempt']}), {same}",
    )


def audit_pages(cluster: Any, table: Table) -> None:
    from api.dev.demo import agency_id
    from permissions.identity import credentials
    from permissions.models import Membership
    from tests.bench import log_rows
    from tests.support.people.callers import member_id

    auditor = Membership.objects.using("signin").get(id=member_id("ywca.auditor"))
    principal = credentials.resolve_credential(credentials.open_for_member(auditor))
    with closing(cluster.connect_superuser(DATABASE)) as superuser:
        filters = log_rows.looked_for(superuser, agency_id("ywca"))
    worst = {}
    for what, one in filters.items():
        read = log_rows.by_the_api(principal, one)
        worst[what] = max(buffers for buffers, _ in log_rows.pages(principal, read))
    most = max(worst, key=lambda what: worst[what])
    table.add("an auditor's page: pages read, of all filters the most", f"{worst[most]:,} ({most})")


def seal_all(table: Table) -> None:
    from permissions.ledger import sealer

    def everything() -> None:
        while sealer.step():
            pass

    _, took = timed(everything)
    newest = sealer.newest_checkpoint()
    assert newest is not None
    table.add("seals: entries a second", f"{newest.size / took:,.0f} ({newest.size:,})")


def purge(table: Table) -> None:
    """What a purge finds (a batch of each agency and kind at most), and what one turn takes."""
    from referrals.deadlines import purge as purging

    found, took = timed(purging.preview)
    table.add("purge: looking for what is due", f"{took:.1f} s ({sum(found.values()):,} due)")
    _, took = timed(purging.step)
    table.add("purge: one turn, and the end of keys", f"{took:.1f} s")


def backup(cluster: Any, home: Path, table: Table) -> None:
    """A logical copy and its restore into an empty database, by PostgreSQL's own programs."""
    from api.dev.postgres import SUPERUSER
    from api.postgres_binaries import find_binaries

    tools = find_binaries()
    file = home / "scale.dump"
    url = cluster.url(SUPERUSER, DATABASE)
    dump = [str(tools / "pg_dump"), "-Fc", "-Z1", "-f", str(file), url]
    _, took = timed(lambda: subprocess.run(dump, check=True))
    table.add("pg_dump", f"{took:.0f} s, {file.stat().st_size / 1e6:,.0f} MB")
    cluster.drop_database("scale_restored")
    cluster.create_database("scale_restored")
    restore = [str(tools / "pg_restore"), "-j2", "-d", cluster.url(SUPERUSER, "scale_restored")]
    restore += ["--clean", "--if-exists", str(file)]
    done, took = timed(lambda: subprocess.run(restore, check=False, capture_output=True, text=True))
    errors = done.stderr.count("error:")
    table.add("pg_restore", f"{took:.0f} s" + (f", {errors} errors" if errors else ""))
    cluster.drop_database("scale_restored")
    file.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--referrals", type=int, default=100_000)
    parser.add_argument("--log", type=int, default=1_000_000, help="entries of the access log")
    parser.add_argument("--services", type=int, default=100_000)
    parser.add_argument("--only-whole", action="store_true", help="not a tenth of it first")
    parser.add_argument("--grow", action="store_true", help="count pages, and measure no time")
    asked = parser.parse_args()
    home = Path(os.environ.get("CAIRN_SCALE_HOME") or REPOSITORY / "var" / "scale").resolve()
    home.mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "CAIRN_HOME": str(home),
        "CAIRN_LOG_LEVEL": "ERROR",
        "DJANGO_SETTINGS_MODULE": "api.settings",
    }
    for name in ("CAIRN_BASE_URL", "CAIRN_DATABASE", "DATABASE_URL", "CAIRN_KEY_FOLDER"):
        os.environ.pop(name, None)
    copies = 2 if asked.grow else 4  # and what is written to fill it; and a backup, and its restore
    needed = copies * BYTES_A_ROW * (asked.referrals * 4 + asked.log + asked.services * 4)
    if (free := shutil.disk_usage(home).free) < needed:
        raise SystemExit(f"{needed / 1e9:.0f} GB are needed, {free / 1e9:.0f} are free.")
    from api.dev.postgres import Cluster

    cluster = Cluster(home)
    cluster.start()
    try:
        django.setup()
        whole = (asked.referrals, asked.log, asked.services)
        rounds = [whole] if asked.only_whole else [tuple(one // 10 for one in whole), whole]
        if asked.grow:
            from tests.bench import growth

            growth.run(cluster, DATABASE, home, rounds)
            return
        table = Table()
        for one in rounds:
            measure(cluster, home, table, *one)
        heads = [
            f"{referrals:,} referrals, {log:,} entries, {services:,} services"
            for referrals, log, services in rounds
        ]
        text = table.text(heads)
        (home / "latest.md").write_text(text + "\n")
        print(f"\n{text}")
    finally:
        from django.db import connections

        connections.close_all()
        cluster.drop_database(DATABASE)
        cluster.stop()


def measure(
    cluster: Any, home: Path, table: Table, referrals: int, log: int, services: int
) -> None:
    fill_all(cluster, referrals, log, services, table)
    ask_all(cluster, services, table)
    inbox_plan(cluster, table)
    audit_pages(cluster, table)
    seal_all(table)
    backup(cluster, home, table)
    purge(table)  # last: it takes away


if __name__ == "__main__":
    main()
