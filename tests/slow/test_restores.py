"""Restores and failovers on real servers (deploy/RUNBOOK.md, Restore and Failover): what ended
stays ended, the list of what is lost is the truth, partner systems miss nothing and get nothing
twice, the seals verify, and until then nothing is served. `make restores`; a minute or two."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections

from api.health import readiness
from permissions.errors import NotRecovered
from permissions.keys import rotation
from permissions.ledger import sealer, witness
from permissions.recovery import outbox, timeline
from referrals.recovery import copies
from tests.operation.readings import ready
from tests.support.ground.own_servers import Server, Servers, environment
from tests.support.ground.own_servers import primary as primary  # fixtures
from tests.support.ground.own_servers import servers as servers
from tests.support.ground.repository import REPOSITORY
from tests.support.ground.restored import recover
from tests.support.ground.waiting import until
from tests.support.people.callers import Caller, agency_id
from tests.support.people.seals import faults, seal
from tests.support.people.stories import PACKET, Story, service_of


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    readiness.forget()
    yield
    readiness.forget()


class Feed:
    """A partner system that polls the feed and holds its place throughout."""

    def __init__(self, api: Any, who: str) -> None:
        self.api, self.who, self.place = api, who, ""
        self.seen: list[str] = []

    def poll(self) -> list[str]:
        caller, new = self.api(self.who), []
        while True:
            answer = caller.get("/v1/events", {"after": self.place} if self.place else {})
            assert answer.status_code == 200, answer.content
            page = answer.json()
            self.place = page["next"] or self.place
            new += [one["id"] for one in page["items"]]
            if not page["items"]:
                break
        assert not set(new) & set(self.seen), "nothing comes twice"
        self.seen += new
        return new


def kept_outside() -> None:
    """What the background work brings out of the database each second."""
    while outbox.step():
        pass
    while copies.step():
        pass
    seal()
    while witness.step():
        pass


def events(server: Server) -> set[str]:
    return {str(one) for (one,) in server.ask("SELECT id FROM referral_event")}


def serves_nothing() -> None:
    readiness.forget()
    answer = Caller("nobody", "").get("/v1/directory/services")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_recovered")
    assert ready()[2]["timeline"] == "failed"
    with pytest.raises(NotRecovered):
        timeline.require("jobs")
    readiness.forget()


def listed(said: str) -> set[tuple[str, str]]:
    """(act, referral) of the list of what is lost."""
    lines = [line.split("\t") for line in said.splitlines() if line.count("\t") == 4]
    return {(line[1], line[4]) for line in lines}


def lost_of(server: Server, ids: set[str]) -> set[tuple[str, str]]:
    rows = server.ask(
        "SELECT act, referral_id::text FROM referral_event WHERE id = ANY (%s::uuid[])", list(ids)
    )
    return {(act, referral) for act, referral in rows}


def seals_verify() -> None:
    seal()
    while witness.step():
        pass
    assert faults(Path(settings.LOG_WITNESS_FILE)) == []


def open_packet(story: Story, who: str) -> tuple[int, str | None]:
    answer = story.api(who).act(story.id, "open_packet", {"purpose": "review"})
    return answer.status_code, answer.json().get("code")


class World:
    """Referrals before the backup, and what ended since."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.kept, self.revoked, self.stopped, self.blocked = (
            Story(api, service_of("ywca")).accept().release(*PACKET).packet(**PACKET)
            for _ in range(4)
        )

    def end_some(self) -> None:
        self.revoked.sends("revoke_release", {"via": "oral"})
        self.stopped.answers("stop")
        self.new = Story(self.api, service_of("ywca")).accept()
        rotation.rotate(agency_id("ywca"))
        rotation.destroy(agency_id("ywca"))

    def stays_ended(self) -> None:
        for one in (self.revoked, self.stopped):
            status, code = open_packet(one, one.recipient)
            assert status in (403, 404, 409, 503), (status, code)
        assert open_packet(self.kept, self.kept.recipient)[0] == 200
        assert open_packet(self.kept, self.kept.sender)[0] == 200


def standby_of(servers: Servers, primary: Server) -> Server:
    """A second server that follows the first."""
    standby = servers.base_backup(primary, "second")
    standby.follow(primary)
    standby.start()
    return standby


