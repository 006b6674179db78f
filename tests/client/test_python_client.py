"""The Python client against a real server: what a partner system does, and what goes wrong."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from jwcrypto import jwk

from cairn_client import (
    AsyncClient,
    Client,
    PrivateKey,
    Problem,
    TokenRefused,
    Unreachable,
)
from permissions.identity import client_keys, credentials, row_macs
from permissions.models import Client as System
from tests.support.ground.database import all_in_the_feed
from tests.support.ground.live_server import Server
from tests.support.ground.ports import free_port
from tests.support.people.callers import member_id
from tests.support.people.staff_numbers import give_number as give_number  # a fixture
from tests.support.people.stories import NOTICE, PACKET, release_body, service_of
from tests.support.servers.losing_proxy import Proxy, losing_proxy

NOTICE_AND_ALL = NOTICE | {"packet": PACKET, "external_ref": "CASE-0001"}


def referral(**change: Any) -> dict[str, Any]:
    """What a records system knows when it refers."""
    body = NOTICE_AND_ALL | {"service_id": service_of("ywca"), "release": release_body(*PACKET)}
    return body | change


def of(server: Server, key: str, kind: Any = Client, **options: Any) -> Any:
    """The system of an agency, acting for its worker."""
    system = server.client(key)
    acting = str(member_id(f"{key}.worker"))
    private = system["private_jwk"]
    return kind(server.base_url, system["client_id"], private, **{"acting": acting, **options})


@pytest.fixture
def police(server: Server) -> Iterator[Client]:
    with of(server, "police") as client:
        yield client


@pytest.fixture
def advocates(server: Server) -> Iterator[Client]:
    with of(server, "ywca") as client:
        yield client


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with losing_proxy() as one:
        monkeypatch.setenv("HTTP_PROXY", one.url)
        monkeypatch.setenv("NO_PROXY", "")
        yield one


# -- The whole way ---------------------------------------------------------------------------------


def test_a_referral_goes_from_a_token_to_completed(police: Client, advocates: Client) -> None:
    assert police.me()["client"]["client_id"] == "demo-police"
    (start,) = advocates.events(from_now=True)
    assert (start.items, start.is_last) == ([], True)
    sent = police.refer(referral(), agreement="agrees")
    assert (sent["status"], sent.replayed) == ("sent", False)

    all_in_the_feed()
    (told,) = [event for page in advocates.events(start.next) for event in page.items]
    assert (told["act"], told["referral_id"]) == ("send", sent["id"])
    assert advocates.event(told["id"]) == told
    seen = advocates.referral(told["referral_id"])
    assert seen["status"] == "sent"
    advocates.act(seen["id"], "acknowledge", if_match=seen.etag)
    with pytest.raises(Problem) as stale:
        advocates.act(seen["id"], "accept", if_match=seen.etag)
    assert stale.value.status == 412
    advocates.act(seen["id"], "accept")
    opened = advocates.act(seen["id"], "open_packet", {"purpose": "intake"})
    assert opened["packet"] == PACKET
    advocates.act(seen["id"], "start_handoff", {"mode": "phone"})
    advocates.act(seen["id"], "add_note", {"text": "An invented note."})
    done = advocates.act(seen["id"], "complete", {"outcome": "connected"})
    assert done["status"] == "completed"

    all_in_the_feed()
    pages = police.events(referral_id=sent["id"])
    acts = [event["act"] for page in pages for event in page.items]
    assert acts[-3:] == ["send", "acknowledge", "accept"], "and nothing of what came after"
    assert [one["id"] for one in police.items("/v1/referrals", external_ref="CASE-0001")] == [
        sent["id"]
    ]


def test_the_same_by_asyncio(server: Server) -> None:
    police, advocates = (of(server, key, AsyncClient) for key in ("police", "ywca"))

    async def refer(body: dict[str, Any]) -> tuple[str, str]:
        (start,) = [page async for page in advocates.events(from_now=True)]
        return (await police.refer(body, agreement="agrees"))["id"], start.next

    async def answer(sent: str, start: str) -> str:
        async with police, advocates:
            (told,) = [event async for page in advocates.events(start) for event in page.items]
            assert (told["act"], told["referral_id"]) == ("send", sent)
            assert await advocates.event(told["id"]) == told
            await advocates.act(sent, "acknowledge")
            await advocates.act(sent, "accept")
            await advocates.act(sent, "start_handoff", {"mode": "phone"})
            done = await advocates.act(sent, "complete", {"outcome": "served"})
            assert [one["id"] async for one in police.items("/v1/referrals", limit=1)] == [sent]
            return str(done["status"])

    with asyncio.Runner() as loop:
        sent, start = loop.run(refer(referral()))
        all_in_the_feed()
        assert loop.run(answer(sent, start)) == "completed"


def test_a_staff_number_names_who_acts(server: Server, give_number: Any) -> None:
    give_number("police.worker", "4711")
    with of(server, "police", acting=None) as nobody:
        with pytest.raises(Problem) as refused:
            nobody.refer(referral())
        assert refused.value.status in (400, 403)
        draft = nobody.as_member("staff_ref:4711").refer(referral())
        assert draft["holder"]["id"] == str(member_id("police.worker"))


def test_lists_are_read_to_their_end(server: Server, police: Client) -> None:
    made = {police.refer(NOTICE | {"service_id": service_of("ywca")})["id"] for _ in range(3)}
    assert {one["id"] for one in police.items("/v1/referrals", limit=2)} == made
    with Client(server.base_url) as visitor:
        found = [one["id"] for one in visitor.items("/v1/directory/services", per_page=20)]
        whole = visitor.request("GET", "/v1/directory/services", params={"per_page": 1})
        assert len(set(found)) == len(found) == whole["total_items"] > 20
        changed = {one["id"] for page in visitor.changes() for one in page.items}
        assert set(found) <= changed


# -- Tokens ----------------------------------------------------------------------------------------


def test_many_threads_get_one_token_and_an_ended_one_is_renewed(
    server: Server, proxy: Proxy
) -> None:
    with of(server, "police") as police, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: police.me(), range(16)))
        assert proxy.paths().count("/oauth/token") == 1
        credentials.end_all_of_client(System.objects.get(client_id="demo-police"))
        assert police.me()["scopes"]
    assert proxy.paths().count("/oauth/token") == 2


PAIRS = {
    "ES384": {"kty": "EC", "crv": "P-384"},
    "RS384": {"kty": "RSA", "size": 2048},
    "PS256": {"kty": "RSA", "size": 2048},
    "EdDSA": {"kty": "OKP", "crv": "Ed25519"},
}


def test_a_token_is_got_by_each_algorithm(server: Server) -> None:
    """RSA signs as RS384, which SMART asks for, unless the system says otherwise."""
    pairs = {alg: jwk.JWK.generate(**how, kid=alg) for alg, how in PAIRS.items()}
    system = System.objects.using("signin").get(client_id="demo-police")
    before = system.public_keys
    public = [one.export_public(as_dict=True) for one in pairs.values()]
    try:
        register(system, {"keys": public})
        for alg, pair in pairs.items():
            key = PrivateKey(
                pair.export_private() if alg != "EdDSA" else pem_of(pair),
                kid=alg,
                algorithm=alg if alg == "PS256" else None,
            )
            assert key.algorithm == alg
            with Client(server.base_url, "demo-police", key) as client:
                assert client.me()["client"]["client_id"] == "demo-police"
    finally:
        register(system, before)


def register(system: System, key_set: dict[str, Any]) -> None:
    system.public_keys = client_keys.checked_key_set(key_set)
    system.save(using="signin")
    row_macs.sign(system, "signin")


def pem_of(pair: jwk.JWK) -> bytes:
    pem: bytes = pair.export_to_pem(private_key=True, password=None)
    return pem


def test_a_wrong_key_is_a_clear_error(server: Server) -> None:
    other = jwk.JWK.generate(kty="EC", crv="P-256", kid="police-1")
    stranger = Client(server.base_url, "demo-police", other.export_private())
    said = pytest.raises(TokenRefused, match=r"(?s)invalid_client.*Partner systems")
    with stranger, said as refused:
        stranger.me()
    assert refused.value.error == "invalid_client"
    greedy = of(server, "police", scopes=["audit:read"])
    with greedy, pytest.raises(TokenRefused, match="scope that your agency did not give"):
        greedy.me()


@pytest.mark.no_database
def test_what_is_no_private_key_is_refused_and_none_is_shown() -> None:
    pair = jwk.JWK.generate(kty="EC", crv="P-256")
    for wrong in (pair.export_public(), '{"kty": "oct", "k": "AAAA"}', '{"kty": "new"}'):
        with pytest.raises(ValueError, match="key"):
            PrivateKey(wrong)
    with pytest.raises(ValueError, match="P-256 and P-384"):
        PrivateKey(jwk.JWK.generate(kty="EC", crv="P-521").export_private())
    assert json.loads(pair.export_private())["d"] not in repr(PrivateKey(pair.export_private()))
    for wrong in ("http://cairn.example.org", "cairn.example.org"):
        with pytest.raises(ValueError, match="https"):
            Client(wrong)
    with pytest.raises(ValueError, match="belong together"):
        Client("https://cairn.example.org", "demo-police")


# -- Tries -----------------------------------------------------------------------------------------


def test_a_lost_answer_makes_no_second_referral(server: Server, proxy: Proxy) -> None:
    with of(server, "police") as police:
        proxy.lose = {"/v1/referrals": 2, "/oauth/token": 1}
        sent = police.refer(referral(), agreement="agrees")
        assert sent.replayed
        posts = [one for one in proxy.seen if one == ("POST", "/v1/referrals")]
        assert len(posts) == 3
        assert [one["id"] for one in police.items("/v1/referrals")] == [sent["id"]]
        proxy.lose = {f"/v1/referrals/{sent['id']}/withdraw": 1}
        gone = police.act(sent["id"], "withdraw", {"code": "help_found"})
        assert gone["status"] == "withdrawn"


def test_a_key_outlives_the_program(server: Server, proxy: Proxy) -> None:
    body, mine = referral(), str(uuid4())
    with of(server, "police", tries=1) as police:
        police.me()
        proxy.lose = {"/v1/referrals": 1}
        with pytest.raises(Unreachable) as lost:
            police.refer(body, agreement="agrees", key=mine)
        assert lost.value.key == mine
    with of(server, "police") as police:
        sent = police.refer(body, agreement="agrees", key=mine)
        assert sent.replayed
        with pytest.raises(Problem) as other:
            police.refer(body | {"urgency": "routine"}, agreement="agrees", key=mine)
        assert other.value.status == 422
        assert len(list(police.items("/v1/referrals"))) == 1


def test_a_survivors_no_is_counted_once_though_its_answer_is_lost(
    server: Server, proxy: Proxy
) -> None:
    with of(server, "police") as police:
        police.me()
        proxy.lose = {"/v1/agreement-tally": 1}
        with pytest.raises(Unreachable):
            police.request("POST", "/v1/agreement-tally", {})
    assert proxy.paths().count("/v1/agreement-tally") == 1


@pytest.mark.no_database
def test_a_server_that_is_not_there_is_said_after_all_tries() -> None:
    client = Client(f"http://127.0.0.1:{free_port()}", tries=2)
    with client, pytest.raises(Unreachable, match="ConnectError"):
        client.request("GET", "/v1/codes")


# -- Refusals --------------------------------------------------------------------------------------


def test_a_refusal_names_each_fault_and_repeats_nothing(police: Client) -> None:
    wrong = referral(urgency="Invented Person", packet={"name": 7})
    with pytest.raises(Problem) as refused:
        police.refer(wrong, agreement="agrees")
    problem = refused.value
    assert problem.status == 400
    assert {one.pointer for one in problem.errors} >= {"/urgency"}
    assert problem.pointer in {one.pointer for one in problem.errors}
    assert problem.request_id
    assert problem.key
    assert "/urgency: " in str(problem)
    assert "Invented Person" not in str(problem)
    with pytest.raises(Problem) as hidden:
        police.referral(str(uuid4()))
    assert (hidden.value.status, hidden.value.errors) == (404, [])
