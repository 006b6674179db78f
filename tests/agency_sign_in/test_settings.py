"""An administrator sets the agency's sign-in up: what is taken, what is shown, and who may."""

from typing import Any

import pytest

from permissions.models import SignInProvider
from tests.agency_sign_in.scene import BACK, OWN, given, set_up, switched_on
from tests.agency_sign_in.scene import at_agency as at_agency  # a fixture
from tests.agency_sign_in.scene import running as running  # a fixture
from tests.support.ground.stored_rows import rows
from tests.support.people.access_log import the_log_is_full
from tests.support.people.callers import member_id
from tests.support.people.desk_pages import Pages, at_the_desk, proofs_are_older, text_of
from tests.support.servers.oidc_provider import SECRET, Provider


def test_the_page_says_what_to_register_and_never_the_secret(at_agency: Provider) -> None:
    found = switched_on(at_agency)
    page = at_the_desk("ywca.admin").get(OWN).content.decode()
    for shown in (BACK, f"/accounts/agency/{found.code}/ended", found.code, at_agency.issuer):
        assert shown in page
    assert SECRET not in page
    assert SECRET.encode().hex() not in found.sealed_secret


def test_each_change_is_in_the_log_and_under_changes(at_agency: Provider, superuser: Any) -> None:
    switched_on(at_agency)
    admin = at_the_desk("ywca.admin")
    admin.submit(f"{OWN}/off", {})
    admin.submit(f"{OWN}/remove", {})
    found = rows(
        superuser,
        "SELECT act FROM access_entry WHERE member_id = %s AND act LIKE 'provider.%%'"
        " AND act <> 'provider.read' AND decision = 'allowed' ORDER BY xact DESC, id DESC LIMIT 5",
        [str(member_id("ywca.admin"))],
    )
    assert [act for (act,) in reversed(found)] == [
        *("provider.set", "provider.test", "provider.switch_on"),
        *("provider.switch_off", "provider.remove"),
    ]
    page = text_of(at_the_desk("ywca.lead").get("/desk/agency/changes").content)
    for said in ("Set up the agency's own sign-in", "Removed the agency's own sign-in"):
        assert said in page


@pytest.mark.parametrize(
    "issuer",
    [
        *("http://login.example.org", "https://127.0.0.1", "https://10.0.0.1/", "https://[::1]/"),
        *("https://169.254.169.254/", "https://localhost/", "https://login.example.org:22/"),
        *("https://user@login.example.org/", "https://login.example.org/?a=b", "login", "ü"),
        *("https://login.example.org/#a", "file:///etc/passwd", "https://2130706433/"),
    ],
)
def test_an_issuer_that_may_not_be_asked_is_refused_at_its_field(
    at_agency: Provider, issuer: str
) -> None:
    answer = at_the_desk("ywca.admin").submit(OWN, given(at_agency, issuer=issuer))
    assert "Enter an https address of a public host" in text_of(answer.content)
    assert not SignInProvider.objects.exists()


@pytest.mark.parametrize("issuer", ["{0}/", "{0}x"])
def test_an_issuer_that_calls_itself_otherwise_is_refused(at_agency: Provider, issuer: str) -> None:
    asked = given(at_agency, issuer=issuer.format(at_agency.issuer))
    answer = at_the_desk("ywca.admin").submit(OWN, asked)
    assert "No provider answers there" in text_of(answer.content)
    assert not SignInProvider.objects.exists()


def test_it_is_not_on_before_it_was_tested(at_agency: Provider) -> None:
    pages = set_up(at_agency)
    answer = pages.submit(f"{OWN}/on", {})
    assert answer.status_code == 409
    found = SignInProvider.objects.get()
    assert not found.active
    assert Pages().get(f"/accounts/agency/{found.code}").status_code == 404


def test_a_wrong_secret_fails_the_test(at_agency: Provider) -> None:
    pages = set_up(at_agency, secret="another")
    at_agency.account("the.administrator")
    there = pages.get(f"{OWN}/test")["Location"]
    answer = pages.get(at_agency.sign_in(there, "the.administrator"), follow=True)
    assert answer.status_code == 503
    assert not SignInProvider.objects.get().tested


def test_a_second_one_is_not_set_up(at_agency: Provider) -> None:
    set_up(at_agency)
    again = at_the_desk("ywca.admin")
    before = SignInProvider.objects.get().sealed_secret
    answer = again.submit(OWN, {"client_id": "changed", "secret": "changed"})
    assert "Saved." in text_of(answer.content)
    found = SignInProvider.objects.get()
    assert (found.client_id, found.issuer) == ("changed", at_agency.issuer)
    assert found.sealed_secret != before


def test_a_provider_without_refresh_tokens_is_said(at_agency: Provider) -> None:
    at_agency.forbid_refresh(forbid=True)
    switched_on(at_agency)
    page = text_of(at_the_desk("ywca.admin").get(OWN).content)
    assert "everyone is signed out after five minutes" in page
    assert SignInProvider.objects.get().gives_refresh is False


@pytest.mark.parametrize("what", ["", "/on", "/off", "/remove", "/test"])
def test_a_change_needs_a_fresh_proof(at_agency: Provider, what: str) -> None:
    switched_on(at_agency)
    pages = at_the_desk("ywca.admin", csrf=False)
    proofs_are_older(pages, 16 * 60)
    send = pages.get if what == "/test" else pages.http.post
    answer = send(f"{OWN}{what}", {"client_id": "changed", "secret": "changed"})
    assert answer["Location"].startswith("/accounts/confirm")
    found = SignInProvider.objects.get()
    assert (found.active, found.client_id) == (True, "cairn-at-the-agency")


@pytest.mark.parametrize("who", ["ywca.worker", "ywca.lead", "ywca.auditor", "police.admin"])
def test_only_its_administrator_sees_and_changes_it(at_agency: Provider, who: str) -> None:
    found = switched_on(at_agency)
    pages = at_the_desk(who, csrf=False)
    refused = 404 if who == "police.admin" else 403
    for what in ("/on", "/off", "/remove"):
        assert pages.http.post(f"{OWN}{what}", {}).status_code == refused, what
    if who != "police.admin":
        assert pages.get(OWN).status_code == 403
        assert pages.http.post(OWN, given(at_agency)).status_code == 403
    assert found.code not in pages.get(OWN).content.decode()
    found.refresh_from_db(using="signin")
    assert found.active


def test_what_cannot_be_logged_is_not_done(at_agency: Provider) -> None:
    switched_on(at_agency)
    pages = at_the_desk("ywca.admin", csrf=False)
    with the_log_is_full():
        for what in ("/off", "/remove"):
            assert pages.http.post(f"{OWN}{what}", {}).status_code == 503
    assert SignInProvider.objects.get().active


def test_the_code_leads_to_the_agency_and_a_wrong_one_is_said(at_agency: Provider) -> None:
    found = switched_on(at_agency)
    pages = Pages()
    answer = pages.submit("/accounts/agency", {"agency": f" {found.code.upper()} "})
    assert "Demo Women" in text_of(answer.content)
    answer = pages.submit("/accounts/agency", {"agency": "abcdefgh"})
    assert "No agency has this code." in text_of(answer.content)
