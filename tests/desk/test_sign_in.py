"""Signing in at the desk, choosing an agency, being signed out, leaving quickly."""

import base64
from urllib.parse import parse_qs, urlsplit

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.hashers import ScryptPasswordHasher
from django.contrib.sessions.backends.db import SessionStore as DjangosStore
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.utils import timezone

from api.accounts.session_store import SessionStore
from api.http.authentication import SESSION_KEY
from permissions.database.uuid7 import uuid7
from permissions.identity import credentials
from permissions.models import Credential, Membership, Person
from tests.support.access_log import the_log_is_full
from tests.support.callers import agency_id, member_id
from tests.support.desk_pages import Pages, at_the_desk, one_time_code, sign_in, text_of
from tests.support.http_client import HttpClient
from tests.support.stories import service_of


@pytest.fixture
def person(network):
    """What demo.json says of one of the cast."""
    return lambda who: next(one for one in network["members"] if one["username"] == who)


def entries(superuser, act):
    """Access entries of this act, the newest first: (decision, rule, member). By their ids: under
    a clock that a test has shifted, one may have been written in the future."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT decision, rule, member_id FROM access_entry WHERE act = %s ORDER BY id DESC",
            [act],
        )
        rows = cursor.fetchall()
    superuser.commit()
    return rows


def test_password_and_code_lead_to_the_page_that_was_asked_for(person, superuser):
    pages = Pages()
    answer = sign_in(pages, person("police.worker"), path="/desk/calls")
    assert answer.request["PATH_INFO"] == "/desk/calls"
    assert "Pat Example, Demo City Police" in text_of(answer.content)
    assert credentials.resolve_credential(pages.http.session[SESSION_KEY]).member_id == member_id(
        "police.worker"
    )
    assert entries(superuser, "session.sign_in")[0] == (
        "allowed",
        None,
        member_id("police.worker"),
    )


def test_nobody_is_signed_in_while_no_entry_can_be_written_and_she_goes_on_when_it_can(person):
    pages = Pages()
    with the_log_is_full():
        answer = sign_in(pages, person("police.worker"), path="/desk/calls")
    assert answer.status_code == 503
    assert "In danger now?" in text_of(answer.content)
    assert not Credential.objects.exists()
    assert SESSION_KEY not in pages.http.session
    answer = pages.get("/desk/calls", follow=True)
    assert (answer.status_code, answer.request["PATH_INFO"]) == (200, "/desk/calls")
    assert Credential.objects.count() == 1


@pytest.mark.parametrize("wrong", [{"password": "not her password"}, {"login": "nobody.here"}])
def test_a_wrong_name_and_a_wrong_password_get_the_same_page(person, superuser, wrong):
    answer = sign_in(Pages(), person("police.worker"), **wrong)
    assert answer.status_code == 200
    assert "That name and password do not fit together." in text_of(answer.content)
    assert not Credential.objects.exists()
    assert entries(superuser, "session.sign_in")[0][:2] == ("refused", "bad_password")


def test_a_wrong_code_opens_nothing(person, superuser):
    pages = Pages()
    answer = sign_in(pages, person("police.worker"), code="000000")
    assert "That code is not good" in text_of(answer.content)
    assert pages.get("/desk/").status_code == 302
    assert not Credential.objects.exists()
    assert entries(superuser, "session.sign_in")[0][:2] == ("refused", "bad_code")


def test_a_code_is_good_once(person):
    officer = person("police.worker")
    code = one_time_code(officer["totp_secret"], lives_s=15)  # for both
    assert sign_in(Pages(), officer, code=code).request["PATH_INFO"] == "/desk/"
    assert "was used before" in text_of(sign_in(Pages(), officer, code=code).content)


def test_a_password_that_was_kept_with_fewer_rounds_opens_and_is_kept_with_todays(person):
    """As an older Django did it: what an upgrade of Django leaves to each member's next sign-in."""
    lead = person("police.lead")
    hasher = ScryptPasswordHasher()
    old = hasher.encode(lead["password"], "an-invented-salt-of-22", n=2**4)
    kept = Person.objects.using("door").filter(username="police.lead")
    kept.update(password=old)
    assert sign_in(Pages(), lead).request["PATH_INFO"] == "/desk/"
    now = kept.get().password
    assert not hasher.must_update(now)
    assert hasher.verify(lead["password"], now)


@pytest.mark.parametrize(
    "elsewhere", ["https://example.org/", "//example.org/", "/\\example.org", "http://127.0.0.1:1/"]
)
def test_signing_in_leads_to_our_own_pages_only(person, elsewhere):
    pages, officer = Pages(), person("police.worker")
    pages.submit(
        f"/accounts/login?next={elsewhere}",
        {"login": officer["username"], "password": officer["password"]},
    )
    answer = pages.submit("/accounts/code", {"code": one_time_code(officer["totp_secret"])})
    assert answer.request["PATH_INFO"] == "/desk/"
    assert all(to.startswith("/") and not to.startswith("//") for to, _ in answer.redirect_chain)


