"""After 15 idle minutes the desk is locked: nothing answers with data until its person proves again
who they are, and then they go on where they were."""

from typing import Any

import pytest
from django.core.cache import cache

from api.accounts import idle_lock
from api.http.authentication import SESSION_KEY
from permissions.identity import credentials
from tests.desk.own_people import Own, at_own_desk, entries_of
from tests.desk.own_people import make_own as make_own  # a fixture
from tests.desk.own_people import own as own  # a fixture
from tests.support.people.desk_pages import Pages, idle, one_time_code, text_of
from tests.support.people.passkeys import Passkey, add, prove
from tests.support.people.stories import PACKET, Story

LOCK = "/desk/locked"
NOTE = "The dog is called Biscuit"


def unlock(pages: Pages, own: Own, path: str = LOCK, **changed: str) -> Any:
    cache.clear()  # the code of the sign-in is good once more
    code = changed.get("code") or one_time_code(own["totp_secret"])
    return pages.submit(path, {"code": code})


def test_a_locked_desk_shows_nothing_of_anyone_and_goes_on_where_it_was(
    own: Own, superuser: Any
) -> None:
    pages = at_own_desk(own)
    secret = pages.http.session[SESSION_KEY]
    idle(pages)
    page = pages.get("/desk/calls", follow=True)
    assert page.request["PATH_INFO"] == LOCK
    words = text_of(page.content)
    assert "After 15 minutes without use the desk locks." in words
    for own_word in (own["username"], "Own Sample", "Demo Women's Centre"):
        assert own_word not in page.content.decode()
    answer = unlock(pages, own, f"{LOCK}?next=/desk/calls")
    assert (answer.status_code, answer.request["PATH_INFO"]) == (200, "/desk/calls")
    assert pages.http.session[SESSION_KEY] == secret
    assert entries_of(superuser, own["member_id"])[-2][:2] == ("session.unlock", "allowed")


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/desk/", "/desk/channels", "/desk/account", "/desk/agency", "/directory"),
        *("/accounts/passkeys/add", "/accounts/app", "/accounts/confirm", "/who-sees-what"),
    ],
)
def test_every_page_leads_to_the_lock(own: Own, path: str) -> None:
    pages = at_own_desk(own)
    idle(pages)
    answer = pages.get(path)
    assert answer.status_code == 302
    assert answer["Location"].partition("?")[0] == LOCK


def test_no_fetch_and_no_call_of_the_api_gets_data(own: Own, story: Story) -> None:
    story.create().release(*PACKET).packet(**PACKET).send()
    pages = at_own_desk(own)
    assert pages.get(f"/v1/referrals/{story.id}").status_code == 200
    idle(pages)
    for path in ("/v1/referrals", f"/v1/referrals/{story.id}"):
        answer = pages.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    answer = pages.http.get("/desk/", headers={"X-Background": "1"})
    assert answer.status_code == 302
    assert pages.get("/accounts/passkey/options", {"for": "add"}).status_code == 401
    assert pages.get("/safety").status_code == 200


def test_what_is_sent_while_locked_is_not_done_and_what_was_typed_stays(
    make_own: Any, story: Story, superuser: Any
) -> None:
    own = make_own("police")
    lead_of_own = story.accept()
    pages = at_own_desk(own)
    lead_of_own.sends("assign", {"member_id": str(own["member_id"])})
    note = f"/desk/referrals/{story.id}/add_note"
    fields = pages.hidden(note) | {"text": NOTE}
    idle(pages)
    assert pages.http.post("/desk/unfinished", fields | {"for": note}).status_code == 401, "kept"
    page = pages.http.post(note, fields, follow=True)
    assert page.request["PATH_INFO"] == LOCK
    assert "What you typed is kept for two hours." in text_of(page.content)
    assert NOTE not in page.content.decode()
    with superuser.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM note")
        assert cursor.fetchone() == (0,)
    superuser.commit()
    answer = unlock(pages, own, f"{LOCK}?next={note}")
    assert answer.request["PATH_INFO"] == note
    assert NOTE in text_of(answer.content)


def test_a_form_without_its_token_is_refused_before_anything_is_kept(own: Own) -> None:
    pages = at_own_desk(own)
    idle(pages)
    assert pages.http.post("/desk/calls/new", {"note": NOTE}).status_code == 403


def test_one_touch_on_a_passkey_goes_on(own: Own) -> None:
    passkey, pages = Passkey(), at_own_desk(own)
    add(pages, passkey)
    idle(pages)
    answer = prove(pages, passkey, f"{LOCK}?next=/desk/calls")
    assert (answer.status_code, answer.request["PATH_INFO"]) == (200, "/desk/calls")


def test_another_persons_passkey_does_not_unlock_it(make_own: Any) -> None:
    mine, other = make_own(), make_own()
    passkey, pages = Passkey(), at_own_desk(mine)
    add(at_own_desk(other), passkey)
    add(pages, Passkey())
    idle(pages)
    answer = prove(pages, passkey, LOCK)
    assert answer.request["PATH_INFO"] == LOCK
    assert "That passkey did not work." in text_of(answer.content)
    assert pages.get("/desk/calls")["Location"].startswith(LOCK)


def test_after_five_wrong_codes_the_session_ends(own: Own, superuser: Any) -> None:
    pages = at_own_desk(own)
    secret = pages.http.session[SESSION_KEY]
    idle(pages)
    for _ in range(idle_lock.MOST_WRONG):
        assert credentials.resolve_credential(secret) is not None
        answer = unlock(pages, own, code="000000")
    assert answer.request["PATH_INFO"] == "/accounts/login"
    assert "Your session has ended." in text_of(answer.content)
    assert credentials.resolve_credential(secret) is None
    refused = [one for one in entries_of(superuser, own["member_id"]) if one[1] == "refused"]
    assert refused == [("session.unlock", "refused", "bad_code")] * idle_lock.MOST_WRONG


def test_the_twelve_hours_end_it_for_good(own: Own, superuser: Any) -> None:
    pages = at_own_desk(own)
    idle(pages)
    credentials.end_credential(pages.http.session[SESSION_KEY])
    page = pages.get(f"{LOCK}?next=/desk/calls", follow=True)
    assert page.request["PATH_INFO"] == "/accounts/login"
    assert "Your session has ended." in text_of(page.content)


def test_the_ways_out_stay_open(own: Own) -> None:
    pages = at_own_desk(own)
    secret = pages.http.session[SESSION_KEY]
    idle(pages)
    pages.submit(LOCK, action="/accounts/logout")
    assert credentials.resolve_credential(secret) is None
    cache.clear()
    pages = at_own_desk(own)
    secret = pages.http.session[SESSION_KEY]
    idle(pages)
    assert pages.http.post("/leave").status_code == 303
    assert credentials.resolve_credential(secret) is None


def test_what_is_not_locked_leads_on(own: Own) -> None:
    pages = at_own_desk(own)
    assert pages.get(f"{LOCK}?next=/desk/calls")["Location"] == "/desk/calls"
    assert pages.get(f"{LOCK}?next=https://example.org/")["Location"] == "/desk/"
    assert Pages().get(LOCK)["Location"].startswith("/accounts/login")


def test_a_session_that_does_not_say_when_it_was_used_is_locked(own: Own) -> None:
    pages = at_own_desk(own)
    session = pages.http.session
    del session[idle_lock.SEEN]
    session.save()
    assert pages.get("/desk/calls")["Location"].startswith(LOCK)
    assert idle_lock.SEEN not in pages.http.session
