"""What docs/guides/sandbox.md tells a partner's developer to type does what it says."""

import json
import os
import re
import subprocess
from typing import Any

from api.dev.parties import fetch_token
from api.sandbox.scenarios import SCENARIOS
from tests.support.live_server import Server
from tests.support.repository import REPOSITORY

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
