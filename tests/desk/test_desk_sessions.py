"""Sessions at the desk: how they end, and what was typed meanwhile; leaving quickly."""

import base64
from urllib.parse import parse_qs, urlsplit

import pytest
from asgiref.sync import async_to_sync
from django.contrib.sessions.backends.db import SessionStore as DjangosStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from api.accounts.session_store import SessionStore
from api.http.authentication import SESSION_KEY
from permissions.database.uuid7 import uuid7
from permissions.identity import credentials
from permissions.models import Credential, Membership
from tests.desk.people import entries
from tests.desk.people import person as person  # a fixture
from tests.support.ground.http_client import HttpClient
from tests.support.people.access_log import the_log_is_full
from tests.support.people.callers import member_id
from tests.support.people.desk_pages import Pages, at_the_desk, sign_in, text_of
from tests.support.people.stories import service_of


def test_signing_out_ends_the_credential_in_the_database(superuser):
    pages = at_the_desk("ywca.worker")
    secret = pages.http.session[SESSION_KEY]
    answer = pages.submit("/desk/", action="/accounts/logout", follow=False)
    assert answer.status_code == 302
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert credentials.resolve_credential(secret) is None
    assert Credential.objects.get().ended_at is not None
    assert not Session.objects.using("signin").exists()
    assert entries(superuser, "session.sign_out")[0][2] == member_id("ywca.worker")
    assert "You are signed out" in text_of(pages.get(answer["Location"]).content)


def test_whoever_reads_the_session_table_is_nobody_in_it(superuser):
    pages = at_the_desk("ywca.worker")
    secret, cookie = pages.http.session[SESSION_KEY], pages.http.cookies["session"].value
    with superuser.cursor() as cursor:
        cursor.execute("SELECT * FROM django_session")
        (row,) = cursor.fetchall()
        text = "".join(map(str, row))
        assert cookie not in text
        opened = base64.b64decode(row[1])
        assert secret.encode() not in opened
        assert b"{" not in (opened[:1], opened[-1:])
        assert DjangosStore(row[0]).decode(row[1]) == DjangosStore(cookie).decode(row[1]) == {}
        pages.http.cookies["session"] = row[0]  # what the table says is no cookie
        assert pages.get("/desk/").status_code == 302
        pages.http.cookies["session"] = cookie
        assert pages.get("/desk/").status_code == 200
        other = at_the_desk("police.worker")  # her row's words in this one's place
        cursor.execute(
            "UPDATE django_session SET session_data = ("
            " SELECT session_data FROM django_session WHERE session_key = %s)",
            [row[0]],
        )
        assert other.get("/desk/").status_code == 302
        assert pages.get("/desk/").status_code == 200
        cursor.execute("UPDATE django_session SET session_data = '+'")
        assert pages.get("/desk/").status_code == 302


def test_a_session_is_kept_in_one_row_and_ends_with_it():
    kept = Session.objects.using("signin")
    store = SessionStore()
    store["said"] = "Invented Person"
    async_to_sync(store.asave)()
    async_to_sync(store.asave)()
    assert kept.count() == 1
    assert SessionStore(store.session_key).load() == {"said": "Invented Person"}
    assert async_to_sync(SessionStore(store.session_key).aload)() == {"said": "Invented Person"}
    assert store.exists(store.session_key)
    before = store.session_key
    store.cycle_key()
    assert kept.count() == 1
    assert not store.exists(before)
    assert SessionStore(before).load() == {}
    assert SessionStore("x" * 9).load() == {}
    SessionStore().delete()
    store.delete(before)
    assert kept.count() == 1
    async_to_sync(store.adelete)()
    assert kept.count() == 0


@pytest.mark.parametrize(
    "value", ["\\000" + "a" * 31, "\\000" * 32, "\\377" * 32, "A" * 32, "a" * 33, "é" * 32, ""]
)
def test_a_cookie_that_was_not_made_here_is_none(value, django_assert_num_queries):
    pages = Pages()
    with django_assert_num_queries(0, using="signin"):
        for path, status in (("/desk/", 302), ("/v1/referrals", 401), ("/directory", 200)):
            answer = pages.http.get(path, headers={"Cookie": f'session="{value}"'})
            assert (answer.status_code, answer.cookies["session"].value) == (status, "")
    assert SessionStore(value).session_key is None
    assert SessionStore("a" * 31 + "\n").session_key is None


def test_looking_at_the_sign_out_page_signs_nobody_out():
    pages = at_the_desk("ywca.worker")
    assert pages.get("/accounts/logout").status_code == 200
    assert pages.get("/desk/").status_code == 200


@pytest.mark.parametrize("with_token", [True, False])
def test_leaving_quickly_signs_out_and_shows_the_weather(with_token):
    pages = at_the_desk("ywca.worker")
    secret = pages.http.session[SESSION_KEY]
    fields = pages.hidden("/desk/", "/leave") if with_token else {}
    answer = pages.http.post("/leave", fields)
    assert (answer.status_code, answer["Location"]) == (303, "https://www.weather.gov/")
    assert credentials.resolve_credential(secret) is None
    assert pages.get("/leave").status_code == 405  # a link or an image must not sign anybody out


