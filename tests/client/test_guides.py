"""The guides for partners, followed to the letter against a real server."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from directory import models as m
from directory.projection.render import render
from permissions.database.aliases import JOBS
from permissions.identity import row_macs
from permissions.models import Client as System
from referrals.codes import CONCERN, NEEDS
from referrals.packet_fields import PACKET_FIELDS
from referrals.webhooks import signatures
from tests.support.ground.database import all_in_the_feed
from tests.support.ground.guides import Reader, code, node, page, rows
from tests.support.ground.live_server import Server, server_of_its_own
from tests.support.ground.ports import free_port
from tests.support.ground.repository import REPOSITORY
from tests.support.ground.waiting import ended, until
from tests.support.people.directory_entries import Shelf
from tests.support.people.directory_entries import shelf as shelf  # a fixture
from tests.support.people.staff_numbers import give_number as give_number  # a fixture
from tests.support.people.webhooks import work

FIRST, WEBHOOKS = page("first-referral"), page("receive-webhooks")
REFER = code(FIRST, "python")
needs_node = pytest.mark.skipif(node() is None, reason="Node 20 or newer is not on this machine")


@pytest.fixture(scope="module")
def hook_port() -> Iterator[int]:
    """Where the server may send webhooks to, as if it had been started by the guide's command."""
    port = free_port()
    os.environ["CAIRN_WEBHOOK_LOOPBACK"] = f"127.0.0.1:{port}"
    yield port
    del os.environ["CAIRN_WEBHOOK_LOOPBACK"]


@pytest.fixture(scope="module")
def server(hook_port: int, django_db_setup: str, network: dict[str, Any]) -> Iterator[Server]:
    with server_of_its_own(django_db_setup, network) as one:
        yield one


@pytest.fixture
def reader(server: Server, tmp_path: Path) -> Reader:
    one = Reader(tmp_path, server.demo)
    one.save("var/get_token.py", code((REPOSITORY / "README.md").read_text(), "python"))
    return one


def status_of(api: Any, external_ref: str) -> str:
    """What the officer is shown of the referral that has this number."""
    (one,) = (
        api("police.worker").get("/v1/referrals", {"external_ref": external_ref}).json()["items"]
    )
    return str(one["status"])


# -- The first referral ----------------------------------------------------------------------------


def test_by_curl(reader: Reader, api: Any) -> None:
    sent, acknowledged = reader.run("bash", "-euc", code(FIRST, "sh")).splitlines()
    assert sent.startswith("sent, to be acknowledged by 20")
    assert acknowledged == "acknowledged"
    assert status_of(api, "CASE-0001") == "acknowledged"


def test_by_python(reader: Reader, api: Any) -> None:
    sent, acknowledged = reader.python("var/refer.py", REFER).splitlines()
    assert sent.startswith("sent, to be acknowledged by 20")
    assert acknowledged == "acknowledged"
    assert status_of(api, "CASE-0002") == "acknowledged"


@needs_node
def test_by_typescript(reader: Reader, api: Any) -> None:
    """The block has no annotation, so that Node runs it as it is."""
    reader.save("var/refer.mjs", code(FIRST, "ts"))
    said = reader.run(str(node()), "var/refer.mjs")
    assert said.startswith("sent, to be acknowledged by 20")
    assert status_of(api, "CASE-0003") == "sent"


# -- Webhooks --------------------------------------------------------------------------------------


