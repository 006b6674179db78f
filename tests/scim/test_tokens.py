"""The token of an agency's identity provider: who makes it, when it lets in, and what a forged one
is."""

from typing import Any

import pytest
from django.core.management import call_command

from permissions.identity.brakes import Limit
from permissions.models import Agency, Client, Invitation, Membership, ScimUser
from permissions.scim import scim_tokens
from tests.enrollment.links import joined, opened, ywca
from tests.enrollment.links import no_one_new_stays as no_one_new_stays  # a fixture
from tests.scim.provider import (
    ANYWHERE,
    PAGE,
    USERS,
    Provider,
    active,
    link_sent,
    make_token,
    refusal,
    remove_token,
    system,
)
from tests.support.ground.http_client import HttpClient
from tests.support.ground.stored_rows import rows
from tests.support.people.access_log import the_log_is_full
from tests.support.people.callers import member_id
from tests.support.people.desk_pages import Pages, at_the_desk, text_of


def posted(who: str, path: str, form: dict[str, str], **how: Any) -> Any:
    """What is answered to a form that is sent without being looked at first."""
    return at_the_desk(who, csrf=False, **how).http.post(path, form)


def test_only_the_administrator_makes_one_with_a_fresh_proof(network: Any) -> None:
    for who in ("ywca.worker", "ywca.lead", "ywca.auditor"):
        assert at_the_desk(who).get(PAGE).status_code == 403
        assert posted(who, PAGE, ANYWHERE).status_code == 403
        assert posted(who, f"{PAGE}/end", {}).status_code == 403
    led = posted("ywca.admin", PAGE, ANYWHERE, code_age_s=16 * 60)
    assert led.status_code == 302
    assert "/accounts/confirm" in led["Location"]
    assert not Client.objects.using("signin").filter(scopes=["scim"]).exists()


def test_it_is_shown_once_and_only_its_hash_is_stored(network: Any, superuser: Any) -> None:
    token = make_token()
    page = at_the_desk("ywca.admin").get(PAGE).content.decode()
    assert token not in page
    for table in ("permissions_client", "access_entry", "credential", "row_mac"):
        assert token not in str(rows(superuser, f"TABLE {table}")), table
    assert Provider(token).get().status_code == 200
    page = text_of(at_the_desk("ywca.admin").get(PAGE).content)
    assert "There is one" in page
    assert "Not in the last 30 days" not in page
    [made] = rows(
        superuser,
        "SELECT agency_id = %s, member_id = %s, client_id, fields[2] FROM access_entry"
        " WHERE act = 'scim.set_token' ORDER BY xact DESC, id DESC LIMIT 1",
        [str(ywca()), str(member_id("ywca.admin"))],
    )
    assert made == (True, True, None, "from_anywhere")


def test_a_new_one_ends_the_old_at_once_and_its_invitations(network: Any) -> None:
    first = Provider(make_token())
    user = first.invite().json()
    link = link_sent()
    second = Provider(make_token())
    assert refusal(first.get())[0] == 401
    assert second.get(f"{USERS}/{user['id']}").status_code == 404
    assert "ended" in opened(link).get("/join").content.decode()
    assert second.invite().status_code == 201
    assert Client.objects.using("signin").filter(scopes=["scim"]).count() == 1


def test_who_joined_stays_known_under_a_new_one_and_not_after_its_end(network: Any) -> None:
    user = Provider(make_token()).invite().json()
    joined(link_sent())
    assert (
        Provider(make_token()).get(f"{USERS}/{user['id']}").json()["userName"]
        == "nia@newcomer.invalid"
    )
    remove_token()
    remove_token()
    assert not ScimUser.objects.using("signin").exists()
    page = text_of(at_the_desk("ywca.admin").get("/desk/agency/changes").content)
    assert "Removed the token of the identity provider" in page
    assert "Ended" in text_of(at_the_desk("ywca.admin").get(PAGE).content)


def test_a_removed_one_lets_nothing_in(network: Any) -> None:
    provider = Provider(make_token())
    provider.invite()
    link = link_sent()
    remove_token()
    for answer in (provider.get(), provider.invite(), provider.get("/scim/v2/Schemas")):
        assert refusal(answer)[0] == 401
        assert answer["WWW-Authenticate"] == "Bearer"
    assert "ended" in opened(link).get("/join").content.decode()


def test_other_credentials_are_none(network: Any, api: Any) -> None:
    for header in ("", "Bearer x", f"Basic {'a' * 40}", f"Bearer cairn_scim_{'a' * 43}"):
        headers = {"Authorization": header} if header else {}
        assert refusal(HttpClient(headers=headers).get(USERS))[0] == 401
    for who in ("ywca.admin", "police.client"):
        assert api(who).get(USERS).status_code == 401, "a token of another kind"
    token = make_token()
    bearer = {"Authorization": f"Bearer {token}"}
    assert HttpClient(headers=bearer).get("/v1/referrals").status_code == 401
    browser = at_the_desk("ywca.admin")
    assert browser.get(USERS).status_code == 401, "a session is no token"


def test_a_flood_of_refusals_is_counted_and_not_written_one_by_one(
    network: Any, superuser: Any
) -> None:
    count = (
        "SELECT count(*) FROM access_entry WHERE act = 'api.authenticate'"
        " AND rule = 'not_authenticated'"
    )
    stranger = Provider("cairn_scim_" + "b" * 43)
    [(before,)] = rows(superuser, count)
    for _ in range(40):
        assert stranger.get().status_code == 401
    [(after,)] = rows(superuser, count)
    assert after - before <= 2, "one a minute and network"


