"""What a provider, or someone in its place, may say, and is not believed: one page, whatever is
wrong, and the reason in the log."""

import base64
import json
from typing import Any

import pytest
from django.core.cache import cache
from jwcrypto import jwk

from api.agency_sign_in import provider_client
from permissions.models import Membership
from tests.agency_sign_in.faulty_scene import (
    BACK,
    NOW,
    OTHER,
    SHARED,
    WORDS,
    brought_back,
    turned_on,
)
from tests.agency_sign_in.faulty_scene import faulty as faulty  # a fixture
from tests.agency_sign_in.faulty_scene import on as on  # a fixture
from tests.agency_sign_in.scene import entrance_of, is_in, sent_to
from tests.desk.own_people import Own
from tests.desk.own_people import make_own as make_own  # a fixture
from tests.desk.own_people import own as own  # a fixture
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import Pages, at_the_desk, one_time_code, sign_in, text_of
from tests.support.servers.oidc_faults import FaultyProvider
from tests.support.servers.oidc_provider import CLIENT_ID, LOGOUT_EVENT, asked


def newest_refusal(superuser: Any) -> str:
    """Why the newest entry of a sign-in refused: of the log, or counted for its network."""
    ((rule,),) = rows(
        superuser,
        "SELECT rule FROM access_entry WHERE decision = 'refused' AND act = 'session.sign_in'"
        " ORDER BY xact DESC, id DESC LIMIT 1",
    )
    return str(rule)


def test_a_right_token_leads_to_the_own_factor(on: Any, faulty: FaultyProvider) -> None:
    answer = brought_back(Pages(), faulty, entrance_of(on))
    assert answer.request["PATH_INFO"] == "/accounts/code"


WRONG: list[dict[str, Any]] = [
    {"iss": "https://login.elsewhere.example"},
    {"iss": None},
    {"aud": "another-client"},
    {"aud": ["another-client"]},
    {"aud": None},
    {"aud": [CLIENT_ID, "another-client"]},
    {"aud": [CLIENT_ID, "another-client"], "azp": "another-client"},
    {"azp": "another-client"},
    {"nonce": "of another sign-in"},
    {"nonce": None},
    {"exp": NOW - 3600},
    {"exp": None},
    {"exp": "never"},
    {"iat": NOW - 3600},
    {"iat": NOW + 3600},
    {"iat": None},
    {"sub": None},
    {"sub": ""},
    {"sub": ["someone"]},
    {"sub": "someone else"},
    {"sub": "s" * 256},
    {"events": {LOGOUT_EVENT: {}}},
]


def test_a_token_with_a_wrong_claim_lets_no_one_in(on: Any, faulty: FaultyProvider) -> None:
    for changed in WRONG:
        pages = Pages()
        answer = brought_back(pages, faulty, entrance_of(on), **changed)
        assert (answer.status_code, WORDS in text_of(answer.content)) == (403, True), changed
        assert pages.get("/accounts/code").status_code == 302, "no factor is asked for"
        assert not is_in(pages)


def unsigned(claims: dict[str, Any]) -> str:
    head, body = (
        base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=")
        for one in ({"alg": "none", "kid": "one"}, claims)
    )
    return f"{head}.{body}."


@pytest.mark.parametrize("how", ["none", "secret", "public", "another", "unknown", "cut", "no jwt"])
def test_a_token_that_the_provider_did_not_sign_lets_no_one_in(
    on: Any, faulty: FaultyProvider, how: str
) -> None:
    pages = Pages()
    sent = asked(sent_to(pages, entrance_of(on)))
    claims = faulty.claims(sent["nonce"])
    pem = faulty.key.export_to_pem().decode()
    as_secret = jwk.JWK(kty="oct", k=base64.urlsafe_b64encode(pem.encode()).decode().rstrip("="))
    token = {
        "none": lambda: unsigned(claims),
        "secret": lambda: faulty.signed(claims, SHARED, alg="HS256"),
        "public": lambda: faulty.signed(claims, as_secret, alg="HS256"),
        "another": lambda: faulty.signed(claims, OTHER),
        "unknown": lambda: faulty.signed(claims, OTHER, kid="two"),
        "cut": lambda: faulty.signed(claims)[:-4] + "AAAA",
        "no jwt": lambda: "none",
    }[how]()
    faulty.gives(token)
    answer = pages.get(BACK, {"code": "one", "state": sent["state"]}, follow=True)
    assert (answer.status_code, WORDS in text_of(answer.content)) == (403, True)
    assert not is_in(pages)


def test_a_shared_key_among_the_providers_keys_is_not_used(on: Any, faulty: FaultyProvider) -> None:
    faulty.keys = [SHARED.export(as_dict=True) | {"kid": "one"}]
    provider_client.forget()
    pages = Pages()
    sent = asked(sent_to(pages, entrance_of(on)))
    faulty.gives(faulty.signed(faulty.claims(sent["nonce"]), SHARED, alg="HS256"))
    answer = pages.get(BACK, {"code": "one", "state": sent["state"]}, follow=True)
    assert answer.status_code == 403


