"""Which keys and algorithms of a partner system are taken: at registration and at the token
endpoint, by one table."""

from typing import Any

import pytest
from jwcrypto import jwk

from permissions.errors import BadRequest
from permissions.identity import client_keys
from permissions.models import Client
from tests.identity.token_requests import ask, entries
from tests.support.ground.live_server import Server
from tests.support.people.callers import agency_id
from tests.support.people.client_assertions import claims_of, signed, token_request
from tests.support.people.desk_pages import at_the_desk
from tests.support.people.own_systems import added, pair
from tests.support.people.own_systems import as_before as as_before  # a fixture

HOW: dict[str, dict[str, Any]] = {
    "RSA": {"kty": "RSA", "size": 2048},
    "EC P-256": {},
    "EC P-384": {"crv": "P-384"},
    "Ed25519": {"kty": "OKP", "crv": "Ed25519"},
}


def token_of(server: Server, client_id: str, key: jwk.JWK, alg: str, **header: str) -> Any:
    url = server.demo["token_url"]
    claims = claims_of({"client_id": client_id}, url)
    return ask(server, token_request(signed(claims, key, alg=alg, **header)))


@pytest.mark.usefixtures("as_before")
def test_each_algorithm_gets_a_token_and_no_other_does(server: Server, superuser: Any) -> None:
    pages = at_the_desk("ywca.admin")
    pairs = {kind: pair(**how) for kind, how in HOW.items()}
    system = added(pages, pairs["RSA"], origin="anywhere", networks="")
    one = f"/desk/agency/systems/{system.id}"
    for kind in list(HOW)[1:]:
        pages.submit(f"{one}/keys", {"keys": pairs[kind].export_public()})
    for alg, kind in client_keys.ALGORITHMS.items():
        answer = token_of(server, system.client_id, pairs[kind], alg)
        assert answer.status_code == 200, (alg, answer.text)
        (entry,) = entries(superuser, answer)
        used = client_keys.key_code(pairs[kind].thumbprint())
        assert entry["fields"] == [used], "the log says which key"
    for alg in ("RS512", "PS384", "PS512"):
        assert token_of(server, system.client_id, pairs["RSA"], alg).status_code == 401, alg
    page = pages.get(one).content.decode()
    assert page.count("Last used") == len(HOW)


@pytest.mark.usefixtures("as_before")
def test_a_kid_chooses_among_keys_that_have_one(server: Server) -> None:
    pages = at_the_desk("ywca.admin")
    first, second, without = pair(kid="first"), pair(kid="second"), pair()
    keys = ", ".join(one.export_public() for one in (first, second, without))
    system = added(pages, first, keys=f'{{"keys": [{keys}]}}', origin="anywhere", networks="")

    def status(key: jwk.JWK, **header: str) -> int:
        return int(token_of(server, system.client_id, key, "ES256", **header).status_code)

    assert status(first, kid="first") == status(second, kid="second") == 200
    assert status(first, kid="second") == 401, "of another key"
    assert status(first) == status(without) == 200, "none is named"
    assert status(without, kid="any") == 200, "a key of PEM has none"


@pytest.mark.usefixtures("as_before")
def test_a_key_that_was_removed_gets_no_token_and_the_page_says_so(server: Server) -> None:
    pages = at_the_desk("ywca.admin")
    old, new = pair(), pair()
    system = added(pages, old, origin="anywhere", networks="")
    one = f"/desk/agency/systems/{system.id}"
    assert token_of(server, system.client_id, old, "ES256").status_code == 200
    pages.submit(f"{one}/keys", {"keys": new.export_public()})
    assert token_of(server, system.client_id, new, "ES256").status_code == 200
    asked = pages.get(f"{one}/keys/{old.thumbprint()}/remove").content.decode()
    assert "None of its other keys was used" not in asked
    pages.submit(f"{one}/keys/{old.thumbprint()}/remove")
    assert token_of(server, system.client_id, old, "ES256").status_code == 401
    assert "the system&#x27;s proof of itself was wrong" in pages.get(one).content.decode()
    assert token_of(server, system.client_id, new, "ES256").status_code == 200
    pages.submit(f"{one}/end")
    assert token_of(server, system.client_id, new, "ES256").status_code == 401


