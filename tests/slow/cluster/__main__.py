"""`make drill`: break a cluster while people work on it, and compare what they were promised with
what is there.

Three hosts with etcd, Patroni and PostgreSQL, two web servers, two hosts of background work,
HAProxy on each: network namespaces of this machine. Needs root, PostgreSQL, etcd, HAProxy, openssl
and iproute2 of Debian; Patroni is installed into a folder of its own under var/. Logs and
journals stay in var/drill until the next time.
"""

import argparse
import ctypes
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from api.dev.parties import Browser
from tests.slow.cluster.faults import FAULTS
from tests.slow.cluster.ground import Ground
from tests.slow.cluster.hosts import BASE_URL, ETC, FAKETIME, Cluster
from tests.slow.cluster.load import Advocate
from tests.slow.cluster.verdict import Journals, Judge, Verdict
from tests.support.ground.repository import REPOSITORY
from tests.support.ground.waiting import until

HOME = REPOSITORY / "var" / "drill"
PATRONI = REPOSITORY / "var" / "drill-patroni"
PYTHON = "/usr/bin/python3"  # Debian's: the user postgres may not read one in a person's home
PATRONI_PACKAGES = ("patroni[etcd3]==4.1.5", "psycopg2-binary==2.9.13")
NEEDED = {
    "ip": "iproute2",
    "etcd": "etcd-server",
    "haproxy": "haproxy",
    "openssl": "openssl",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}