def test_a_state_is_good_once_and_in_its_own_session(on: Any, faulty: FaultyProvider) -> None:
    pages = Pages()
    sent = asked(sent_to(pages, entrance_of(on)))
    faulty.gives(faulty.signed(faulty.claims(sent["nonce"])))
    given = {"code": "one", "state": sent["state"]}
    for other in (Pages(), at_the_desk("ywca.worker")):
        answer = other.get(BACK, given)
        assert (answer.status_code, WORDS in text_of(answer.content)) == (403, True)
    assert pages.get(BACK, given).status_code == 302
    again = pages.get(BACK, given)
    assert (again.status_code, WORDS in text_of(again.content)) == (403, True)
    assert len([one for one in faulty.forms if one["grant_type"] == "authorization_code"]) == 3


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "x"},
        {"state": ""},
        {"state": "ü\x00"},
        {"code": ""},
        {"code": "x" * 5000},
        {"error": "access_denied"},
        {"iss": "https://login.elsewhere.example"},
    ],
    ids=str,
)
def test_an_answer_that_is_not_the_one_awaited_is_refused(
    on: Any, faulty: FaultyProvider, changed: dict[str, str]
) -> None:
    pages = Pages()
    sent = asked(sent_to(pages, entrance_of(on)))
    faulty.gives(faulty.signed(faulty.claims(sent["nonce"])))
    answer = pages.get(BACK, {"code": "one", "state": sent["state"]} | changed)
    assert (answer.status_code, WORDS in text_of(answer.content)) == (403, True)


def test_a_code_that_the_provider_refuses_is_refused(on: Any, faulty: FaultyProvider) -> None:
    pages = Pages()
    sent = asked(sent_to(pages, entrance_of(on)))
    faulty.tokens = lambda _form: (400, {"error": "invalid_grant"})
    answer = pages.get(BACK, {"code": "used", "state": sent["state"]})
    assert (answer.status_code, WORDS in text_of(answer.content)) == (403, True)


def test_every_refusal_is_one_page_and_the_log_has_the_reason(
    on: Any, faulty: FaultyProvider, superuser: Any
) -> None:
    pages, said, why = Pages(), set(), set()
    for changed in ({"iss": "x"}, {"aud": "x"}, {"nonce": "x"}, {"exp": 1}, {"sub": "x"}):
        with superuser.cursor() as cursor:
            cursor.execute("DELETE FROM refusal_count")
        superuser.commit()
        answer = brought_back(pages, faulty, entrance_of(on), **changed)
        said.add(text_of(answer.content))
        why.add(newest_refusal(superuser))
    assert len(said) == 1
    assert why == {
        *("token_issuer", "token_audience", "token_nonce", "token_time", "account_unknown"),
    }


def test_the_way_there_has_what_the_protocol_asks(on: Any, faulty: FaultyProvider) -> None:
    pages = Pages()
    there = sent_to(pages, entrance_of(on))
    sent = asked(there)
    assert there.startswith(f"{faulty.issuer}/authorize?")
    assert sent["code_challenge_method"] == "S256"
    assert sent["scope"] == "openid", "offline access only where it is offered"
    faulty.gives(faulty.signed(faulty.claims(sent["nonce"])))
    pages.get(BACK, {"code": "one", "state": sent["state"]})
    form = faulty.forms[-1]
    assert provider_client.challenge_of(form["code_verifier"]) == sent["code_challenge"]
    again = asked(sent_to(Pages(), entrance_of(on)))
    for name in ("state", "nonce", "code_challenge"):
        assert again[name] != sent[name]


def test_another_agencys_provider_with_the_same_sub_is_not_our_persons(
    on: Any, faulty: FaultyProvider
) -> None:
    """The same issuer even: each agency's provider has its own links."""
    other = turned_on(faulty, "police.admin")
    answer = brought_back(Pages(), faulty, entrance_of(other))
    assert (answer.status_code, WORDS in text_of(answer.content)) == (403, True)


def test_a_sign_in_opens_the_agency_of_its_provider_alone(
    on: Any, faulty: FaultyProvider, own: Own
) -> None:
    Membership.objects.using("jobs").create(
        agency_id=agency_id("police"), person=own["person"], name="Own Sample", roles=["worker"]
    )
    pages = Pages()
    brought_back(pages, faulty, entrance_of(on))
    cache.clear()
    answer = pages.submit("/accounts/code", {"code": one_time_code(own["totp_secret"])})
    assert answer.request["PATH_INFO"] == "/desk/", "there is no choice"
    assert "Demo Women" in text_of(answer.content)
    pages = Pages()
    cache.clear()
    answer = sign_in(pages, own)
    assert answer.request["PATH_INFO"] == "/desk/"
    assert "Demo City Police" in text_of(answer.content), "by the password only the other one"