@pytest.mark.usefixtures("as_before")
def test_the_owner_reads_why_the_last_assertion_was_refused(server: Server) -> None:
    """The administrator of its agency, with what to do about it; the caller learns nothing."""
    pages, key = at_the_desk("ywca.admin"), pair()
    system = added(pages, key, origin="anywhere", networks="")
    claims = claims_of({"client_id": system.client_id}, server.demo["token_url"])
    form = token_request(signed(claims | {"aud": "https://elsewhere.example.org"}, key))
    assert ask(server, form).json() == {"error": "invalid_client"}
    page = pages.get(f"/desk/agency/systems/{system.id}").content.decode()
    assert "proof of itself was wrong: it is for another address" in page
    assert 'href="/problems/assertion_audience"' in page
    assert "elsewhere" not in page, "nothing of the assertion is kept"
    hint = at_the_desk("ywca.admin").get("/problems/assertion_audience").content.decode()
    assert "Set it to that address alone" in hint
    for who in ("ywca.lead", "ywca.worker"):
        assert at_the_desk(who).get(f"/desk/agency/systems/{system.id}").status_code == 403


@pytest.mark.parametrize("alg", ["PS384", "RS512", "PS512", "HS256", "none", "ES384", "EdDSA"])
def test_a_key_for_an_algorithm_that_gets_no_token_is_not_registered(alg: str) -> None:
    key = {**pair(**HOW["RSA"]).export_public(as_dict=True), "alg": alg}
    with pytest.raises(BadRequest) as refused:
        client_keys.checked_key_set({"keys": [key]})
    assert refused.value.code == "wrong_algorithm"


def test_a_refusal_at_another_agency_is_not_shown(server: Server) -> None:
    words, ours = "proof of itself was wrong", at_the_desk("ywca.admin")

    def shown() -> int:  # of earlier tests, too
        return int(ours.get("/desk/agency/systems").content.decode().count(words))

    before = shown()
    theirs = Client.objects.get(agency_id=agency_id("police"))
    assert token_of(server, theirs.client_id, pair(), "ES256").status_code == 401
    assert shown() == before
    page = at_the_desk("police.admin").get("/desk/agency/systems").content.decode()
    assert words in page


# -- What is stored --------------------------------------------------------------------------------


@pytest.mark.no_database
def test_of_a_key_only_what_is_public_and_known_is_stored() -> None:
    key = pair(kid="k").export_public(as_dict=True)
    odd = key | {"x5c": ["AAAA"], "key_ops": ["verify"], "x": key["x"] + "\x00" * 4}
    assert client_keys.checked_key_set({"keys": [odd, key]}) == {"keys": [key]}


@pytest.mark.no_database
@pytest.mark.parametrize("bits", [1024, 9216])
def test_rsa_is_neither_short_nor_so_long_that_it_costs_time(bits: int) -> None:
    n = jwk.base64url_encode(((1 << bits) - 1).to_bytes(bits // 8, "big"))
    with pytest.raises(BadRequest, match="weak_key"):
        client_keys.checked_key_set({"keys": [{"kty": "RSA", "n": n, "e": "AQAB"}]})


@pytest.mark.no_database
def test_a_set_has_ten_keys_at_most_and_joins_without_doubles() -> None:
    keys = [pair().export_public(as_dict=True) for _ in range(11)]
    with pytest.raises(BadRequest, match="too_many_keys"):
        client_keys.checked_key_set({"keys": keys})
    kept = {"keys": keys[:9]}
    assert client_keys.joined(kept, {"keys": [keys[8], keys[9]]}) == {"keys": keys[:10]}
    with pytest.raises(BadRequest, match="too_many_keys"):
        client_keys.joined(kept, {"keys": keys[9:]})


@pytest.mark.no_database
@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "5",
        "null",
        '{"keys": 5}',
        '{"keys": [5]}',
        '{"kty": "RSA", "n": 5}',
        '{"kty": ["RSA"]}',
        '{"kty": "EC", "crv": "P-256", "x": null, "y": null}',
        "[" * 100_000,
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\n-----END EC KEY-----",
        "x" * 64_001,
    ],
    ids=lambda text: text[:30],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        client_keys.read_key_text(text)
