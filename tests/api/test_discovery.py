"""What a program finds out by itself: as much as the server does, and no more."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from api.accounts import oauth
from api.health import edge_checks
from api.http.middleware import CACHEABLE
from permissions.identity import client_keys
from tests.support.ground.http_client import HttpClient
from tests.support.people.desk_pages import at_the_desk

SERVER = "/.well-known/oauth-authorization-server"
SMART = "/.well-known/smart-configuration"
SECURITY = "/.well-known/security.txt"
SOON = datetime(2027, 6, 30, tzinfo=UTC)
CONTACT = "mailto:security@example.org"


def found(path: str) -> Any:
    answer = HttpClient().get(path)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert answer["Cache-Control"] == CACHEABLE
    assert not answer.cookies
    return answer.json()


def test_the_authorization_server_says_what_the_token_endpoint_takes() -> None:
    said = found(SERVER)
    assert said["issuer"] == settings.BASE_URL.rstrip("/")
    assert said["token_endpoint"] == settings.TOKEN_URL == f"{said['issuer']}/oauth/token"
    algorithms = said["token_endpoint_auth_signing_alg_values_supported"]
    assert algorithms == oauth.ALGORITHMS == list(client_keys.ALGORITHMS)
    assert {"RS384", "ES384"} <= set(algorithms), "as SMART asks"
    assert said["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert said["grant_types_supported"] == ["client_credentials"]
    assert said["response_types_supported"] == []
    assert said["scopes_supported"] == list(oauth.SCOPES)
    assert HttpClient().get(said["service_documentation"]).status_code == 200
    assert "authorization_endpoint" not in said
    assert "jwks_uri" not in said


def test_smart_is_claimed_as_far_as_it_goes() -> None:
    said = found(SMART)
    assert said["capabilities"] == ["client-confidential-asymmetric"]
    assert said["code_challenge_methods_supported"] == []
    same = {*found(SERVER)} - {"service_documentation"}
    assert {name: said[name] for name in same} == {name: found(SERVER)[name] for name in same}
    assert not any("/" in scope for scope in said["scopes_supported"]), "no FHIR scopes"


@pytest.mark.parametrize("path", [SERVER, SMART])
def test_it_is_the_same_for_everyone(path: str) -> None:
    member = at_the_desk("ywca.worker")
    member.get("/desk/")
    ours = member.http.get(path)
    assert ours.content == HttpClient().get(path).content
    assert (ours["Cache-Control"], bool(ours.cookies)) == (CACHEABLE, False)
    for method in ("post", "put", "delete"):
        assert getattr(HttpClient(), method)(path).status_code == 405
    assert HttpClient().get("/.well-known/openid-configuration").status_code == 404


def test_there_is_no_contact_unless_the_operator_named_one() -> None:
    assert HttpClient().get(SECURITY).status_code == 404
    with override_settings(SECURITY_CONTACT=CONTACT, SECURITY_EXPIRES=SOON):
        answer = HttpClient().get(SECURITY)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    base = settings.BASE_URL.rstrip("/")
    assert answer.content.decode().splitlines() == [
        f"Contact: {CONTACT}",
        "Expires: 2027-06-30T00:00:00Z",
        "Preferred-Languages: en, es",
        f"Canonical: {base}{SECURITY}",
    ]


@pytest.mark.no_database
def test_a_server_without_a_contact_or_with_an_old_one_is_warned_of() -> None:
    now = datetime.now(UTC)
    with override_settings(LOOPBACK=False):
        for contact, until, warned in (
            ("", None, True),
            (CONTACT, now - timedelta(days=1), True),
            (CONTACT, now + timedelta(days=90), False),
        ):
            with override_settings(SECURITY_CONTACT=contact, SECURITY_EXPIRES=until):
                said = [one.id for one in edge_checks.weaknesses_can_be_reported()]
            assert said == (["permissions.W032"] if warned else [])
    assert edge_checks.weaknesses_can_be_reported() == []
