"""A mixed day under load: polling, feeds, details, packets, searches, new referrals that are
accepted, webhooks and seals, by 8 and by 64 clients at once.

    make load                                                    # 20 minutes each
    .venv/bin/python -m tests.bench.load --minutes 2 --clients 8

Ours is served by two processes of four threads, as `make run` serves it, with the jobs that seal
and that send webhooks. bare and FastAPI (without the search) are asked for a tenth of the time
before it, for comparison. It ends with status 1 if there was an error, and says whether the 99th
percentile is within five medians, memory and connections stay, and the seals keep up.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

from tests.bench.home import opened
from tests.bench.home import peers as made_peers

DATABASE, REFERRALS = "bench_load", 10_000
IN_A_PROCESS = 8  # clients
SAMPLE_S = 1.0
P99, SEALED_WITHIN_S, GROWN = 5.0, 2.0, 1.1


class Watch:
    """Memory of the server's processes, its connections, and how old the oldest entry without a
    seal is, each second."""

    def __init__(self, cluster: Any, served: Any) -> None:
        self.memory: list[float] = []
        self.connections: list[int] = []
        self.lags: list[float] = []
        self._cluster, self._served = cluster, served
        self._ended = threading.Event()

    def __enter__(self) -> "Watch":
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        from tests.bench import seals, serve

        with closing(self._cluster.connect_superuser(DATABASE)) as superuser:
            cursor = superuser.cursor()
            while not self._ended.wait(SAMPLE_S):
                self.memory.append(sum(map(_pss_mib, self._served.workers())))
                self.connections.append(len(serve.back_ends(self._cluster, self._served.name)))
                cursor.execute(seals.BEHIND)
                self.lags.append(cursor.fetchone()[1])

    def grown(self, figures: list[Any]) -> float:
        """The last fifth to the second, once all threads have their connections."""
        fifth = max(1, len(figures) // 5)
        return statistics.mean(figures[-fifth:]) / statistics.mean(
            figures[fifth : 2 * fifth] or [1]
        )


def _pss_mib(pid: int) -> float:
    """What a process holds; shared pages count in part. None, of one that ended meanwhile."""
    with suppress(OSError):
        found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
        return int(found[1]) / 1024 if found else 0
    return 0


def load(port: int, clients: int, seconds: float, ground: dict[str, Any]) -> dict[str, Any]:
    """What the clients were answered, all of them together."""
    asked = ground | {"port": port, "until": time.time() + seconds}
    processes = []
    for at in range(0, clients, IN_A_PROCESS):
        one = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.load_client"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        mine = asked | {"clients": min(IN_A_PROCESS, clients - at), "seed": at}
        assert one.stdin
        one.stdin.write(json.dumps(mine))
        one.stdin.close()
        processes.append(one)
    took: dict[str, list[float]] = {}
    wrong: list[str] = []
    again = 0
    for one in processes:
        assert one.stdout
        found = json.loads(one.stdout.read() or "null")
        if one.wait() or found is None:
            raise SystemExit("A process of clients failed.")
        wrong += found["wrong"]
        again += found["again"]
        for kind, seen in found["took"].items():
            took.setdefault(kind, []).extend(seen)
    return {"took": took, "wrong": wrong, "again": again, "seconds": seconds}


def percentile(seen: list[float], part: float) -> float:
    return sorted(seen)[min(len(seen) - 1, int(len(seen) * part))] * 1000


def said(name: str, clients: int, found: dict[str, Any]) -> str:
    everything = [one for seen in found["took"].values() for one in seen]
    middle, most = percentile(everything, 0.5), percentile(everything, 0.99)
    rate = len(everything) / found["seconds"]
    return (
        f"{name:8} {clients:3} clients: {rate:6.0f} a second, median {middle:.1f} ms, p99"
        f" {most:.1f} ms, {len(found['wrong'])} wrong, connected again {found['again']} times"
    )


def until_sealed(cluster: Any) -> None:
    """Wait for the seals of what was written before."""
    from tests.bench import seals

    with closing(cluster.connect_superuser(DATABASE)) as superuser:
        cursor = superuser.cursor()
        deadline = time.monotonic() + 300
        while True:
            cursor.execute(seals.BEHIND)
            if cursor.fetchone()[0] == 0:
                return
            if time.monotonic() > deadline:
                raise SystemExit("What was written before is not sealed within five minutes.")
            time.sleep(SAMPLE_S)


def day(
    cluster: Any, home: Path, clients: int, minutes: float, peers: Path | None, ground: Any
) -> bool:
    """With so many clients; whether all is as it should be."""
    from tests.bench import serve, webhooks
    from tests.bench.rows import BARE, FASTAPI, OURS, PEERS

    short = {BARE: "tests.bench.bare"} | ({FASTAPI: PEERS[FASTAPI]} if peers else {})
    for name, application in short.items():
        with serve.serve(
            cluster, home, application, f"load-{name.split()[0]}", DATABASE, workers=2,
            peers=peers if name == FASTAPI else None,
        ) as served:  # fmt: skip
            mine = ground | {"searches": name == BARE}
            found = load(served.port, clients, minutes * 6, mine)
            print(said(name.split()[0], clients, found), *found["wrong"][:3], flush=True)
    with ExitStack() as stack:
        (receiver,) = stack.enter_context(webhooks.under_load(cluster, [b""], DATABASE))
        stack.enter_context(serve.jobs(DATABASE, "seal"))
        served = stack.enter_context(
            serve.serve(cluster, home, "api.wsgi", "load-ours", DATABASE, workers=2)
        )
        until_sealed(cluster)
        watch = stack.enter_context(Watch(cluster, served))
        found = load(served.port, clients, minutes * 60, ground | {"searches": True})
        sent = len(found["took"]["refer"])  # the recipient's system has a message of each
        receiver.wait_for(sent, 120)
    print(said(OURS, clients, found), flush=True)
    good = not found["wrong"]
    for kind, seen in sorted(found["took"].items()):
        middle, most = percentile(seen, 0.5), percentile(seen, 0.99)
        far = "" if most <= P99 * middle else f", OVER {P99:g} medians"
        print(f"  {kind:12} {len(seen):7,}  median {middle:6.1f} ms, p99 {most:6.1f} ms{far}")
    for what, limit, figure in (
        ("memory, last fifth to second", GROWN, watch.grown(watch.memory)),
        ("connections, likewise", 1.0, watch.grown(watch.connections)),
        ("seconds that the seals were behind, at most", SEALED_WITHIN_S, max(watch.lags)),
    ):
        print(f"  {what}: {figure:.2f}{'' if figure <= limit else f', OVER {limit:g}'}")
    print(f"  webhooks: {len(receiver.first_ids()):,} messages came, {sent:,} at least were due")
    for one in found["wrong"][:5]:
        print(f"  wrong: {one}")
    return good


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.load",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=20, help="with each number of clients")
    parser.add_argument("--clients", type=int, action="append", help="(default 8 and 64)")
    parser.add_argument("--keep", action="store_true", help="use the last run's database")
    asked = parser.parse_args()
    with opened() as (cluster, home):
        ground = make_ground(cluster, home, keep=asked.keep)
        good = [
            day(cluster, home, clients, asked.minutes, made_peers(), ground)
            for clients in asked.clients or [8, 64]
        ]
    sys.exit(0 if all(good) else 1)


def make_ground(cluster: Any, home: Path, *, keep: bool) -> dict[str, Any]:
    """The database, and what the clients need to know of it."""
    from api.dev import demo
    from tests.bench import fill, journey
    from tests.bench.run import write_open_acts
    from tests.support.people.callers import member_id
    from tests.support.people.stories import NOTICE, service_of

    if not keep:
        fill.make(cluster, DATABASE, REFERRALS)
    fill.point_at(DATABASE)
    partners = [one for one in demo.load()["clients"] if one["agency"] in ("police", "ywca")]
    write_open_acts(home, DATABASE)
    notice = NOTICE | {"service_id": service_of("ywca"), "send": {"agreement": "agrees"}}
    return {
        "partners": partners,
        "packets": [str(one) for one in fill.sealed(cluster, DATABASE)],
        "advocate": str(member_id(journey.ADVOCATE)),
        "officer": str(member_id(journey.OFFICER)),
        "notice": notice,
    }


if __name__ == "__main__":
    main()
