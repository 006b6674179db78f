"""kill -9 of server and database in the middle of the work: what was answered 2xx is there, once.

A home of its own (database, keys, demo network); partner systems act as the walkthrough does, and
keep a journal of every promise they got.
"""

import threading
from typing import Any
from uuid import uuid4

import pytest
import requests

from api.dev.parties import assertion
from tests.support.ground.homes import home as home  # a fixture
from tests.support.ground.homes import service_of, system
from tests.support.people.stories import NOTICE, release_body
from tests.support.servers.losing_proxy import losing_proxy

pytestmark = pytest.mark.no_database

STEPS = (
    ("send", "police", {"agreement": "agrees"}),
    ("acknowledge", "ywca", {}),
    ("accept", "ywca", {}),
    ("put_release", "police", release_body("name")),
    ("put_packet", "police", {"packet": {"name": "Invented Person"}}),
    ("start_handoff", "ywca", {"mode": "phone"}),
    ("complete", "ywca", {"outcome": "connected"}),
)


class Work(threading.Thread):
    """Referrals from draft to completed, one after the other, until the far end is gone."""

    def __init__(self, demo: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self.parties = {key: system(demo, key) for key in ("police", "ywca")}
        self.service = service_of(demo, "ywca")
        self.enough = threading.Event()
        self.created: dict[str, str] = {}  # Idempotency-Key → id
        self.journal: list[tuple[str, str]] = []  # (referral, act) answered 2xx
        self.tried: list[tuple[str, str]] = []

    def run(self) -> None:
        try:
            while True:
                self._one()
        except requests.RequestException:
            return

    def _one(self) -> None:
        key = str(uuid4())
        made, _ms = self.parties["police"].ask(
            "POST",
            "/v1/referrals",
            NOTICE | {"service_id": self.service},
            **{"Idempotency-Key": key},
        )
        if made.status_code != 201:
            return
        referral = made.json()["id"]
        self.created[key] = referral
        for act, who, body in STEPS:
            self.tried.append((referral, act))
            answer, _ms = self.parties[who].ask("POST", f"/v1/referrals/{referral}/{act}", body)
            if answer.status_code != 200:
                return
            self.journal.append((referral, act))
            if len(self.journal) > 8:
                self.enough.set()


@pytest.mark.whole
def test_what_was_answered_is_there_and_nothing_twice(home):
    demo = home.start()
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion(demo["clients"][0], demo["token_url"]),
    }
    assert requests.post(demo["token_url"], data=form, timeout=30).status_code == 200
    workers = [Work(demo) for _ in range(3)]
    for worker in workers:
        worker.start()
    assert all(worker.enough.wait(90) for worker in workers)
    home.kill()  # whatever is under way now is under way
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive()
    journal = [line for worker in workers for line in worker.journal]
    assert len(journal) > 25

    demo = home.start()
    replayed = requests.post(demo["token_url"], data=form, timeout=30)
    assert replayed.status_code == 401  # a used assertion stays used
    police, ywca = system(demo, "police"), system(demo, "ywca")
    for worker in workers:
        for key, referral in worker.created.items():
            again, _ms = police.ask(
                "POST",
                "/v1/referrals",
                NOTICE | {"service_id": worker.service},
                **{"Idempotency-Key": key},
            )
            assert (again.status_code, again.json()["id"]) == (201, referral)
            for party, sides in ((police, {"police"}), (ywca, {"ywca", "police"})):
                history, _ms = party.ask("GET", f"/v1/referrals/{referral}/history")
                if history.status_code == 404 and party is ywca:
                    assert (referral, "send") not in worker.journal
                    continue
                acts = [step["act"] for step in history.json()["items"]]
                assert len(acts) == len(set(acts)), acts  # none twice
                seen = {act for act, who, _body in STEPS if who in sides}
                if party is police:
                    seen |= {"acknowledge", "accept"}
                promised = {act for one, act in worker.journal if one == referral} & seen
                assert promised <= set(acts)  # nothing lost
    # and the work goes on: the last referral of each is finished by repeating every step
    for worker in workers:
        referral = list(worker.created.values())[-1]
        for act, who, body in STEPS:
            party = police if who == "police" else ywca
            answer, _ms = party.ask("POST", f"/v1/referrals/{referral}/{act}", body)
            assert answer.status_code in (200, 409), (act, answer.text)
        done, _ms = ywca.ask("GET", f"/v1/referrals/{referral}")
        assert done.json()["status"] == "completed"


@pytest.mark.whole
def test_what_was_committed_and_not_answered_is_found_by_its_key(home, monkeypatch):
    """The server and its database end after the commit, and before the caller has the answer."""
    demo = home.start()
    police, ywca = system(demo, "police"), system(demo, "ywca")
    body = NOTICE | {
        "service_id": service_of(demo, "ywca"),
        "release": release_body("name"),
        "packet": {"name": "Invented Person"},
        "send": {"agreement": "agrees"},
    }
    key = {"Idempotency-Key": str(uuid4())}
    with losing_proxy() as proxy, monkeypatch.context() as through_it:
        through_it.setenv("HTTP_PROXY", proxy.url)
        through_it.setenv("NO_PROXY", "")
        proxy.lose, proxy.with_it = {"/v1/referrals": 1}, home.kill
        with pytest.raises(requests.ConnectionError):
            police.ask("POST", "/v1/referrals", body, **key)
        assert proxy.seen == [("POST", "/v1/referrals")]
    assert home.server.poll() is not None

    home.resume()
    others, _ms = police.ask("POST", "/v1/referrals", body | {"urgency": "routine"}, **key)
    assert others.status_code == 422, "the first one was committed"
    answers = [police.ask("POST", "/v1/referrals", body, **key)[0] for _ in range(2)]
    for again in answers:
        assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
        assert again.json()["status"] == "sent"
    (made,) = {again.json()["id"] for again in answers}
    history, _ms = police.ask("GET", f"/v1/referrals/{made}/history")
    acts = [step["act"] for step in history.json()["items"]]
    assert acts == ["create", "put_release", "put_packet", "send"]
    for party in (police, ywca):
        listed, _ms = party.ask("GET", "/v1/referrals")
        assert [one["id"] for one in listed.json()["items"]] == [made]
    assert ywca.ask("POST", f"/v1/referrals/{made}/accept", {})[0].status_code == 200
    opened, _ms = ywca.ask("POST", f"/v1/referrals/{made}/open_packet", {"purpose": "intake"})
    assert opened.json()["packet"] == {"name": "Invented Person"}
