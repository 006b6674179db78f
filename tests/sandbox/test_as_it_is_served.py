"""The sandbox as `make run` serves it: the lines of its guide do what they say, webhooks arrive,
and requests at once do not disturb each other."""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from django.conf import settings

from api.dev.parties import PartnerSystem, fetch_token
from api.sandbox import received, reset
from api.sandbox.scenarios import SCENARIOS
from tests.sandbox.asks import ahead, ask
from tests.support.ground.cluster import HOME
from tests.support.ground.database import all_in_the_feed, rolled_back
from tests.support.ground.live_server import Server
from tests.support.ground.repository import REPOSITORY
from tests.support.ground.waiting import until

GUIDE = (REPOSITORY / "docs" / "guides" / "sandbox.md").read_text()
DEMO = "http://127.0.0.1:8000"


def typed(server: Server, **environment: str) -> list[Any]:
    """The answers to each `curl` of the guide, in its order; `ID` is that of the last answer."""
    commands = re.findall(r"^    (curl (?:.*\\\n +)*.*)$", GUIDE, re.MULTILINE)
    assert len(commands) == 6
    found: list[Any] = []
    for command in commands:
        ours = {"ID": found[-1].get("id", "")} if found else {}
        said = subprocess.run(
            ["bash", "-c", command.replace(DEMO, server.base_url).replace("curl ", "curl -sS ", 1)],
            env=os.environ | environment | ours,
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(json.loads(said.stdout))
    return found


def test_each_line_of_the_guide_does_what_it_says(server: Server) -> None:
    token = fetch_token(server.client("police"), server.demo["token_url"])
    made, pinged, clock, moved, played, reset = typed(server, TOKEN=token)
    assert made["secret"].startswith("whsec_")
    assert pinged["message_id"]
    assert (clock["ahead"], moved["ahead"]) == ("P0DT00H00M00S", "P0DT00H15M00S")
    assert played["scenario"] == "waiting"
    assert reset["ahead"] == "P0DT00H00M00S"


def test_the_guide_names_each_scenario() -> None:
    assert re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE) == list(SCENARIOS)


def test_events_are_received_and_verified_and_nothing_was_set(
    server: Server, network: dict[str, Any]
) -> None:
    """As with `make run`: a server, the background work, and a partner system of the demo."""
    received.forget()
    staff, token_url = server.member("police.worker")["id"], server.demo["token_url"]
    police = PartnerSystem("police", server.base_url, server.client("police"), token_url, staff)
    made, _ms = police.ask("POST", "/v1/webhooks", {"url": f"{server.base_url}/demo/webhooks/mine"})
    assert made.status_code == 201, made.text
    pinged, _ms = police.ask("POST", f"/v1/webhooks/{made.json()['id']}/ping")
    assert pinged.status_code == 202, pinged.text
    played = requests.post(f"{server.base_url}/demo/scenarios/declined", json={}, timeout=30)
    assert played.status_code == 201, played.text
    all_in_the_feed()
    database = str(settings.DATABASES["default"]["NAME"])
    ours = {"CAIRN_HOME": str(HOME), "CAIRN_DATABASE": database}
    subprocess.run(
        [sys.executable, "manage.py", "worker", "run", "--only", "webhooks", "--once"],
        env=os.environ | ours | {"CAIRN_BASE_URL": server.base_url},
        check=True,
    )
    found = received.newest()
    assert {(one.verdict, one.agency) for one in found} == {("valid", "Demo City Police")}
    bodies = [json.loads(one.body) for one in found]
    assert bodies[-1]["type"] == "ping"
    assert {one["data"]["referral_id"] for one in bodies[:-1]} == {played.json()["referral_id"]}
    assert "decline" in {one["data"]["act"] for one in bodies[:-1]}
    shown = requests.get(f"{server.base_url}/demo/webhooks", timeout=30).text
    assert shown.count("Signature valid") == len(found)


def test_moves_at_once_add_up(server: Server) -> None:
    def move(_number: int) -> int:
        body = {"forward": "PT1M"}
        return requests.post(f"{server.base_url}/demo/clock", json=body, timeout=30).status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(move, range(4))) == [200] * 4
    assert ahead() == "P0DT00H04M00S"


def test_a_reset_that_waits_keeps_no_one_waiting(server: Server, superuser: Any) -> None:
    """A long request writes; the reset waits for it, with locks on other tables. What comes
    meanwhile goes on."""

    def post(what: str, body: dict[str, str]) -> int:
        return requests.post(f"{server.base_url}/demo/{what}", json=body, timeout=60).status_code

    with ThreadPoolExecutor(1) as pool:
        with rolled_back(superuser) as writes:
            last = reset.content_tables(writes)[-1]
            writes.execute(f"LOCK TABLE {last} IN ROW EXCLUSIVE MODE")
            asked = pool.submit(post, "reset", {"confirm": "reset"})

            def waits() -> bool:
                writes.execute(
                    "SELECT count(*) FROM pg_locks WHERE relation = %s::regclass AND NOT granted",
                    [last],
                )
                return bool(writes.fetchone() != (0,))

            until(waits, "the reset to wait")
            assert [post("scenarios/waiting", {}) for _ in range(3)] == [201] * 3
        assert asked.result() == 200


def test_resets_at_once_while_others_work(server: Server, superuser: Any) -> None:
    def once(number: int) -> int:
        what, body = ("reset", {"confirm": "reset"}) if number % 2 else ("scenarios/waiting", {})
        url = f"{server.base_url}/demo/{what}"
        return requests.post(url, json=body, timeout=60).status_code

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(once, range(8)))
    assert [one for one in found[1::2] if one != 200] == []
    assert set(found[::2]) <= {201, 404}, "a referral that was reset meanwhile is gone"
    assert ask("reset", {"confirm": "reset"}).status_code == 200
    with superuser.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM referral")
        assert cursor.fetchone() == (0,)
    assert ahead() == "P0DT00H00M00S"
