"""The faults: each breaks something, and mends it again where it does not mend itself."""

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from tests.slow.cluster.ground import address, run
from tests.slow.cluster.hosts import DATABASES, ETC, WEBS, WORKERS, Cluster
from tests.support.ground.waiting import until
from tests.upgrades.scratch import next_release

Say = Callable[[str], None]
CLOCK_OFF = "+300s"


def leader_killed(cluster: Cluster, say: Say) -> None:
    """kill -9 of Patroni and of PostgreSQL on the leader; its Patroni starts again later."""
    leader = cluster.leader()
    cluster.ground.stop(leader, "patroni", signal.SIGKILL)
    for process in cluster.ground.of(leader):
        if _name(process) != "etcd":
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
    say(f"killed PostgreSQL and Patroni on {leader}")
    led(cluster, say, by_other_than=leader)
    cluster.start_patroni(leader)


def postgres_killed(cluster: Cluster, say: Say) -> None:
    """kill -9 of PostgreSQL's first process on the leader; Patroni goes on."""
    leader = cluster.leader()
    pid = int((cluster.disk(leader) / "data/cairn/postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    say(f"killed the postmaster on {leader}")
    until(lambda: not Path(f"/proc/{pid}").exists(), "it is gone", 20)
    led(cluster, say)


def leader_split(cluster: Cluster, say: Say) -> None:
    """The leader's cable is out for a minute: it goes on running, and no one hears it."""
    leader = cluster.leader()
    cluster.ground.unplug(leader)
    say(f"unplugged {leader}")
    led(cluster, say, by_other_than=leader)
    time.sleep(10)  # long enough that both sides have done what they do alone
    cluster.ground.plug_in(leader)
    say(f"plugged {leader} in again")


def disk_full(cluster: Cluster, say: Say) -> None:
    """Something fills the leader's disk to the last byte, and is gone once another one leads."""
    leader = cluster.leader()
    rubbish = cluster.disk(leader) / "data" / "rubbish"
    with open(rubbish, "wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 20))
    with open(rubbish, "ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x")
    say(f"filled the disk of {leader}")
    try:
        led(cluster, say, by_other_than=leader)
    finally:
        rubbish.unlink()


def clock_off(cluster: Cluster, say: Say) -> None:
    """A leader whose clock, as that of one host of the background work, is five minutes ahead."""
    leader = cluster.leader()
    others = [one for one in DATABASES if one != leader]
    cluster.clock = dict.fromkeys((*others, "worker2"), CLOCK_OFF)
    try:
        _restart(cluster, [*others, "worker2"])
        say(f"the clocks of {', '.join(cluster.clock)} are off by {CLOCK_OFF}")
        _switch_over(cluster, say)
        time.sleep(10)  # acts under that clock
    finally:
        cluster.clock = {}
        _restart(cluster, ["worker2", *others])
    say("and right again")


def _restart(cluster: Cluster, hosts: Iterable[str]) -> None:
    """One after the other, as for planned work."""
    for host in hosts:
        if host == cluster.leader():
            _switch_over(cluster, lambda _text: None)
        cluster.ground.power_off(host)
        cluster.start(host)
        until(lambda: cluster.follows(host), f"{host} is back", 120)  # noqa: B023


def _switch_over(cluster: Cluster, say: Say) -> None:
    """Let the synchronous standby lead, as the operator does for planned work."""
    leader = cluster.leader()
    until(cluster.is_whole, "the whole cluster", 120)
    to = next(name for name, one in cluster.members().items() if one["role"] == "sync_standby")
    hosts = {"PATRONI_ETCD3_HOSTS": ",".join(f"{address(one)}:2379" for one in DATABASES)}
    hosts |= {
        "PATRONI_RESTAPI_USERNAME": "patroni",
        "PATRONI_RESTAPI_PASSWORD": cluster.patroni_passwords["RESTAPI"],
    }
    run(
        *("env", *(f"{name}={text}" for name, text in hosts.items())),
        *(cluster.patroni / "patronictl", "-c", ETC / "cluster" / "patroni.yml", "switchover"),
        *("cairn", "--leader", leader, "--candidate", to, "--force"),
    )
    until(lambda: cluster.leader() == to, f"{to} leads", 60)
    say(f"{to} leads instead of {leader}")


def upgraded(cluster: Cluster, say: Say) -> None:
    """A rolling upgrade, as RUNBOOK.md ("Upgrade") says: from this release to a next one with a
    migration, a function and a policy more, on whose database this one works as well."""
    place = cluster.ground.folder / "next-release"
    new = next_release(place, cluster.ground.folder / "next-release-home")
    say("the next release is installed next to this one")
    for host in WORKERS:
        cluster.ground.stop(host, "worker", within=120)
    cluster.release = new
    code, said = cluster.manage("web1", "migrate", "--database", "owner", owner=True)
    if code:
        raise RuntimeError(f"migrate: {said[-600:]}")
    say("migrated")
    for host in WEBS:
        cluster.ground.stop(host, "web")
        cluster.start_web(host)
        until(lambda: cluster.is_ready(host), f"{host} is ready", 90)  # noqa: B023
        say(f"{host} serves the next release")
    for host in WORKERS:
        cluster.start_worker(host)


def host_restarted(host: str) -> Callable[[Cluster, Say], None]:
    """The power of one host goes, and comes back."""

    def fault(cluster: Cluster, say: Say) -> None:
        leads = host == cluster.leader()
        cluster.ground.power_off(host)
        say(f"{host} is off{', which led' if leads else ''}")
        if leads:
            led(cluster, say, by_other_than=host)
        else:
            time.sleep(3)
        cluster.start(host)
        say(f"{host} is on")

    fault.__doc__ = f"The power of {host} goes, and comes back."
    return fault


def led(cluster: Cluster, say: Say, by_other_than: str = "") -> None:
    """Wait for a leader."""
    began = time.monotonic()
    until(lambda: cluster.leader() not in ("", by_other_than), "a new leader", 90)
    say(f"{cluster.leader()} leads, after {time.monotonic() - began:.0f} s")


def _name(process: int) -> str:
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return ""


FAULTS: dict[str, Callable[[Cluster, Say], None]] = {
    "leader killed": leader_killed,
    "postmaster killed": postgres_killed,
    "leader cut off": leader_split,
    "leader's disk full": disk_full,
    "clock 5 min ahead": clock_off,
    **{f"{host} restarted": host_restarted(host) for host in (*DATABASES, *WEBS, *WORKERS)},
    "rolling upgrade": upgraded,
}