MOST_S = 30.0  # without an acknowledged act
INSIDE = "CAIRN_DRILL_INSIDE"


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="make drill", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        *("--only", "-o"),
        action="append",
        metavar="FAULT",
        help="this fault only; repeat for several:\n  " + "\n  ".join(FAULTS),
    )
    parser.add_argument("--threads", type=int, default=3, help="stories at once (default 3)")
    parser.add_argument("--calm", type=float, default=8, help="seconds of load between faults")
    given = parser.parse_args()
    for name in given.only or ():
        if name not in FAULTS:
            parser.error(f"there is no fault {name!r}")
    if INSIDE not in os.environ:
        if missing := _missing():
            print(missing, file=sys.stderr)
            return 2
        HOME.parent.mkdir(exist_ok=True)
        with open(HOME.parent / "drill.lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("A drill is running already.", file=sys.stderr)
                return 2
            return _enter()
    return _drill(given)


def _missing() -> str:
    """What this machine lacks, in words; empty if nothing."""
    if os.geteuid():
        return "The drill makes network namespaces, which root alone may do."
    lacking = sorted({package for tool, package in NEEDED.items() if not shutil.which(tool)})
    if _postgres() is None:
        lacking.append("postgresql")
    if not Path(FAKETIME).exists():
        lacking.append("libfaketime")
    return f"The drill needs: apt-get install {' '.join(lacking)}" if lacking else ""


def _postgres() -> Path | None:
    """The newest PostgreSQL of Debian's."""
    found = [one for one in Path("/usr/lib/postgresql").glob("*/bin") if (one / "initdb").exists()]
    return max(found, key=lambda one: int(one.parent.name), default=None)


def _enter() -> int:
    """Do this again in namespaces of its own: at its end nothing is left, not even after kill -9.

    bash is the first process there, since it takes leave of processes that lost their parent.
    """
    if not (PATRONI / "bin" / "patroni").exists():
        say("installing Patroni into a folder of its own …")
        subprocess.run([PYTHON, "-m", "venv", PATRONI], check=True)
        subprocess.run([PATRONI / "bin" / "pip", "install", "-q", *PATRONI_PACKAGES], check=True)
    made = not ETC.exists()
    for place in (ETC, Path("/run/netns"), Path("/run/postgresql")):
        place.mkdir(parents=True, exist_ok=True)
    apart = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
    words = [sys.executable, "-m", "tests.slow.cluster", *sys.argv[1:]]
    try:
        return subprocess.run(
            [*apart, "bash", "-c", '"$@"; exit $?', "bash", *words],
            env=os.environ | {INSIDE: "1"},
            preexec_fn=_die_with_parent,
            check=False,
        ).returncode
    except KeyboardInterrupt:
        return 130
    finally:
        if made:
            ETC.rmdir()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _drill(given: argparse.Namespace) -> int:
    postgres = _postgres()
    assert postgres is not None
    shutil.rmtree(HOME, ignore_errors=True)
    (HOME / "log").mkdir(parents=True)
    ground = Ground(HOME)
    ground.make()
    cluster = Cluster(ground, PATRONI / "bin", postgres)
    cluster.install()
    say("starting three databases, two web servers, two hosts of background work …")
    cluster.begin()
    demo = HOME / "web1" / "demo.json"
    journals = Journals(HOME / "load.ndjson", HOME / "partner.ndjson")
    for name, file in (("load", journals.load), ("partner", journals.partner)):
        words = [sys.executable, "-m", f"tests.slow.cluster.{name}", "--demo", demo]
        words += ["--journal", file] + (["--threads", given.threads] if name == "load" else [])
        ground.start("client", name, words, {}, cwd=REPOSITORY)
    until(lambda: journals.last() > 0, "the first acknowledged act", 60)
    say("people work")
    content = json.loads(demo.read_text())
    police = next(one["id"] for one in content["agencies"] if one["key"] == "police")
    judge = Judge(cluster, journals, _advocate(content), police)
    rows = []
    for name in ["nothing", *(given.only or FAULTS)]:
        row = Verdict(name)
        rows.append(row)
        _one(row, cluster, journals, judge, given.calm)
        say(_line(row))
        for wrong in row.wrong:
            say(f"    {wrong}")
    last = Verdict("at the end")
    rows.append(last)
    ground.stop("client", "load", signal.SIGTERM, 300)
    try:
        judge.judge(last)
    except (TimeoutError, RuntimeError) as error:
        last.wrong.append(f"not judged: {error}")
    _table(rows)
    return 0 if all(row.is_good(MOST_S) for row in rows) else 1


def _one(row: Verdict, cluster: Cluster, journals: Journals, judge: Judge, calm: float) -> None:
    """One fault, from calm to calm."""
    say(f"--- {row.fault}")
    time.sleep(calm)
    began = time.monotonic()
    try:
        if fault := FAULTS.get(row.fault):
            fault(cluster, say)
        # Well again: acts are acknowledged, and the cluster has all its parts.
        until(lambda: journals.last() > time.monotonic() - 1, "an acknowledged act", 120)
        until(cluster.is_whole, "the whole cluster", 180)
        row.whole = time.monotonic() - began
        time.sleep(calm)
    except (TimeoutError, RuntimeError, OSError, subprocess.SubprocessError) as error:
        row.wrong.append(str(error))
    row.rto = journals.longest_pause(began)
    try:
        judge.judge(row)
    except (TimeoutError, RuntimeError) as error:
        row.wrong.append(f"not judged: {error}")


def _advocate(content: dict[str, Any]) -> Advocate:
    """A session of another member of the recipient's, for the packets that were revoked."""
    member = next(one for one in content["members"] if one["username"] == "ywca.lead")
    return Advocate(Browser("lead", BASE_URL, member))


COLUMNS = [
    "acts",
    "lost",
    "doubled",
    "RTO",
    "whole",
    "missed",
    "twice",
    "seals",
    "opened",
    "refused",
]


def _line(row: Verdict) -> str:
    cells = [row.acts, row.lost, row.doubled, f"{row.rto:.1f} s", f"{row.whole:.0f} s"]
    cells += [row.missed, row.twice, row.seals, row.opened, row.refused]
    said = "".join(f"{cell:>10}" for cell in cells)
    return f"{row.fault:<20}{said}  {'good' if row.is_good(MOST_S) else 'NOT GOOD'}"


def _table(rows: list[Verdict]) -> None:
    print(f"\n{'fault':<20}{''.join(f'{name:>10}' for name in COLUMNS)}")
    for row in rows:
        print(_line(row))
    print(
        "\nacts: acknowledged since the row before; lost, doubled: of all acts so far; RTO: the\n"
        "longest time without an acknowledged act; whole: until every host was back; missed,\n"
        "twice: events of the partner that kept its cursor; seals: `manage.py ledger verify`;\n"
        "opened: revoked packets that opened; refused: acts that were refused for good."
    )


if __name__ == "__main__":
    raise SystemExit(main())
