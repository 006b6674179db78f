"""`python -m tests.bench`: read the options, make the ground, then run tests/bench/run.py."""

import argparse
import json
from pathlib import Path

from tests.bench.home import opened, peers

DESCRIPTION = """\
Serve ours, the bare limit (tests/bench/bare.py) and three peers (tests/bench/peers) at the same
time, on one database, and ask them in turn. A figure is CPU time; a ratio is that of one round, and
printed are the median over the rounds and the lowest and highest. Each row says whether its goal is
met, and whether ours is below FastAPI. A slow machine fails nothing here. The exact gates (plans,
buffers, statements) are tests: tests/database/test_query_plans.py,
tests/directory/test_directory_query_plans.py.
"""
PARTS = ("referrals", "directory", "webhooks", "seals")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=DESCRIPTION,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "--full",
        action="store_true",
        help="two sizes, more rounds, every question of the directory, the exempt role, the wire,\n"
        "webhooks and seals",
    )
    parser.add_argument("--rounds", type=int, help="rounds (default 3; full 15)")
    parser.add_argument(
        "--requests",
        type=int,
        default=30,
        help="requests a round, row and side; of an act, a sixth (default 30)",
    )
    parser.add_argument(
        "--size",
        type=int,
        action="append",
        help="referrals; may be given again (default 10000; full 10000 and 100000)",
    )
    parser.add_argument(
        "--services",
        type=int,
        action="append",
        help="services of the directory; may be given again (default 10000; full 50000)",
    )
    parser.add_argument("--only", choices=PARTS, help="a part of the rows")
    parser.add_argument("--keep", action="store_true", help="use the last run's databases")
    parser.add_argument(
        "--peers", type=Path, help="the peers' environment (default var/peers; without it, none)"
    )
    parser.add_argument(
        "--release", metavar="VERSION", help="write docs/bench/VERSION.json, to be committed"
    )
    found = parser.parse_args()
    found.rounds = found.rounds or (15 if found.full else 3)
    found.size = sorted(set(found.size or ([10_000, 100_000] if found.full else [10_000])))
    found.services = sorted(set(found.services or [50_000 if found.full else 10_000]))
    if found.rounds < 1 or found.requests < 12 or min(*found.size, *found.services) < 1000:
        parser.error("at least 1 round, 12 requests, 1000 referrals and services")
    if found.only:
        found.size = found.size if found.only == "referrals" else []
        found.services = found.services if found.only == "directory" else []
    found.peers = peers(found.peers)
    return found


def main() -> None:
    chosen = options()
    with opened() as (cluster, home):
        from tests.bench import report, seals, webhooks
        from tests.bench.run import Asked, run

        if chosen.size or chosen.services:
            asked = Asked(
                chosen.size,
                chosen.services,
                chosen.rounds,
                chosen.requests,
                chosen.full,
                chosen.keep,
                chosen.peers,
            )
            found = run(cluster, home, asked)
            print(report.text(found))
            if chosen.release:
                file = report.RELEASED / f"{chosen.release}.json"
                file.write_text(json.dumps(report.for_release(found), indent=1) + "\n")
        if chosen.only == "webhooks" or (chosen.full and not chosen.only):
            webhooks.run(cluster)
        if chosen.only == "seals" or (chosen.full and not chosen.only):
            seals.run(cluster)


main()