@pytest.fixture
def newcomer(superuser):
    """Somebody with a password and nothing else; `joins` makes her a member."""
    person = Person.objects.create_user(f"newcomer-{uuid7()}", "a long enough password")
    made = []

    def joins(key, roles=("worker",)):
        made.append(
            Membership.objects.using("jobs").create(
                agency_id=agency_id(key), person_id=person.id, name="New Sample", roles=list(roles)
            )
        )
        return made[-1]

    person.joins = joins
    yield person
    with superuser.cursor() as cursor:
        cursor.execute("DELETE FROM credential")
        cursor.execute("DELETE FROM permissions_membership WHERE person_id = %s", [str(person.id)])
        cursor.execute("DELETE FROM permissions_person WHERE id = %s", [str(person.id)])
    superuser.commit()


def test_a_password_alone_opens_nothing(newcomer, superuser):
    newcomer.joins("police")
    pages = Pages()
    given = {"username": newcomer.username, "password": "a long enough password"}
    answer = sign_in(pages, given)
    assert answer.status_code == 403
    assert "A second step is missing" in text_of(answer.content)
    assert pages.get("/desk/").status_code == 302
    assert not Credential.objects.exists()
    assert entries(superuser, "session.sign_in")[0][:2] == ("refused", "no_second_factor")


@pytest.fixture
def two_agencies(person, superuser):
    """police.worker2 also works for the hospital."""
    police = Membership.objects.using("door").get(id=member_id("police.worker2"))
    second = Membership.objects.using("jobs").create(
        agency_id=agency_id("hospital"), person_id=police.person_id, name="Sam", roles=["worker"]
    )
    yield second
    with superuser.cursor() as cursor:
        cursor.execute("DELETE FROM credential")
        cursor.execute("DELETE FROM permissions_membership WHERE id = %s", [str(second.id)])
    superuser.commit()


def test_of_two_agencies_she_chooses_and_changing_ends_the_earlier_credential(person, two_agencies):
    pages = Pages()
    answer = sign_in(pages, person("police.worker2"))
    assert answer.request["PATH_INFO"] == "/desk/agency"
    assert not Credential.objects.exists()
    chosen = {"membership": str(two_agencies.id)}
    answer = pages.submit("/desk/agency?next=/desk/calls", chosen)
    assert answer.request["PATH_INFO"] == "/desk/calls"
    assert "Sam, Demo General Hospital ( change )" in text_of(answer.content)
    earlier = pages.http.session[SESSION_KEY]

    answer = pages.submit("/desk/agency?change=1", {"membership": str(member_id("police.worker2"))})
    assert answer.request["PATH_INFO"] == "/desk/"
    assert "Demo City Police" in text_of(answer.content)
    assert credentials.resolve_credential(earlier) is None
    assert Credential.objects.filter(ended_at=None).count() == 1


def test_what_she_typed_for_one_agency_is_not_asked_again_in_the_other(
    person, two_agencies, api, story
):
    """Whoever serves both sides of one referral: it has the same address for both."""
    story.service_id, story.recipient = service_of("hospital"), "hospital.worker"
    story.accept().sends("assign", {"member_id": str(member_id("police.worker2"))})
    story.answers("assign", {"member_id": str(two_agencies.id)})
    pages, path = Pages(), f"/desk/referrals/{story.id}/add_note"
    sign_in(pages, person("police.worker2"))
    pages.submit("/desk/agency", {"membership": str(member_id("police.worker2"))})
    refused = pages.submit(path, {"text": "Zyxwv" * 1000})
    assert "Zyxwv" in refused.content.decode()
    pages.submit("/desk/agency?change=1", {"membership": str(two_agencies.id)})
    page = pages.get(path)
    assert page.status_code == 200
    assert "Zyxwv" not in page.content.decode()


def test_where_no_entry_can_be_written_she_stays_in_the_agency_she_is_in(person, two_agencies):
    pages, other = Pages(), {"membership": str(two_agencies.id)}
    sign_in(pages, person("police.worker2"))
    pages.submit("/desk/agency", {"membership": str(member_id("police.worker2"))})
    form = pages.hidden("/desk/agency?change=1", "/desk/agency")
    with the_log_is_full():
        answer = pages.http.post("/desk/agency", form | other)
    assert answer.status_code == 503
    assert "Demo City Police" in text_of(pages.get("/desk/").content)
    assert Credential.objects.filter(ended_at=None).count() == Credential.objects.count() == 1


def test_nobody_chooses_an_agency_that_is_not_hers(person, two_agencies):
    pages = Pages()
    sign_in(pages, person("police.worker2"))
    answer = pages.submit("/desk/agency", {"membership": str(member_id("ywca.worker"))})
    assert "For which agency are you here?" in text_of(answer.content)
    assert not Credential.objects.exists()


