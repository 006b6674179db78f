"""Floods from this machine, bounded, next to an officer whose referrals must go out meanwhile."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from tests.support.ground.live_server import Server
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import Caller
from tests.support.people.stories import NOTICE, service_of

SECONDS, FLOODERS = 8.0, 8
WITHIN_S = 2.0
WRITTEN = (
    "SELECT address_prefix, date_trunc('minute', at), count(*) FROM access_entry"
    " WHERE at > %s AND agency_id IS NULL GROUP BY 1, 2 HAVING count(*) > 1"
)


def stranger(base: str, session: requests.Session) -> int:
    return session.get(f"{base}/v1/referrals", timeout=30).status_code


def with_a_dead_token(base: str, session: requests.Session) -> int:
    header = {"Authorization": "Bearer " + "z" * 40}
    return session.get(f"{base}/v1/referrals", headers=header, timeout=30).status_code


def asks_for_a_token(base: str, session: requests.Session) -> int:
    form = {"grant_type": "client_credentials"}
    return session.post(f"{base}/oauth/token", form, timeout=30).status_code


def searches_in_vain(base: str, session: requests.Session) -> int:
    body = {"victimization_type": "robbery", "language": "kl"}
    session.post(f"{base}/v1/directory/services", json=body, timeout=30).raise_for_status()
    return 401


@pytest.mark.parametrize("flood", [stranger, with_a_dead_token, asks_for_a_token, searches_in_vain])
def test_a_flood_holds_up_no_referral_and_fills_no_log(
    server: Server, api: Any, superuser: Any, flood: Callable[[str, requests.Session], int]
) -> None:
    officer: Caller = api("police.worker")
    header = {"Authorization": f"Bearer {officer.secret}"}
    ((began,),) = rows(superuser, "SELECT sec.clock()")
    over, sent = threading.Event(), []

    def floods() -> None:
        count = 0
        with requests.Session() as session:
            while not over.is_set():
                assert flood(server.base_url, session) == 401
                count += 1
        sent.append(count)

    times = []
    with ExitStack() as ends:
        threads = [threading.Thread(target=floods) for _ in range(FLOODERS)]
        for one in threads:
            one.start()
            ends.callback(one.join)
        ends.callback(over.set)
        session = ends.enter_context(requests.Session())
        session.headers.update(header)
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            start = time.monotonic()
            body = NOTICE | {"service_id": service_of("ywca")}
            made = session.post(f"{server.base_url}/v1/referrals", json=body, timeout=30)
            assert made.status_code == 201, made.text
            send = f"{server.base_url}/v1/referrals/{made.json()['id']}/send"
            gone = session.post(send, json={"agreement": "agrees"}, timeout=30)
            assert gone.status_code in (200, 409), gone.text  # 409: fifty wait there unseen
            times.append(time.monotonic() - start)
    print(
        f"{flood.__name__}: {sum(sent)} beside {len(times)} referrals, slowest {max(times):.2f} s"
    )
    assert sum(sent) > 100
    assert sorted(times)[int(len(times) * 0.99)] < WITHIN_S
    assert rows(superuser, WRITTEN, [began]) == []
