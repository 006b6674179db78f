"""GET /v1/directory/changes: a copy that follows it equals the directory, and misses nothing."""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, connections, transaction

from directory import models as m
from directory.projection.render import render
from permissions.database.aliases import JOBS
from permissions.database.uuid7 import uuid7
from permissions.identity import credentials
from permissions.models import Client
from tests.support.ground.database import forget_edits, lay_many_milestones, put_back
from tests.support.ground.page_counts import miscounted
from tests.support.ground.waiting import until
from tests.support.people.callers import Caller
from tests.support.people.directory_entries import OURS, make, patch, random_edit

CHANGES = "/v1/directory/changes"
ADDRESS_OF = {
    "service": "/v1/directory/services",
    "organization": "/v1/directory/organizations",
    "service_at_location": "/v1/directory/service_at_locations",
    "taxonomy": "/v1/directory/taxonomies",
    "taxonomy_term": "/v1/directory/taxonomy_terms",
}


@pytest.fixture(autouse=True)
def nothing_left(network: Any) -> Iterator[None]:
    with put_back(OURS):
        yield
    forget_edits()


class Copy:
    """A partner's copy of the directory: what it has read, and where it reads on."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.documents: dict[tuple[str, str], bytes] = {}
        self.known: set[tuple[str, str]] = set()
        self.after = ""
        self.lines = 0

    def page(self, limit: int) -> list[dict[str, str]]:
        """The lines that follow those read so far."""
        query = {"limit": str(limit)} | ({"after": self.after} if self.after else {})
        answer = self.caller.get(CHANGES, query)
        assert answer.status_code == 200, answer.content
        page = answer.json()
        self.after = page["next"]
        self.lines += len(page["items"])
        lines: list[dict[str, str]] = page["items"]
        return lines

    def begin(self) -> None:
        """All there is. What other tests made and removed again is not asked for one by one."""
        told = dict[tuple[str, str], str]()
        while lines := self.page(500):
            told |= {(line["kind"], line["id"]): line["action"] for line in lines}
        for key, action in told.items():
            if action != "deleted":
                self.take(key, action)

    def follow(self, limit: int) -> int:
        """One page; how many lines it had."""
        lines = self.page(limit)
        for line in lines:
            self.take((line["kind"], line["id"]), line["action"])
        return len(lines)

    def take(self, key: tuple[str, str], action: str) -> None:
        self.known.add(key)
        document = self.read(key) if action != "deleted" else None
        if document is None:
            self.documents.pop(key, None)
        else:
            self.documents[key] = document

    def read(self, key: tuple[str, str]) -> bytes | None:
        answer = self.caller.get(f"{ADDRESS_OF[key[0]]}/{key[1]}")
        assert answer.status_code in (200, 404)
        return answer.content if answer.status_code == 200 else None

    def catch_up(self) -> None:
        while self.follow(500):
            pass

    def differs(self) -> list[tuple[str, str]]:
        """The entries for which a reader gets something other than the copy has."""
        return [key for key in sorted(self.known) if self.read(key) != self.documents.get(key)]


def actions(caller: Caller, path: str, after: str) -> list[str]:
    row = path.rsplit("/", 1)[1]
    found, more = [], True
    while more:
        query = {"limit": "500"} | ({"after": after} if after else {})
        page = caller.get(CHANGES, query).json()
        found += [one["action"] for one in page["items"] if one["id"] == row]
        after, more = page["next"], bool(page["items"])
    return found


def end_of(caller: Caller) -> str:
    copy = Copy(caller)
    while copy.page(500):
        pass
    return copy.after


def test_each_is_told_what_it_may_know_with_tombstones(api: Any) -> None:
    ywca, public, network = api("ywca.editor"), api(None), api("police.worker")
    ends = end_of(public), end_of(network)
    path = make(ywca)
    patch(ywca, path, alert="changed")
    patch(ywca, path, confidential=True)
    patch(ywca, path, alert="in the network")
    patch(ywca, path, confidential=False)
    assert actions(public, path, ends[0]) == ["created", "updated", "deleted", "created"]
    assert actions(network, path, ends[1]) == ["created", *["updated"] * 4]


def test_what_is_hidden_makes_no_line_and_no_gap_for_the_public(api: Any) -> None:
    """A number would show that something changed: the cursor is sealed, and as long as any."""
    ywca, public = api("ywca.editor"), api(None)
    path = make(ywca, confidential=True)
    end = end_of(public)
    before = m.Change.objects.using(JOBS).count()
    patch(ywca, path, alert="hidden")
    assert m.Change.objects.using(JOBS).count() > before
    page = public.get(CHANGES, {"after": end}).json()
    assert page["items"] == []
    assert len(page["next"]) == len(end)
    assert set(public.get(CHANGES).json()["items"][0]) == {"kind", "id", "action", "at"}
    caller = api(None)  # a token without directory:read is answered as a visitor is
    caller.secret = f"a-token-of-a-test-{uuid7()}"
    police = Client.objects.get(client_id="demo-police")
    credentials.open_for_client(police, caller.secret, ["referrals:read"])
    assert actions(caller, path, "") == []
    assert end_of(caller)


def test_the_database_itself_shows_the_public_its_part_only(api: Any) -> None:
    make(api("ywca.editor"), confidential=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM directory_change WHERE network")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT count(*) > 0 FROM directory_change")
        assert cursor.fetchone() == (True,)


def test_what_lives_on_hidden_is_told_the_public_like_what_ended(api: Any) -> None:
    """By raw SQL without an identity: an entry that the network still has, and one that no one has
    any longer."""
    ywca = api("ywca.editor")
    hidden, ended = (make(ywca).rsplit("/", 1)[1] for _ in range(2))
    patch(ywca, f"/v1/directory/services/{hidden}", confidential=True)
    with transaction.atomic(using=JOBS):
        m.Service.objects.using(JOBS).filter(id=ended).delete()
        render([UUID(ended)])
    told = {}
    with connection.cursor() as cursor:
        for one in (hidden, ended):
            cursor.execute(
                "SELECT kind, network, action FROM directory_change WHERE entity_id = %s"
                " ORDER BY seq",
                [one],
            )
            told[one] = cursor.fetchall()
    assert told[hidden] == told[ended]
    assert told[ended][-1] == ("service", False, "deleted")
    assert actions(api("police.worker"), f"/{hidden}", "")[-1] == "updated"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "501"}, "limit"),
        ({"after": "made up"}, "after"),
        ({"after": "MTIz"}, "after"),
        ({"seq": "1"}, None),
    ],
)
def test_a_query_of_another_shape_is_refused(
    api: Any, query: dict[str, str], pointer: str | None
) -> None:
    answer = api(None).get(CHANGES, query)
    assert (answer.status_code, answer.json().get("pointer")) == (400, pointer)


def test_a_cursor_is_its_callers_own(api: Any) -> None:
    cursor = {"after": api("police.worker").get(CHANGES).json()["next"]}
    assert api("police.worker").get(CHANGES, cursor).status_code == 200
    assert api("ywca.worker").get(CHANGES, cursor).status_code == 400
    assert api(None).get(CHANGES, cursor).status_code == 400


@pytest.mark.whole
def test_a_copy_that_follows_while_others_write_equals_the_directory(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_many_milestones(monkeypatch)
    copies = [Copy(api(None)), Copy(api("police.worker"))]
    for copy in copies:
        copy.begin()
        assert copy.differs() == []
    started = [copy.lines for copy in copies]
    done = threading.Event()

    def write(seed: int) -> int:
        chance, mine, places = random.Random(seed), list[str](), list[str]()
        caller = api("ywca.editor")
        try:
            for _ in range(25):
                random_edit(caller, chance, mine, places)
        finally:
            connections.close_all()
        return len(mine)

    def follow(copy: Copy) -> None:
        try:
            while not done.is_set():
                copy.follow(limit=7)
        finally:
            connections.close_all()

    def count() -> None:
        """Totals and milestones, by which pages are found, are those of the rows in each
        snapshot."""
        try:
            while not done.wait(0.05):  # seconds, which the writers need more
                assert miscounted() == []
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        readers = [*(pool.submit(follow, copy) for copy in copies), pool.submit(count)]
        writers = [pool.submit(write, seed) for seed in (1, 2, 3)]
        try:
            made = sum(writer.result() for writer in writers)
        finally:
            done.set()
        for reader in readers:
            reader.result()
    assert made
    for copy, before in zip(copies, started, strict=True):
        copy.catch_up()
        assert copy.lines > before + made
        assert copy.differs() == []
    listed = copies[0].caller.get("/v1/directory/services", {"per_page": "100"}).json()["contents"]
    assert {one["id"] for one in listed} <= {row for kind, row in copies[0].documents}


def test_the_numbers_of_the_feed_grow_in_the_order_of_commits(api: Any) -> None:
    """A transaction that has its number first commits first: the next one waits for it."""
    ywca = api("ywca.editor")
    path = make(ywca)
    end = end_of(api(None))
    with connections["owner"].cursor() as cursor:  # as a writer in the middle of its commit
        cursor.execute("BEGIN")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [0x0CA1])
        with ThreadPoolExecutor(1) as pool:

            def write() -> None:
                try:
                    patch(ywca, path, alert="waits")
                finally:
                    connections.close_all()

            waiting = pool.submit(write)
            until(lambda: blocked() or waiting.done(), "the writer that waits")
            assert not waiting.done()
            assert actions(api(None), path, end) == []
            cursor.execute("COMMIT")
            waiting.result()
    assert actions(api(None), path, end) == ["updated"]


def blocked() -> bool:
    with connections[JOBS].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        )
        found: bool = cursor.fetchone()[0]
    return found