def test_a_point_in_time(servers: Servers, primary: Server, api: Any) -> None:
    kept_outside()
    world, feed = World(api), Feed(api, "ywca.client")
    feed.poll()
    copy = servers.base_backup(primary, "second")
    Story(api, service_of("ywca")).send()
    kept_outside()
    primary.ask("SELECT pg_create_restore_point('here')")
    world.end_some()
    kept_outside()
    feed.poll()
    primary.archive_now()
    old = events(primary)
    token = api("ywca.worker")

    copy.to_point("here")
    copy.start()
    until(lambda: copy.ask("SELECT NOT pg_is_in_recovery()") == [(True,)])
    servers.lead_to(copy)
    serves_nothing()
    truth = lost_of(primary, old - events(copy))
    primary.stop()
    said = recover()
    assert truth
    assert listed(said) == truth
    assert token.get("/v1/referrals").status_code == 401
    world.stays_ended()
    feed.poll()  # what the recovery itself did
    Story(api, service_of("ywca")).send()
    assert len(feed.poll()) == 1
    seals_verify()
    assert recover().startswith("Nothing to do")


def test_an_asynchronous_failover_that_lost_a_sealed_tail(
    servers: Servers,
    primary: Server,
    api: Any,
) -> None:
    standby = standby_of(servers, primary)
    kept_outside()
    world, feed = World(api), Feed(api, "ywca.client")
    kept_outside()
    feed.poll()
    ((there,),) = primary.ask("SELECT pg_current_wal_lsn()")
    until(lambda: standby.ask("SELECT pg_last_wal_replay_lsn() >= %s", there) == [(True,)])
    standby.stop("immediate")
    world.end_some()
    kept_outside()
    feed.poll()
    old, held = events(primary), witness.last_witnessed()
    primary.stop("immediate")
    standby.start()
    standby.promote()
    servers.lead_to(standby)
    serves_nothing()
    now = events(standby)
    said = recover()
    standby_lost = old - now
    assert len(standby_lost) == len([one for one in said.splitlines() if one.count("\t") == 4])
    made = sealer.newest_checkpoint()
    assert made is not None
    assert held is not None
    assert made.signed_content["gap"]["to_seq"] == held.seq
    world.stays_ended()
    feed.poll()
    Story(api, service_of("ywca")).send()
    assert len(feed.poll()) == 1
    seals_verify()


def test_a_synchronous_failover_recovers_by_itself(
    servers: Servers,
    primary: Server,
    api: Any,
) -> None:
    standby = standby_of(servers, primary)
    until(lambda: primary.ask("SELECT count(*) FROM pg_stat_replication") == [(1,)])
    primary.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
    primary.ask("SELECT pg_reload_conf()")
    env = environment(servers) | {"CAIRN_FAILOVER": "synchronous", "CAIRN_LOG_LEVEL": "WARNING"}
    worker = subprocess.Popen(
        [sys.executable, "manage.py", "worker", "run"], cwd=REPOSITORY, env=env
    )
    try:
        until(lambda: timeline.read().seen > 2)
        story, feed = Story(api, service_of("ywca")).accept(), Feed(api, "ywca.client")
        feed.poll()
        session = api("ywca.worker")
        primary.stop("immediate")
        standby.promote()
        servers.lead_to(standby)
        until(lambda: timeline.read().stands)
        assert session.get("/v1/referrals").status_code == 200, "a session goes on"
        story.answers("start_handoff", {"mode": "phone"})
        assert len(feed.poll()) == 1
    finally:
        worker.terminate()
        worker.wait(60)
    seals_verify()


def test_an_older_copy_of_the_disk_is_known_by_its_mark(
    servers: Servers,
    primary: Server,
    api: Any,
) -> None:
    world = World(api)
    kept_outside()
    connections.close_all()
    primary.stop()
    copy = servers.copy_of_disk(primary, "second")
    primary.start()
    world.end_some()
    kept_outside()
    old = events(primary)
    connections.close_all()
    primary.stop()
    copy.start()
    servers.lead_to(copy)
    assert timeline.read().cause == "older_copy"
    with pytest.raises(NotRecovered):
        copies.step()
    serves_nothing()
    now = events(copy)
    said = recover()
    assert len(old - now) == len(listed(said))
    world.stays_ended()
    seals_verify()