def test_an_agency_that_is_not_active_is_not_let_in(network: Any, superuser: Any) -> None:
    provider = Provider(make_token())
    assert provider.get().status_code == 200
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE permissions_agency SET active = false WHERE id = %s", [str(ywca())])
    superuser.commit()
    try:
        assert refusal(provider.get())[0] == 401
    finally:
        with superuser.cursor() as cursor:
            cursor.execute(
                "UPDATE permissions_agency SET active = true WHERE id = %s", [str(ywca())]
            )
        superuser.commit()
    assert Agency.objects.using("signin").get(id=ywca()).active


def test_it_works_from_its_networks_alone(network: Any, superuser: Any) -> None:
    token = make_token(origin="networks", networks="203.0.113.0/24")
    assert Provider(token).get().status_code == 403
    inside = HttpClient(headers={"Authorization": f"Bearer {token}"}, REMOTE_ADDR="203.0.113.9")
    assert inside.get(USERS).status_code == 200
    page = text_of(at_the_desk("ywca.admin").get(PAGE).content)
    assert "203.0.113.0/24" in page
    assert "its network is not on the allow-list" in page
    bad = posted("ywca.admin", PAGE, {"origin": "networks", "networks": "everywhere"})
    assert bad.status_code == 400
    assert inside.get(USERS).status_code == 200, "and nothing changed"


def test_too_many_requests_wait_and_do_not_flood_the_log(
    network: Any, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = Provider(make_token())
    limit = Limit("scim_requests", 3, scim_tokens.REQUESTS.period)
    monkeypatch.setattr(scim_tokens, "REQUESTS", limit)
    answers = [provider.get() for _ in range(12)]
    assert [one.status_code for one in answers] == [200] * 3 + [429] * 9
    assert int(answers[-1]["Retry-After"]) > 0
    refused = "SELECT count(*) FROM access_entry WHERE rule = 'too_often' AND client_id = %s"
    [(written,)] = rows(superuser, refused, [str(system().id)])
    assert written <= 2


@pytest.mark.parametrize(
    "change",
    [
        "token_hash = sha256('cairn_scim_forged-by-a-writer-of-the-database')",
        "networks = '{0.0.0.0/0}'",
        "agency_id = (SELECT id FROM permissions_agency WHERE id <> agency_id LIMIT 1)",
    ],
)
def test_a_forged_row_lets_nothing_in(network: Any, superuser: Any, change: str) -> None:
    token = make_token(origin="networks", networks="127.0.0.0/8")
    assert Provider(token).get().status_code == 200
    with superuser.cursor() as cursor:
        cursor.execute(f"UPDATE permissions_client c SET {change} WHERE scopes = '{{scim}}'")
    superuser.commit()
    if "forged" in change:
        token = "cairn_scim_forged-by-a-writer-of-the-database"
    assert refusal(Provider(token).get())[0] == 503
    assert refusal(Provider(token).invite())[0] == 503


def test_an_older_copy_of_its_row_lets_nothing_in(network: Any, superuser: Any) -> None:
    token = make_token()
    provider = Provider(token)
    kept = rows(
        superuser,
        "SELECT c.token_hash, b.version, b.mac FROM permissions_client c JOIN row_mac b"
        " ON b.row_id = c.id WHERE c.scopes = '{scim}'",
    )
    remove_token()
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE permissions_client SET token_hash = %s, active = true WHERE scopes = '{scim}'",
            [kept[0][0]],
        )
        cursor.execute(
            "UPDATE row_mac SET version = %s, mac = %s WHERE row_id = %s",
            [kept[0][1], kept[0][2], str(system().id)],
        )
    superuser.commit()
    assert refusal(provider.get())[0] == 503


def test_a_forged_invitation_or_name_is_refused(network: Any, superuser: Any) -> None:
    provider = Provider(make_token())
    user = provider.invite().json()
    link = link_sent()
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE permissions_invitation SET roles = '{agency_admin}'")
    superuser.commit()
    assert Pages().get(link).status_code == 503
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE permissions_invitation SET roles = '{worker}'")
        cursor.execute(
            "UPDATE permissions_scimuser SET invitation_id = NULL, member_id = %s",
            [str(member_id("ywca.lead"))],
        )
    superuser.commit()
    assert refusal(provider.patch(user["id"], active(False)))[0] == 503
    assert Invitation.objects.using("signin").get().ended_at is None


def test_a_partner_systems_pages_do_not_know_it(network: Any) -> None:
    make_token()
    admin = at_the_desk("ywca.admin")
    assert "scim_" not in admin.get("/desk/agency/systems").content.decode()
    path = f"/desk/agency/systems/{system().id}"
    for one in (path, f"{path}/keys", f"{path}/limits", f"{path}/return", f"{path}/end"):
        assert admin.get(one).status_code == 404, one
    assert posted("ywca.admin", f"{path}/end", {}).status_code == 404
    assert system().active


def test_the_operator_ends_it_and_gives_none(network: Any) -> None:
    provider = Provider(make_token())
    assert provider.get().status_code == 200
    call_command("client", "end", system().client_id)
    assert refusal(provider.get())[0] == 401
    assert "Ended" in text_of(at_the_desk("ywca.admin").get(PAGE).content)
    assert Provider(make_token()).get().status_code == 200, "its administrator makes a new one"


def test_the_log_cannot_be_written_and_nothing_is_done(network: Any) -> None:
    provider = Provider(make_token())
    worker = str(member_id("ywca.worker"))
    with the_log_is_full():
        assert refusal(provider.patch(worker, active(False)))[0] == 503
        assert refusal(provider.invite())[0] == 503
        assert refusal(provider.get())[0] == 503
    assert Membership.objects.using("signin").get(id=worker).live
    assert not Invitation.objects.using("signin").exists()
