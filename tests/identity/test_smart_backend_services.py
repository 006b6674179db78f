"""Tokens as the conformance tests of SMART Backend Services ask for them, with what a server says
of itself at /.well-known/smart-configuration: the right request gets one, for each algorithm of
SMART, and each wrong one is refused with the error of RFC 6749, section 5.2."""

import time
from collections.abc import Iterator
from functools import cache
from typing import Any
from uuid import uuid4

import pytest
import requests
from jwcrypto import jwk

from permissions.identity import client_keys, row_macs
from permissions.models import Client
from tests.identity.token_requests import credentials_held
from tests.support.ground.live_server import Server
from tests.support.people.client_assertions import claims_of, signed, token_request

SYSTEM = "demo-police"
HOW = {"RS384": {"kty": "RSA", "size": 2048}, "ES384": {"kty": "EC", "crv": "P-384"}}


@cache
def pair(alg: str) -> jwk.JWK:
    return jwk.JWK.generate(**HOW[alg], kid=alg)


def register(*algorithms: str) -> None:
    system = Client.objects.using("signin").get(client_id=SYSTEM)
    keys = [pair(alg).export_public(as_dict=True) for alg in algorithms]
    save(system, client_keys.checked_key_set({"keys": keys}))


def save(system: Client, key_set: dict[str, Any]) -> None:
    system.public_keys = key_set
    system.save(using="signin")
    row_macs.sign(system, "signin")


@pytest.fixture
def smart(server: Server) -> Iterator[dict[str, Any]]:
    """What the server says of itself, to a system with both keys."""
    before = Client.objects.using("signin").get(client_id=SYSTEM).public_keys
    register(*HOW)
    yield requests.get(f"{server.base_url}/.well-known/smart-configuration", timeout=30).json()
    save(Client.objects.using("signin").get(client_id=SYSTEM), before)


def assertion(smart: dict[str, Any], alg: str, **changed: Any) -> str:
    claims = claims_of({"client_id": SYSTEM}, smart["token_endpoint"]) | changed
    present = {name: value for name, value in claims.items() if value is not None}
    return signed(present, pair(alg), alg=alg, kid=alg)


def ask(smart: dict[str, Any], form: dict[str, str]) -> requests.Response:
    return requests.post(smart["token_endpoint"], data=form, timeout=30)


each_algorithm = pytest.mark.parametrize("alg", HOW)


@each_algorithm
def test_the_right_request_gets_a_token_that_says_what_it_is(
    smart: dict[str, Any], server: Server, alg: str
) -> None:
    assert alg in smart["token_endpoint_auth_signing_alg_values_supported"]
    answer = ask(smart, token_request(assertion(smart, alg), scope="referrals:read events:read"))
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    token = answer.json()
    assert token["token_type"].lower() == "bearer"
    assert 0 < token["expires_in"] <= 300
    assert {*token["scope"].split()} == {"referrals:read", "events:read"}
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    me = requests.get(f"{server.base_url}/v1/me", headers=bearer, timeout=30)
    assert (me.status_code, me.json()["client"]["client_id"]) == (200, SYSTEM)


@each_algorithm
def test_another_grant_type_is_refused(smart: dict[str, Any], superuser: Any, alg: str) -> None:
    for grant in ("authorization_code", "not_a_grant_type"):
        form = token_request(assertion(smart, alg)) | {"grant_type": grant}
        refused(ask(smart, form), 400, "unsupported_grant_type")
    assert credentials_held(superuser) == 0


@each_algorithm
def test_another_type_of_assertion_is_refused(
    smart: dict[str, Any], superuser: Any, alg: str
) -> None:
    saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"
    for kind in (saml, "not_an_assertion_type", ""):
        form = token_request(assertion(smart, alg)) | {"client_assertion_type": kind}
        refused(ask(smart, form), 400, "invalid_client")
    assert credentials_held(superuser) == 0


def ago(seconds: int) -> int:
    return int(time.time()) - seconds


WRONG = {
    "aud": "https://elsewhere.example.org/oauth/token",
    "iss": "demo-ywca",
    "sub": "demo-ywca",
    "exp": ago(60),
    "jti": None,
}


@each_algorithm
@pytest.mark.parametrize("claim", WRONG)
def test_a_wrong_claim_is_refused(
    smart: dict[str, Any], superuser: Any, alg: str, claim: str
) -> None:
    one = {claim: WRONG[claim]}
    refused(ask(smart, token_request(assertion(smart, alg, **one))), 401, "invalid_client")
    absent = token_request(assertion(smart, alg, **{claim: None}))
    refused(ask(smart, absent), 401, "invalid_client")
    too_long = token_request(assertion(smart, alg, exp=ago(-3600)))
    refused(ask(smart, too_long), 401, "invalid_client")
    assert credentials_held(superuser) == 0


@each_algorithm
def test_a_jti_is_good_once_and_a_key_must_be_registered(
    smart: dict[str, Any], superuser: Any, alg: str
) -> None:
    once = str(uuid4())
    first, second = (token_request(assertion(smart, alg, jti=once)) for _ in range(2))
    assert ask(smart, first).status_code == 200
    for form in (first, second):
        refused(ask(smart, form), 401, "invalid_client")
    assert credentials_held(superuser) == 1
    form = token_request(assertion(smart, alg))
    register(*(other for other in HOW if other != alg))
    refused(ask(smart, form), 401, "invalid_client")
    assert credentials_held(superuser) == 1


def refused(answer: requests.Response, status: int, error: str) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    assert {*answer.json()} <= {"error", "error_description"}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
