"""Clients that are generated from the contract carry a referral from a token to `completed` against
a real server, by programs that go around no type. That what is wrong in them or in the contract
is found: tests/slow/test_generated_clients.py.

`make check` installs the tools first (`make clients`). Where they are missing, the test of
TypeScript skips on a developer's machine, and fails in CI."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jwcrypto import jwk

from openapi.checks import build
from tests.support.ground.guides import node
from tests.support.ground.live_server import Server

TS, PY = build.HERE / "refer.ts", build.HERE / "refer.py"
SAYS = [
    *("sent", "sent shelter", "acknowledged", "accepted", "name,phone", "completed"),
    "409 wrong_state completed",
]


@pytest.fixture
def tools() -> None:
    try:
        build.require_tools()
        assert node(), "Node 20 or newer is needed."
    except (build.Failed, AssertionError) as missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(missing))


@pytest.fixture
def told(server: Server, tmp_path: Path) -> dict[str, str]:
    """The environment of a program: where the server is, and who the two systems are."""
    found = {"CAIRN": server.base_url}
    for key in ("police", "ywca"):
        client, name = server.client(key), key.upper()
        pem = tmp_path / f"{key}.pem"
        pem.write_bytes(
            jwk.JWK(**client["private_jwk"]).export_to_pem(private_key=True, password=None)
        )
        found |= {
            f"{name}_ID": client["client_id"],
            f"{name}_KEY": str(pem),
            f"{name}_KEY_ID": client["private_jwk"]["kid"],
            f"{name}_MEMBER": server.member(f"{key}.worker")["id"],
            f"{name}_AGENCY": next(a["id"] for a in server.demo["agencies"] if a["key"] == key),
        }
    return os.environ | found


def said(command: list[str], told: dict[str, str], folder: Path) -> list[str]:
    done = subprocess.run(
        command, cwd=folder, env=told, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout.splitlines()


# -- A referral ------------------------------------------------------------------------------------


def test_the_typescript_client_carries_a_referral(
    tools: None, told: dict[str, str], api: Any
) -> None:
    program = build.typescript()
    assert said([str(node()), str(program)], told, program.parent) == SAYS
    assert statuses(api) == ["accepted"], "and the sender is shown what they may know"


@pytest.mark.whole
def test_the_python_client_carries_a_referral(told: dict[str, str], api: Any) -> None:
    program = build.python()
    assert said([sys.executable, "-W", "error", str(program)], told, program.parent) == SAYS
    assert statuses(api) == ["accepted"], "and the sender is shown what they may know"


def statuses(api: Any) -> list[str]:
    return [one["status"] for one in api("police.worker").get("/v1/referrals").json()["items"]]


# -- Nothing is got around -------------------------------------------------------------------------


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("program", "lines"),
    [
        (
            TS,
            ("const a = b as string;", "let c: any;", "d!.e();", "// @ts-ignore", "JSON.parse(f)"),
        ),
        (PY, ("a = cast(str, b)", "c: Any = 1", "d = e  # type: ignore", "assert f")),
    ],
    ids=["ts", "py"],
)
def test_a_program_goes_around_no_type(
    program: Path, lines: tuple[str, ...], tmp_path: Path
) -> None:
    assert build.casts(program) == []
    for line in lines:
        changed = tmp_path / program.name
        changed.write_text(f"{program.read_text()}\n{line}\n")
        assert len(build.casts(changed)) == 1, line
