"""Pages of the public directory come from a standby while it is near enough, else the primary."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections

from api.http import request_metrics
from directory import models as m
from directory.search import standby
from directory.vocabulary import term_id
from permissions.database.aliases import JOBS, REPLICA
from tests.support.ground.cluster import own_cluster
from tests.support.ground.standby import Standby
from tests.support.ground.waiting import until
from tests.support.people.directory_entries import LIST

SOURCES = ("standby", "primary", "primary_behind", "primary_away")
Sources = Callable[[Callable[[], Any]], list[str]]


@pytest.fixture(scope="module")
def running(django_db_setup: str) -> Iterator[dict[str, Standby]]:
    made: dict[str, Standby] = {}
    yield made
    for one in made.values():
        one.erase()


@pytest.fixture
def follower(
    running: dict[str, Standby],
    django_db_setup: str,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Standby]:
    """A standby that follows, configured as `replica`."""
    if "one" not in running:
        running["one"] = Standby(own_cluster())
        running["one"].make()
    one = running["one"]
    monkeypatch.setattr(standby, "AWAY_S", 0.05)
    monkeypatch.setattr(standby, "SAMPLE_S", 0.05)
    settings.REPLICA_LAG_S = 5
    connections.databases[REPLICA] = connections.databases["default"] | {"HOST": str(one.sockets)}
    caught_up(one)
    yield one
    connections[REPLICA].close()
    del connections[REPLICA]
    del connections.databases[REPLICA]


def caught_up(one: Standby) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_flush_lsn()::text")
        (there,) = cursor.fetchone()
    until(lambda: one.tell(f"SELECT pg_last_wal_replay_lsn() >= '{there}'"))


def sources(ask: Callable[[], Any]) -> list[str]:
    """Which databases answered meanwhile, each once."""

    def counts() -> dict[str, float]:
        found = request_metrics.registry()
        return {
            one: found.get_sample_value("cairn_directory_reads_total", {"source": one}) or 0
            for one in SOURCES
        }

    before = counts()
    ask()
    return [one for one, number in counts().items() if number > before[one]]


def get(api: Any, path: str = LIST, who: str | None = None, **query: str) -> Any:
    answer = api(who).get(path, query)
    assert answer.status_code == 200, answer.content
    return answer


def write(superuser: Any) -> None:
    """Something that a standby which does not replay lacks."""
    with superuser.cursor() as cursor:
        cursor.execute("SELECT pg_logical_emit_message(true, 'test', repeat('x', 100))")
    superuser.commit()


@pytest.mark.parametrize(
    ("end", "query"),
    [
        ("services", {"per_page": "5"}),
        ("services", {"search": "shelter", "facets": "true"}),
        ("services", {"format": "ndjson", "full": "true"}),
        ("organizations", {"full_service": "true"}),
        ("service_at_locations", {}),
        ("taxonomies", {}),
        ("taxonomy_terms", {"search": "shelter"}),
    ],
)
def test_the_public_reads_from_the_standby_what_the_primary_says(
    api: Any, follower: Standby, end: str, query: dict[str, str]
) -> None:
    def ask() -> bytes:
        answer = get(api, f"/v1/directory/{end}", **query)
        return b"".join(answer) if answer.streaming else bytes(answer.content)

    there: list[bytes] = []
    assert sources(lambda: there.append(ask())) == ["standby"]
    held = connections.databases.pop(REPLICA)
    try:
        assert sources(lambda: there.append(ask())) == ["primary"]
    finally:
        connections.databases[REPLICA] = held
    assert there[0] == there[1]
    assert len(there[0]) > 100


def test_an_entry_is_read_there_too(api: Any, follower: Standby) -> None:
    first = get(api, per_page="1").json()["contents"][0]["id"]
    assert sources(lambda: get(api, f"{LIST}/{first}")) == ["standby"]


@pytest.mark.parametrize("who", ["police.worker", "ywca.editor", "outsider.client"])
def test_who_has_a_credential_reads_from_the_primary(api: Any, follower: Standby, who: str) -> None:
    assert sources(lambda: get(api, who=who)) == ["primary"]


def test_a_search_in_vain_that_a_standby_answered_is_counted(api: Any, follower: Standby) -> None:
    vain = {"needs": str(term_id("needs", "emergency-shelter")), "language": "kl"}
    assert sources(lambda: get(api, **vain)) == ["standby"]
    assert m.UnmetSearch.objects.using(JOBS).count() == 1


def test_a_standby_that_lags_is_not_asked_until_it_has_caught_up(
    api: Any, follower: Standby, superuser: Any, settings: Any
) -> None:
    settings.REPLICA_LAG_S = 1
    follower.tell("SELECT pg_wal_replay_pause()")
    try:
        write(superuser)
        until(lambda: sources(lambda: get(api)) == ["primary_behind"])
        assert sources(lambda: get(api)) == ["primary_behind"]
    finally:
        follower.tell("SELECT pg_wal_replay_resume()")
    until(lambda: sources(lambda: get(api)) == ["standby"])


def test_an_idle_primary_makes_no_standby_late(api: Any, follower: Standby, settings: Any) -> None:
    """Its last transaction may be days old: the standby lacks nothing."""
    settings.REPLICA_LAG_S = 1
    ask = lambda: get(api)  # noqa: E731
    until(lambda: sources(ask) == ["standby"])


def test_a_standby_that_was_killed_is_not_missed(api: Any, follower: Standby) -> None:
    assert sources(lambda: get(api)) == ["standby"]
    follower.kill()
    assert sources(lambda: get(api)) == ["primary_away"]
    assert sources(lambda: get(api, per_page="7")) == ["primary_away"]
    follower.start()
    until(lambda: sources(lambda: get(api)) == ["standby"])


def test_a_standby_that_was_promoted_is_none_any_more(
    api: Any, follower: Standby, running: dict[str, Standby]
) -> None:
    running.pop("one")
    try:
        assert follower.tell("SELECT pg_promote()")
        # It is on a timeline of its own, and refuses by itself whatever asks it for the time.
        assert sources(lambda: get(api)) == ["primary_away"]
    finally:
        connections[REPLICA].close()
        follower.erase()


def test_the_publics_feed_of_changes_comes_when_every_standby_has_the_entry(
    api: Any, follower: Standby, superuser: Any
) -> None:
    """Who keeps a copy reads an entry once, after its line: it must not be the old one."""
    feed = "/v1/directory/changes"
    with superuser.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(seq), 0) FROM directory_change")
        (newest,) = cursor.fetchone()
        assert newest, "the demo directory has a feed"
        cursor.execute("UPDATE directory_change SET at = now() - interval '2 minutes'")
        cursor.execute(
            "UPDATE directory_change SET at = now() WHERE seq = (SELECT max(seq) FROM"
            " directory_change WHERE NOT network)"
        )
    superuser.commit()

    def number(who: str | None) -> int:
        return len(get(api, feed, who=who, limit="500").json()["items"])

    held = number(None)
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE directory_change SET at = now() - interval '2 minutes'")
    superuser.commit()
    assert number(None) == held + 1