@pytest.fixture
def receiving(reader: Reader, hook_port: int, settings: Any) -> Iterator[Any]:
    """The guide's receiver, and its webhook. It returns the next line that the receiver prints."""
    settings.WEBHOOK_LOOPBACK = frozenset({f"127.0.0.1:{hook_port}"})
    program = code(WEBHOOKS, "python")
    sandbox = "f\"{demo['base_url']}/demo/webhooks/mine\""
    assert sandbox in program
    ours = program.replace(sandbox, f'"http://127.0.0.1:{hook_port}/hook"')
    made = reader.python("var/make_webhook.py", ours)
    assert made == "ok\n"
    assert (reader.folder / "var" / "webhook_secret").stat().st_mode & 0o777 == 0o600
    receiver = reader.start(
        "var/receive.py", here(code(WEBHOOKS, "python", 1), hook_port), "var/received"
    )
    read = 0

    def next_line() -> str:
        def lines() -> list[str]:
            return (reader.folder / "var" / "received").read_text().splitlines(keepends=True)

        nonlocal read
        until(lambda: len(lines()) > read and lines()[read].endswith("\n"), "a line", 30)
        read += 1
        return lines()[read - 1]

    with ended(receiver):
        until(lambda: answers(hook_port), "the receiver")
        next_line()  # of the question whether it is there
        yield next_line


def here(text: str, port: int) -> str:
    assert "9000" in text
    return text.replace("9000", str(port))


def answers(port: int) -> bool:
    try:
        return requests.post(f"http://127.0.0.1:{port}/hook", b"{}", timeout=5).status_code == 400
    except requests.ConnectionError:
        return False


def test_a_message_of_each_event_comes(reader: Reader, receiving: Any) -> None:
    reader.python("var/refer.py", REFER)
    work()
    acts = []
    while "acknowledge" not in acts:
        kind, act, _event_id = receiving().split()
        assert kind == "referral.event"
        acts.append(act)
    assert "send" in acts


def test_a_forged_and_an_old_message_are_refused(
    reader: Reader, receiving: Any, hook_port: int
) -> None:
    secret = (reader.folder / "var" / "webhook_secret").read_text()
    body, now = b'{"type": "ping", "timestamp": "2026-11-30T00:00:00Z", "data": {}}', time.time()
    url = f"http://127.0.0.1:{hook_port}/hook"
    for signed_by, at, status, says in (
        (signatures.new_secret(), now, 400, "refused: No signature fits"),
        (secret, now - 600, 400, "refused: The message is too old"),
        (secret, now, 204, "ping None None"),
    ):
        headers = signatures.headers([signed_by], "an-id", int(at), body)
        assert requests.post(url, body, headers=headers, timeout=30).status_code == status
        assert receiving().startswith(says)


@needs_node
def test_a_message_is_verified_by_hand(reader: Reader) -> None:
    reader.save("var/verify.mjs", code(WEBHOOKS, "ts"))
    secret, body = signatures.new_secret(), '{"type":"ping"}'
    for signed_by, at, said in (
        ([secret], time.time(), "genuine"),
        ([signatures.new_secret(), secret], time.time(), "genuine"),
        ([signatures.new_secret()], time.time(), "refused"),
        ([secret], time.time() - 301, "refused"),
    ):
        headers = signatures.headers(signed_by, "an-id", int(at), body.encode())
        given = json.dumps({"secret": secret, "headers": headers, "body": body})
        assert reader.run(str(node()), "var/verify.mjs", given=given) == f"{said}\n"


# -- Before it goes live ---------------------------------------------------------------------------


def test_a_system_checks_itself(reader: Reader, give_number: Any) -> None:
    program = code(page("go-live"), "python")
    said = reader.python("var/go_live.py", program, code=1)
    assert said.count("NO ") == 3
    system = System.objects.using("signin").get(client_id="demo-police")
    before = {"scopes": system.scopes, "networks": system.networks}
    try:
        for number, short in enumerate(("lead", "worker", "worker2")):
            give_number(f"police.{short}", f"471{number}")
        wanted = ["directory:read", "events:read", "referrals:read", "referrals:write"]
        change(system, scopes=wanted, networks=["127.0.0.0/8"])
        assert "NO " not in reader.python("var/go_live.py", program)
    finally:
        change(system, **before)


def change(system: System, **values: Any) -> None:
    for name, value in values.items():
        setattr(system, name, value)
    system.save(using="signin")
    row_macs.sign(system, "signin")


# -- Mappings --------------------------------------------------------------------------------------