def test_leaving_quickly_signs_out_also_when_no_entry_can_be_written():
    pages = at_the_desk("ywca.worker")
    secret = pages.http.session[SESSION_KEY]
    with the_log_is_full():
        answer = pages.http.post("/leave")
    assert (answer.status_code, answer["Location"]) == (303, "https://www.weather.gov/")
    assert credentials.resolve_credential(secret) is None
    assert pages.get("/desk/").status_code == 302


def test_after_twelve_hours_she_signs_in_again_and_comes_back(person):
    pages = Pages()
    sign_in(pages, person("ywca.worker"))
    Session.objects.using("signin").update(expire_date=timezone.now())
    answer = pages.get("/desk/calls", follow=True)
    assert answer.request["QUERY_STRING"] == "next=%2Fdesk%2Fcalls&why=ended"
    assert "Signed out for safety Your session has ended." in text_of(answer.content)


def test_what_was_sent_after_the_session_ended_is_said_to_be_lost():
    pages = at_the_desk("ywca.worker")
    fields = pages.hidden("/desk/directory", "/accounts/logout")
    Session.objects.using("signin").update(expire_date=timezone.now())
    answer = pages.http.post(f"/desk/referrals/{uuid7()}/accept", fields, follow=True)
    assert "What you just sent was not saved" in text_of(answer.content)


@pytest.mark.parametrize("at", ["/desk/referrals/new", "/desk/calls/new"])
def test_signing_in_again_leads_back_to_the_service_that_was_chosen(person, at):
    pages, before = Pages(HttpClient()), str(uuid7())
    officer = person("police.worker")
    chosen = f"{at}?service={service_of('ywca')}"
    asked = f"{chosen}&replaces={before}&words=her+street&after=x"
    sent = pages.http.post(at, {"service": service_of("ywca"), "callback": "406-555-0111"})
    assert parse_qs(urlsplit(sent["Location"]).query)["next"] == [chosen]
    led = pages.get(asked)["Location"]
    assert parse_qs(urlsplit(led).query) == {"next": [f"{chosen}&replaces={before}"]}
    made_up = pages.get(f"{at}?service=her+street&replaces=her")["Location"]
    assert parse_qs(urlsplit(made_up).query) == {"next": [at]}
    answer = sign_in(pages, officer, path=chosen)
    assert answer.status_code == 200
    assert answer.request["PATH_INFO"] == at
    assert answer.request["QUERY_STRING"] == f"service={service_of('ywca')}"


def test_what_was_sent_of_a_no_leads_back_to_the_form_it_stands_on():
    sent = Pages(HttpClient()).http.post("/desk/said_no", {"service": service_of("ywca")})
    chosen = f"/desk/referrals/new?service={service_of('ywca')}"
    assert parse_qs(urlsplit(sent["Location"]).query)["next"] == [chosen]


@pytest.mark.parametrize("at", ["/desk/referrals/new", "/desk/calls/new"])
def test_without_a_service_those_pages_lead_to_the_directory_and_say_so(at):
    answer = at_the_desk("police.worker").get(at, follow=True)
    assert answer.request["PATH_INFO"] == "/desk/directory"
    assert "No service was chosen yet." in text_of(answer.content)
    for made_up in ("x", str(uuid7())):
        answer = at_the_desk("police.worker").get(at, {"service": made_up})
        assert answer.status_code == 404
    assert at_the_desk("ywca.auditor").get(at).status_code == 404


def test_a_credential_that_ended_is_not_opened_again_without_signing_in(superuser):
    pages = at_the_desk("ywca.worker")
    credentials.end_credential(pages.http.session[SESSION_KEY])
    answer = pages.get("/desk/", follow=True)
    assert answer.request["PATH_INFO"] in ("/accounts/login", "/desk/agency")
    assert pages.get("/desk/").status_code == 302
    assert Credential.objects.filter(ended_at=None).count() == 0
    assert entries(superuser, "session.resume")[0][:2] == ("refused", "not_authenticated")


def test_a_former_member_is_out_at_the_next_page(superuser):
    pages = at_the_desk("outsider.worker2")
    members = Membership.objects.using("jobs").filter(id=member_id("outsider.worker2"))
    members.update(active=False)
    try:
        assert pages.get("/desk/").status_code == 302
        assert pages.get("/desk/", follow=True).request["PATH_INFO"] != "/desk/"
    finally:
        members.update(active=True)


def test_a_form_without_its_token_changes_nothing():
    pages = at_the_desk("ywca.worker")
    answer = pages.http.post("/accounts/logout")
    assert answer.status_code == 403
    assert "The form has expired" in text_of(answer.content)
    assert pages.get("/desk/").status_code == 200


def test_choosing_another_agency_does_not_begin_the_twelve_hours_anew(network, superuser):
    member = Membership.objects.using("signin").get(id=member_id("ywca.worker"))
    credentials.open_for_member(member, code_age_s=11 * 3600)
    with superuser.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM expires_at - created_at)::int FROM credential")
        assert cursor.fetchall() == [(3600,)]
