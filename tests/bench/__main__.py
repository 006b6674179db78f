"""`python -m tests.bench`: read the options, make the ground, then run tests/bench/run.py."""

import argparse
import os
from pathlib import Path

import django

REPOSITORY = Path(__file__).resolve().parent.parent.parent
DESCRIPTION = """\
Serve ours and the bare limit (tests/bench/bare.py) at the same time, on one database and with the
same worker settings, and ask both in turn. A figure is the ratio ours/bare of one round; printed
are the median over the rounds and, in brackets, the lowest and the highest. The exact gates (plans,
buffers, statements) are tests: tests/database/test_query_plans.py,
tests/directory/test_directory_query_plans.py. A slow machine fails nothing here.
"""


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench", description=DESCRIPTION, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15, help="rounds (default 15)")
    parser.add_argument(
        "--requests", type=int, default=60, help="requests a round, row and side (default 60)"
    )
    parser.add_argument(
        "--size",
        type=int,
        action="append",
        help="referrals in the database; may be given again (default 10000 and 100000)",
    )
    parser.add_argument(
        "--services",
        type=int,
        action="append",
        help="services in the directory; may be given again (default 50000)",
    )
    parser.add_argument(
        "--only", choices=["referrals", "directory", "webhooks", "seals"], help="a part of the rows"
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="use the last run's databases",
    )
    found = parser.parse_args()
    found.size = sorted(set(found.size or [10_000, 100_000]))
    found.services = sorted(set(found.services or [50_000]))
    if found.rounds < 1 or found.requests < 10 or min(*found.size, *found.services) < 1000:
        parser.error("at least 1 round, 10 requests, 1000 referrals and services")
    if found.only:
        found.size = found.size if found.only == "referrals" else []
        found.services = found.services if found.only == "directory" else []
    return found


def main() -> None:
    chosen = options()
    home = Path(os.environ.get("CAIRN_BENCH_HOME") or REPOSITORY / "var" / "bench").resolve()
    os.environ |= {
        "CAIRN_HOME": str(home),
        "CAIRN_LOG_LEVEL": "WARNING",
        "DJANGO_SETTINGS_MODULE": "api.settings",
    }
    for name in ("CAIRN_BASE_URL", "CAIRN_DATABASE", "DATABASE_URL"):
        os.environ.pop(name, None)

    from api.dev.postgres import Cluster

    cluster = Cluster(home)
    was_running = cluster.is_running()
    cluster.start()
    try:
        django.setup()
        from tests.bench import seals, webhooks
        from tests.bench.run import run

        sizes = chosen.size, chosen.services
        if chosen.only not in ("webhooks", "seals"):
            run(cluster, home, *sizes, chosen.rounds, chosen.requests, keep=chosen.keep)
        if chosen.only in (None, "webhooks"):
            webhooks.run(cluster)
        if chosen.only in (None, "seals"):
            seals.run(cluster)
    finally:
        if not was_running:
            cluster.stop()


main()
