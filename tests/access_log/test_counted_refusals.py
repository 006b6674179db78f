"""Strangers who are refused again and again fill no log: one row a minute and network, whose next
row states how many there were."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import count
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction

from permissions.audit import counters
from permissions.ledger import sealer
from tests.support.ground.http_client import HttpClient
from tests.support.ground.stored_rows import rows
from tests.support.people.desk_pages import Pages, sign_in

ROWS = (
    "SELECT act, rule, fields, address_prefix FROM access_entry"
    " WHERE at > %s AND agency_id IS NULL AND address_prefix <> '127.0.0.0/24' ORDER BY at"
)  # Entries stay from test to test, and some tests write theirs in the future, from this machine.
HOURS = count(1)
COUNTED = "SELECT address_prefix, counts FROM refusal_count ORDER BY 1"


@pytest.fixture
def since(superuser: Any) -> datetime:
    """Now, at the beginning of a minute that no other test has used."""
    ahead = f"interval '{next(HOURS)} hours 1 second'"
    move(superuser, f"date_trunc('minute', now()) + {ahead} - now()")
    ((now,),) = rows(superuser, "SELECT sec.clock()")
    assert isinstance(now, datetime)
    return now


def move(superuser: Any, by: str) -> None:
    with superuser.cursor() as cursor:
        cursor.execute(f"UPDATE clock_offset SET shift = shift + {by}")
    superuser.commit()


def later(superuser: Any) -> None:
    """A minute has passed."""
    move(superuser, "interval '1 minute'")


def at(address: str, secret: str = "") -> Any:
    header = {"HTTP_AUTHORIZATION": f"Bearer {secret}"} if secret else {}
    return HttpClient(REMOTE_ADDR=address, **header)


def test_a_stranger_who_asks_two_hundred_times_leaves_one_row_and_none_is_lost(
    since: datetime, superuser: Any
) -> None:
    for number in range(100):
        assert at("198.51.100.7").get("/v1/referrals").status_code == 401
        assert at("198.51.100.8", "z" * 40).get(f"/v1/referrals/{number}").status_code in (401, 404)
    first = ("api.authenticate", "not_authenticated", None, "198.51.100.0/24")
    assert rows(superuser, ROWS, [since])[:1] == [first]
    assert len(rows(superuser, ROWS, [since])) == 1
    ((prefix, counts),) = rows(superuser, COUNTED)
    assert prefix == "198.51.100.0/24"
    before = counts["api:authenticate:not_authenticated"]
    later(superuser)
    at("198.51.100.9").get("/v1/referrals")
    at("198.51.100.9").get("/v1/referrals")
    stated = [f"api:authenticate:not_authenticated:{before}"]
    second = ("api.authenticate", "not_authenticated", stated, "198.51.100.0/24")
    assert rows(superuser, ROWS, [since]) == [first, second]


def test_a_flood_of_one_network_hides_no_other(since: datetime, superuser: Any) -> None:
    for _ in range(3):
        at("198.51.100.7").get("/v1/referrals")
    at("203.0.113.7").get("/v1/referrals")
    assert [row[3] for row in rows(superuser, ROWS, [since])] == [
        "198.51.100.0/24",
        "203.0.113.0/24",
    ]


def test_wrong_passwords_unknown_systems_and_dead_tokens_share_the_row(
    since: datetime, superuser: Any
) -> None:
    wrong = {"username": "nobody.here", "password": "wrong wrong", "totp_secret": ""}
    for _ in range(3):
        sign_in(Pages(HttpClient(enforce_csrf_checks=True, REMOTE_ADDR="198.51.100.7")), wrong)
    for _ in range(2):
        at("198.51.100.7").post("/oauth/token", {"grant_type": "client_credentials"})
    at("198.51.100.7", "z" * 40).get("/v1/referrals")
    assert [row[:3] for row in rows(superuser, ROWS, [since])] == [
        ("session.sign_in", "bad_password", None)
    ]
    later(superuser)
    counters.step()
    stated = [
        "api:authenticate:not_authenticated:1",
        "session:sign_in:bad_password:2",
        "token:issue:unknown_client:2",
    ]
    last = ("access_log.count_refusals", "counted", stated, "198.51.100.0/24")
    assert rows(superuser, ROWS, [since])[1:] == [last]


def test_who_is_quiet_afterwards_is_counted_by_the_worker_once_and_sealed(
    since: datetime, superuser: Any
) -> None:
    for _ in range(4):
        at("198.51.100.7").get("/v1/referrals")
    counters.step()
    assert len(rows(superuser, ROWS, [since])) == 1, "its minute is not over"
    later(superuser)
    counters.step()
    counters.step()
    at("198.51.100.7").get("/v1/referrals")
    found = rows(superuser, ROWS, [since])
    assert [row[2] for row in found] == [None, ["api:authenticate:not_authenticated:3"]]
    while sealer.step():
        pass
    assert sealer.count_unsealed() == 0
    later(superuser)
    counters.step()
    later(superuser)
    counters.step()
    assert rows(superuser, COUNTED) == [], "nothing is kept of who is quiet"
    assert len(rows(superuser, ROWS, [since])) == 3


def test_of_many_at_once_none_is_lost(since: datetime, superuser: Any) -> None:
    def asks(_: int) -> None:
        try:
            for _n in range(25):
                at("198.51.100.7").get("/v1/referrals")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(asks, range(8)))
    found = rows(superuser, ROWS, [since])
    ((_prefix, counts),) = rows(superuser, COUNTED)
    stated = sum(int(one.rsplit(":", 1)[1]) for row in found for one in row[2] or [])
    assert len(found) + stated + sum(counts.values()) == 200
    assert len(found) <= 2


def test_a_count_is_of_the_vocabulary_too(since: datetime) -> None:
    """sec.enter_refusal: what the worker writes later must not be refused then."""
    for said in (
        ("api.authenticate", "Invented Person", "198.51.100.0/24"),
        ("api.look", "not_authenticated", "198.51.100.0/24"),
        ("api.authenticate", "not_authenticated", "example.org"),
    ):
        with (
            connections["signin"].cursor() as cursor,
            pytest.raises(IntegrityError, match="ids and codes"),
            transaction.atomic(using="signin"),
        ):
            cursor.execute(
                "SELECT sec.log_sign_in(gen_random_uuid(), NULL, NULL, NULL, %s, 'refused', %s,"
                " NULL, %s)",
                said,
            )
