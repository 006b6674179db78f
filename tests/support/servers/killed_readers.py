"""kill -9 of server and database while people read: whatever a client holds, the log holds too."""

import random
import threading
from collections import Counter
from typing import Any, NamedTuple

import requests

from tests.support.ground.homes import Home, service_of, system
from tests.support.ground.waiting import until
from tests.support.people.stories import NOTICE, PACKET, release_body

READERS = 4
REFERRALS = 6
WITHIN_S = 0.6  # of its restart it is killed again


class Held(NamedTuple):
    """What an answer told, and the request that it answered."""

    request: str
    act: str
    referrals: frozenset[str]
    fields: frozenset[str]


class Reader(threading.Thread):
    """Lists, looks and opens packets, and keeps what it was given."""

    def __init__(self, demo: dict[str, Any], referrals: list[str], end: threading.Event) -> None:
        super().__init__(daemon=True)
        self.demo, self.referrals, self.end = demo, referrals, end
        self.held: list[Held] = []
        self.failed = 0

    def run(self) -> None:
        chance = random.Random(self.name)
        while not self.end.is_set():
            try:
                self._read(system(self.demo, "ywca"), chance)
            except requests.RequestException:
                self.failed += 1
                self.end.wait(0.02)

    def _read(self, party: Any, chance: random.Random) -> None:
        while not self.end.is_set():
            referral = chance.choice(self.referrals)
            path = f"/v1/referrals/{referral}"
            match chance.randrange(3):
                case 0:
                    answer, _ms = party.ask("GET", "/v1/referrals?box=in")
                    if answer.status_code == 200:
                        ids = [one["id"] for one in answer.json()["items"]]
                        self._holds(answer, "referral.list", ids)
                case 1:
                    answer, _ms = party.ask("GET", path)
                    if answer.status_code == 200:
                        self._holds(answer, "referral.read", [referral])
                case _:
                    answer, _ms = party.ask("POST", f"{path}/open_packet", {"purpose": "intake"})
                    if answer.status_code == 200:
                        told = answer.json()["packet"]
                        assert told == PACKET
                        self._holds(answer, "referral.open_packet", [referral], told)
            if answer.status_code == 401:
                return  # its token is over: another one

    def _holds(self, answer: Any, act: str, referrals: Any, fields: Any = ()) -> None:
        request = answer.headers["X-Request-Id"]
        self.held.append(Held(request, act, frozenset(referrals), frozenset(fields)))


def the_log_holds_what_a_client_holds(home: Home, kills: int) -> None:
    """However often all of it is killed."""
    demo = home.start()
    police, ywca = system(demo, "police"), system(demo, "ywca")
    service = service_of(demo, "ywca")
    referrals = []
    for _ in range(REFERRALS):
        made, _ms = police.ask("POST", "/v1/referrals", NOTICE | {"service_id": service})
        referrals.append(made.json()["id"])
        for party, act, body in (
            (police, "put_release", release_body(*PACKET)),
            (police, "put_packet", {"packet": PACKET}),
            (police, "send", {"agreement": "agrees"}),
            (ywca, "accept", {}),
        ):
            answer, _ms = party.ask("POST", f"/v1/referrals/{referrals[-1]}/{act}", body)
            assert answer.status_code == 200, answer.content

    end = threading.Event()
    readers = [Reader(demo, referrals, end) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    chance = random.Random(1)

    def read() -> int:
        return sum(len(reader.held) for reader in readers)

    for _ in range(kills):
        before = read()
        until(lambda before=before: read() > before, "a read")  # type: ignore[misc]
        end.wait(chance.random() * WITHIN_S)  # wherever it stands then
        home.kill()
        home.resume()
    end.set()
    for reader in readers:
        reader.join(60)
        assert not reader.is_alive()
    held = [one for reader in readers for one in reader.held]
    logged = _logged(home)
    assert {act for _, act, _, _ in held} == set(ACTS)
    for one in held:
        referrals_logged, fields_logged = logged.get((one.request, one.act), (set(), set()))
        assert one.referrals <= referrals_logged, one
        assert one.fields <= fields_logged, one
    assert sum(reader.failed for reader in readers) >= kills
    told = Counter(one.act for one in held)
    print(f"\n{kills} kills: {len(held)} answers held, each in the log: {dict(told)}")


ACTS = ("referral.list", "referral.read", "referral.open_packet")


def _logged(home: Home) -> dict[tuple[str, str], tuple[set[str], set[str]]]:
    """By request and act: the referrals and the fields that entries name."""
    connection = home.cluster.connect_superuser("cairn")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT request_id::text, act, referral_id::text, referral_ids::text[], fields"
            " FROM access_entry WHERE decision = 'allowed' AND act = ANY (%s)",
            [list(ACTS)],
        )
        found = {
            (request, act): ({*([about] if about else []), *(listed or [])}, set(fields or []))
            for request, act, about, listed, fields in cursor.fetchall()
        }
    connection.close()
    return found