def test_a_records_systems_codes_become_concerns(api: Any, story: Any) -> None:
    guide = page("records-system-mapping")
    program: dict[str, Any] = {}
    exec(code(guide, "python"), program)
    concern = program["concern"]
    of_the_table = {row[0]: row[2] for row in rows(guide, 3) if row[0] in program["FIRST"]}
    assert of_the_table == program["FIRST"]
    with_partners = [row for row in rows(guide, 4) if row[0] in program["AGAINST_A_PERSON"]]
    assert {row[0] for row in with_partners} == program["AGAINST_A_PERSON"]
    for offense, _name, relationships, proposed in with_partners:
        assert {*relationships.split(", ")} == program["PARTNER"]
        assert concern([offense]) == "not_stated"
        assert concern([offense], ["BG"]) == proposed == "domestic"
    assert concern(["13B", "11A"], ["SE"]) == "sexual_assault", "the first row that fits"
    assert concern(["40A"]) == concern(["220"]) == concern([]) == "not_stated"
    for proposed in {*program["FIRST"].values(), "domestic", "not_stated"}:
        assert proposed in CONCERN
        made = api("police.worker").post(
            "/v1/referrals",
            {"urgency": "routine", "needs": ["advocacy"], "callback": "406-555-0111"}
            | {"service_id": story.service_id, "concern": proposed},
        )
        assert made.status_code == 201


@pytest.mark.static
def test_the_elements_of_the_tables_are_fields_of_the_packet() -> None:
    guide = page("records-system-mapping")
    fields = {row[1] for row in rows(guide, 3) if row[2] == "packet"}
    assert fields == {"date_of_birth", "name", "phone", "email", "address"}
    assert fields | {"case_number", "circumstances"} <= {*PACKET_FIELDS}


@pytest.mark.static
def test_a_case_systems_headings_cover_each_need() -> None:
    guide = page("case-system-mapping")
    program: dict[str, Any] = {}
    exec(code(guide, "python"), program)
    assert {*NEEDS} - {*program["HEADING_OF"]} == {"medical_care", "compensation"}
    assert {*program["HEADING_OF"]} <= {*NEEDS}
    for heading, _lines, cell in rows(guide, 3):
        if heading in program["HEADINGS"]:
            words = cell.replace("`", "").split(" (")[0].split(", ")
            assert words == program["HEADINGS"][heading]
    assert len(program["HEADINGS"]) == 5


# -- A copy of the directory -----------------------------------------------------------------------


def test_a_copy_of_the_directory_follows_it(reader: Reader, shelf: Shelf, api: Any) -> None:
    program = code(page("mirror-the-directory"), "python")

    def copied() -> int:
        all_in_the_feed()
        return int(reader.python("var/mirror.py", program).split()[0])

    total = api(None).get("/v1/directory/services", {"per_page": "1"}).json()["total_items"]
    assert copied() == total > 20
    house = shelf.service("Invented house by the river")
    assert copied() == total + 1
    m.Service.objects.using(JOBS).filter(id=house).update(confidential=True)
    render([house])
    assert copied() == total, "it is not for the public any more"


def test_the_readme_of_the_package_does_what_it_says(reader: Reader, give_number: Any) -> None:
    """Its example, with the demo's address, client and key."""
    give_number("police.worker", "4711")
    text = (REPOSITORY / "openapi" / "clients" / "python" / "README.md").read_text()
    demo = json.loads((reader.folder / "var" / "demo.json").read_text())
    ours = next(one for one in demo["clients"] if one["agency"] == "police")
    reader.save("our-private-key.pem", json.dumps(ours["private_jwk"]))
    example = code(text, "python")
    changed = {
        "https://cairn.example.org": demo["base_url"],
        "records-1a2b3c4d": ours["client_id"],
    }
    for theirs, of_the_demo in changed.items():
        assert theirs in example
        example = example.replace(theirs, of_the_demo)
    assert "must be acknowledged by 20" in reader.python("example.py", example)
