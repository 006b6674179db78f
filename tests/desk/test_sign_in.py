"""Signing in at the desk and choosing an agency."""

import pytest
from django.contrib.auth.hashers import ScryptPasswordHasher
from django.core.cache import cache

from api import settings as product
from api.http.authentication import SESSION_KEY
from permissions.database.uuid7 import uuid7
from permissions.identity import credentials
from permissions.models import Credential, Membership, Person
from tests.desk.people import entries
from tests.desk.people import person as person  # a fixture
from tests.support.ground.http_client import HttpClient
from tests.support.people.access_log import the_log_is_full
from tests.support.people.binding import changed
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import Pages, one_time_code, sign_in, text_of
from tests.support.people.stories import service_of


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
    assert "The user name or password is wrong." in text_of(answer.content)
    assert not Credential.objects.exists()
    assert entries(superuser, "session.sign_in")[0][:2] == ("refused", "bad_password")


def test_a_wrong_code_opens_nothing(person, superuser):
    pages = Pages()
    answer = sign_in(pages, person("police.worker"), code="000000")
    assert "That code is wrong" in text_of(answer.content)
    assert pages.get("/desk/").status_code == 302
    assert not Credential.objects.exists()
    assert entries(superuser, "session.sign_in")[0][:2] == ("refused", "bad_code")


def test_a_code_is_good_once(person):
    officer = person("police.worker")
    code = one_time_code(officer["totp_secret"], lives_s=15)  # for both
    assert sign_in(Pages(), officer, code=code).request["PATH_INFO"] == "/desk/"
    assert "already used" in text_of(sign_in(Pages(), officer, code=code).content)


@pytest.mark.parametrize("phone_off_s", [-30, 30])
def test_a_phone_that_is_half_a_minute_off_signs_in(person, phone_off_s):
    officer = person("police.worker")
    code = one_time_code(officer["totp_secret"], lives_s=15, phone_off_s=phone_off_s)
    assert sign_in(Pages(), officer, code=code).request["PATH_INFO"] == "/desk/"


@pytest.mark.parametrize("phone_off_s", [-60, 60])
def test_a_code_that_is_a_minute_off_opens_nothing(person, phone_off_s):
    officer = person("police.worker")
    code = one_time_code(officer["totp_secret"], lives_s=15, phone_off_s=phone_off_s)
    assert "That code is wrong" in text_of(sign_in(Pages(), officer, code=code).content)


def _later(superuser, seconds):
    """Let what is remembered of tries and codes grow older by so many seconds."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE permissions_cache SET expires = expires - %s * interval '1 second'", [seconds]
        )
    superuser.commit()


@pytest.mark.parametrize("between", ["", " ", "-"])
def test_who_reads_a_code_over_her_shoulder_does_not_use_it_again_50_s_later(
    person, superuser, between
):
    """The next step's code, of a phone that is ahead, is right for up to 90 seconds."""
    officer = person("police.worker")
    code = one_time_code(officer["totp_secret"], lives_s=15, phone_off_s=30)
    assert sign_in(Pages(), officer, code=code).request["PATH_INFO"] == "/desk/"
    _later(superuser, 50)
    again = f"{code[:3]}{between}{code[3:]}"
    assert "already used" in text_of(sign_in(Pages(), officer, code=again).content)
    assert entries(superuser, "session.sign_in")[0][:2] == ("refused", "bad_code")


def test_a_used_code_counts_as_a_wrong_one_and_makes_it_forget_none(person, superuser):
    """Else she who saw a code used could go on guessing, five codes and the used one by turns."""
    officer = person("police.worker")
    used = one_time_code(officer["totp_secret"], lives_s=15, phone_off_s=30)
    sign_in(Pages(), officer, code=used)
    _later(superuser, 50)
    pages = Pages()
    sign_in(pages, officer, code="000000")
    for tried in ("000000", "000000", used, "000000"):
        pages.submit("/accounts/code", {"code": tried})
    good = one_time_code(officer["totp_secret"], phone_off_s=-30)
    answer = pages.submit("/accounts/code", {"code": good})
    assert "Too many tries" in text_of(answer.content)
    assert pages.get("/desk/").status_code == 302


def test_a_password_that_was_kept_with_fewer_rounds_opens_and_is_kept_with_todays(person, settings):
    """As an older Django did it: what an upgrade of Django leaves to each member's next sign-in."""
    settings.PASSWORD_HASHERS = product.PASSWORD_HASHERS
    lead = person("police.lead")
    hasher = ScryptPasswordHasher()
    old = hasher.encode(lead["password"], "an-invented-salt-of-22", n=2**4)
    kept = Person.objects.using("signin").filter(username="police.lead")
    changed(kept, password=old)
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
    police = Membership.objects.using("signin").get(id=member_id("police.worker2"))
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
    """A person who serves both sides of a referral, which has the same address for both."""
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
    assert "Which agency are you working for now?" in text_of(answer.content)
    assert not Credential.objects.exists()


def test_tries_at_other_names_do_not_make_it_forget_hers(person):
    wrong = person("ywca.worker") | {"password": "wrong wrong wrong"}
    for _ in range(6):
        answer = sign_in(Pages(), wrong)
    assert "Too many tries" in text_of(answer.content)
    for number in range(400):
        cache.set(f"allauth:rl:other:{number}", [1.0], 300)
    assert "Too many tries" in text_of(sign_in(Pages(), wrong).content)


def test_nobody_keeps_her_out_by_wrong_tries_from_elsewhere(person):
    """The advocate on call has to come in, even while others try their name."""

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
    assert entries(superuser, "session.sign_in")[0][:2] == ("refused", "bad_password")
    for number in range(40):
        other = {"username": f"nobody{number}", "password": "wrong", "totp_secret": ""}
        answer = sign_in(Pages(), other)
        if answer.status_code == 429:
            break
    assert "Too many tries" in text_of(answer.content)
    assert number < 10, "a name's and the network's"
    with superuser.cursor() as cursor:
        cursor.execute("SELECT counts FROM refusal_count")
        ((counts,),) = cursor.fetchall()
    assert set(counts) == {"session:sign_in:bad_password", "session:sign_in:too_many_tries"}


def test_whoever_left_and_still_has_her_password_is_turned_away_and_in_the_log(person, superuser):
    lead = person("police.lead")
    account = Person.objects.using("signin").filter(username="police.lead")
    changed(account, is_active=False)
    try:
        answer = sign_in(Pages(), lead)
        assert (answer.status_code, answer.request["PATH_INFO"]) == (403, "/accounts/inactive")
        assert entries(superuser, "session.sign_in")[0][:2] == ("refused", "account_closed")
        elsewhere = Pages(HttpClient(enforce_csrf_checks=True, REMOTE_ADDR="203.0.113.7"))
        with the_log_is_full():
            assert sign_in(elsewhere, lead).status_code == 503
    finally:
        changed(account, is_active=True)