def test_signing_out_ends_the_credential_in_the_database(superuser):
    pages = at_the_desk("ywca.worker")
    secret = pages.http.session[SESSION_KEY]
    answer = pages.submit("/desk/", action="/accounts/logout", follow=False)
    assert answer.status_code == 302
    assert answer["Clear-Site-Data"] == '"cache", "cookies", "storage"'
    assert credentials.resolve_credential(secret) is None
    assert Credential.objects.get().ended_at is not None
    assert not Session.objects.using("door").exists()
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
    kept = Session.objects.using("door")
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
    with django_assert_num_queries(0, using="door"):
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


def test_after_fifteen_idle_minutes_she_signs_in_again_and_comes_back(person):
    pages = Pages()
    sign_in(pages, person("ywca.worker"))
    Session.objects.using("door").update(expire_date=timezone.now())
    answer = pages.get("/desk/calls", follow=True)
    assert answer.request["QUERY_STRING"] == "next=%2Fdesk%2Fcalls&why=idle"
    assert "Signed out for safety After 15 minutes without use" in text_of(answer.content)


def test_what_was_sent_after_the_session_ended_is_said_to_be_lost():
    pages = at_the_desk("ywca.worker")
    fields = pages.hidden("/desk/directory", "/accounts/logout")
    Session.objects.using("door").update(expire_date=timezone.now())
    answer = pages.http.post(f"/desk/referrals/{uuid7()}/accept", fields, follow=True)
    assert "What you had just sent was not done and not kept" in text_of(answer.content)


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


def test_tries_at_other_names_do_not_make_it_forget_hers(person):
    wrong = person("ywca.worker") | {"password": "wrong wrong wrong"}
    for _ in range(6):
        answer = sign_in(Pages(), wrong)
    assert "Too many tries" in text_of(answer.content)
    for number in range(400):
        cache.set(f"allauth:rl:other:{number}", [1.0], 300)
    assert "Too many tries" in text_of(sign_in(Pages(), wrong).content)


def test_nobody_keeps_her_out_by_wrong_tries_from_elsewhere(person):
    """The advocate on call has to come in, whoever tries her name meanwhile."""

    def at(address):
        return Pages(HttpClient(enforce_csrf_checks=True, REMOTE_ADDR=address))

    hers = person("ywca.worker")
    for number in range(6):
        wrong = hers | {"password": "wrong wrong wrong"}
        answer = sign_in(at(f"198.51.100.{number}"), wrong)
    assert "Too many tries" in text_of(answer.content)
    assert "Too many tries" in text_of(sign_in(at("198.51.100.9"), hers).content)
    assert sign_in(at("203.0.113.7"), hers).request["PATH_INFO"] == "/desk/"


def test_too_many_tries_are_stopped_for_a_name_that_exists_and_one_that_does_not(person, superuser):
    def last_of_six(login):
        for _ in range(6):
            answer = sign_in(Pages(), {"username": login, "password": "wrong", "totp_secret": ""})
        return text_of(answer.content)

    known, unknown = last_of_six("police.worker"), last_of_six("nobody.here")
    assert "Too many tries" in known
    assert known == unknown
    tries = [rule for _, rule, _ in entries(superuser, "session.sign_in")]
    assert tries[6:12] == ["too_many_tries", *["bad_password"] * 5]
    assert (tries[0], set(tries[:6])) == ("too_many_tries", {"too_many_tries", "bad_password"})
    for number in range(40):
        other = {"username": f"nobody{number}", "password": "wrong", "totp_secret": ""}
        answer = sign_in(Pages(), other)
        if answer.status_code == 429:
            break
    assert "Too many tries from this network" in text_of(answer.content)
    assert entries(superuser, "session.sign_in")[0][:2] == ("refused", "too_many_tries")


def test_whoever_left_and_still_has_her_password_is_turned_away_and_in_the_log(person, superuser):
    lead = person("police.lead")
    account = Person.objects.using("door").filter(username="police.lead")
    account.update(is_active=False)
    try:
        answer = sign_in(Pages(), lead)
        assert (answer.status_code, answer.request["PATH_INFO"]) == (403, "/accounts/inactive")
        assert entries(superuser, "session.sign_in")[0][:2] == ("refused", "account_closed")
        with the_log_is_full():
            assert sign_in(Pages(), lead).status_code == 503
    finally:
        account.update(is_active=True)


def test_choosing_another_agency_does_not_begin_the_twelve_hours_anew(network, superuser):
    member = Membership.objects.using("door").get(id=member_id("ywca.worker"))
    credentials.open_for_member(member, code_age_s=11 * 3600)
    with superuser.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM expires_at - created_at)::int FROM credential")
        assert cursor.fetchall() == [(3600,)]
