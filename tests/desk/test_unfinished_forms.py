"""What was typed is kept, sealed, for the person who typed it, in the browser they typed it in."""

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone

from api.desk import unfinished_forms
from referrals.models import Referral
from tests.desk.people import person as person  # a fixture
from tests.support.ground.http_client import HttpClient
from tests.support.people.desk_pages import (
    Pages,
    at_the_desk,
    one_time_code,
    rows,
    sign_in,
    text_of,
)
from tests.support.people.stories import Story, service_of

KEEP = "/desk/unfinished"
NOTE = "The dog is called Biscuit"
NOTICE = {"urgency": "urgent", "needs": ["shelter"], "callback": "406-555-0123"}


def typed(pages: Pages, path: str, fields: dict[str, Any]) -> Any:
    """What the script sends: the form as it is, and where it is from."""
    hidden = pages.hidden(path)
    place = path if path.startswith("/desk/referrals/new") else path.partition("?")[0]
    return pages.http.post(KEEP, hidden | fields | {"for": place})


@pytest.fixture
def advocate(person: Callable[[str], dict[str, str]]) -> Pages:
    """Signed in by password and code: a browser that has a cookie of its own."""
    pages = Pages()
    sign_in(pages, person("ywca.worker"))
    return pages


def sign_in_again(pages: Pages, who: dict[str, str], path: str) -> Any:
    """By the next code of the phone: each is good once."""
    code = one_time_code(who["totp_secret"], lives_s=15, phone_off_s=30)
    return sign_in(pages, who, path, code=code)


@pytest.fixture
def note(story: Story) -> str:
    """Where a note of an accepted referral is written."""
    story.accept()
    return f"/desk/referrals/{story.id}/add_note"


def test_what_is_typed_is_there_again_and_gone_once_it_is_taken(
    advocate: Pages, note: str, superuser: Any
) -> None:
    assert NOTE not in text_of(advocate.get(note).content)
    assert typed(advocate, note, {"text": NOTE}).status_code == 204
    again = advocate.get(note).content.decode()
    assert NOTE in again
    assert "You typed this before" in text_of(again)
    assert "Error:" not in again, "it was never sent"
    with superuser.cursor() as cursor:
        cursor.execute("SELECT session_data FROM django_session")
        stored = [base64.b64decode(data) for (data,) in cursor.fetchall()]
    assert len(stored) == 2
    assert not any(b"Biscuit" in one for one in stored)
    taken = advocate.submit(note, {"text": NOTE})
    assert taken.request["PATH_INFO"] == note.removesuffix("/add_note")
    assert NOTE not in text_of(advocate.get(note).content)


def test_nobody_else_sees_it_and_no_other_browser(
    advocate: Pages, note: str, person: Callable[[str], dict[str, str]]
) -> None:
    assert typed(advocate, note, {"text": NOTE}).status_code == 204
    elsewhere = Pages()
    assert sign_in_again(elsewhere, person("ywca.worker"), note).request["PATH_INFO"] == note
    assert NOTE not in text_of(elsewhere.get(note).content)
    # The same computer, another colleague: the device's own cookie is what they share.
    lead = at_the_desk("ywca.lead")
    device = advocate.http.cookies[settings.DEVICE_COOKIE_NAME].value
    lead.http.cookies[settings.DEVICE_COOKIE_NAME] = device
    assert lead.get(note).status_code in (200, 302)
    assert NOTE not in text_of(lead.get(note, follow=True).content)
    assert NOTE in text_of(advocate.get(note).content)


def test_it_is_kept_over_the_end_of_the_session_and_signing_in_again(
    advocate: Pages, note: str, person: Callable[[str], dict[str, str]], superuser: Any
) -> None:
    fields = advocate.hidden(note) | {"text": NOTE}
    mine = Session.objects.using("signin")
    mine.update(expire_date=timezone.now())
    assert advocate.http.post(KEEP, fields | {"for": note}).status_code == 401, "kept, signed out"
    lost = advocate.http.post(note, fields, follow=True)
    assert "Nothing was sent. What you typed is kept for two hours." in text_of(lost.content)
    with superuser.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM note")
        assert cursor.fetchone() == (0,)
    back = sign_in_again(advocate, person("ywca.worker"), note)
    assert back.request["PATH_INFO"] == note
    assert NOTE in text_of(back.content)


@pytest.mark.parametrize("leave", ["sign out", "quick exit"])
def test_who_leaves_leaves_nothing_behind(
    advocate: Pages, note: str, person: Callable[[str], dict[str, str]], leave: str
) -> None:
    assert typed(advocate, note, {"text": NOTE}).status_code == 204
    if leave == "sign out":
        advocate.submit("/desk/", action="/accounts/logout")
    else:
        advocate.http.post("/leave")
    assert not Session.objects.using("signin").filter(session_data__gt="").exists()
    back = sign_in_again(advocate, person("ywca.worker"), note)
    assert back.request["PATH_INFO"] == note
    assert NOTE not in text_of(back.content)


def test_it_lasts_two_hours(advocate: Pages, note: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert typed(advocate, note, {"text": NOTE}).status_code == 204
    assert NOTE in text_of(advocate.get(note).content)
    monkeypatch.setattr(unfinished_forms, "LASTS", timedelta(0))
    assert NOTE not in text_of(advocate.get(note).content)


def test_begun_again_the_form_is_empty(advocate: Pages, note: str) -> None:
    assert typed(advocate, note, {"text": NOTE}).status_code == 204
    again = advocate.submit(note, {"forget": "1"}, action=KEEP)
    assert again.request["PATH_INFO"] == note
    assert NOTE not in text_of(again.content)
    assert "You typed this before" not in text_of(again.content)


def test_begun_again_after_the_session_ended_it_asks_to_sign_in_at_the_form(
    advocate: Pages, note: str
) -> None:
    assert typed(advocate, note, {"text": NOTE}).status_code == 204
    fields = advocate.hidden(note, KEEP) | {"forget": "1"}
    Session.objects.using("signin").update(expire_date=timezone.now())
    asked = advocate.http.post(KEEP, fields, follow=True)
    assert asked.request["PATH_INFO"] == "/accounts/login"
    assert parse_qs(asked.request["QUERY_STRING"])["next"] == [note]


def test_the_newest_five_are_kept(advocate: Pages, story: Story) -> None:
    notes = []
    for number in range(6):
        one = Story(story.api, story.service_id).accept()
        notes.append(f"/desk/referrals/{one.id}/add_note")
        assert typed(advocate, notes[-1], {"text": f"{NOTE} {number}"}).status_code == 204
    shown = [f"{NOTE} {number}" in text_of(advocate.get(one).content)
             for number, one in enumerate(notes)]  # fmt: skip
    assert shown == [False, True, True, True, True, True]


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"typed_by": "nobody"}, 400),
        ({"for": "/v1/referrals"}, 409),
        ({"for": "https://example.org/desk/"}, 409),
        ({"for": ""}, 409),
        ({"text": "x" * 70_000}, 409),
    ],
)
def test_what_is_no_form_of_theirs_is_not_kept(
    advocate: Pages, note: str, changed: dict[str, str], status: int
) -> None:
    before = Session.objects.using("signin").count()
    answer = advocate.http.post(KEEP, advocate.hidden(note) | {"text": NOTE, "for": note} | changed)
    assert answer.status_code == status
    assert Session.objects.using("signin").count() == before


def test_a_colleagues_form_is_not_kept_by_the_session_of_another(
    advocate: Pages, note: str
) -> None:
    theirs = advocate.hidden(note)["typed_by"]
    lead = at_the_desk("ywca.lead")
    fields = lead.hidden("/desk/calls/new?service=" + service_of("ywca"), "/accounts/logout")
    answer = lead.http.post(KEEP, fields | {"typed_by": theirs, "for": note, "text": NOTE})
    assert answer.status_code == 400


def test_without_its_token_nothing_is_kept(advocate: Pages, note: str) -> None:
    fields = advocate.hidden(note) | {"text": NOTE, "for": note, "csrfmiddlewaretoken": "x" * 64}
    assert advocate.http.post(KEEP, fields).status_code == 403
    assert NOTE not in text_of(advocate.get(note).content)


def test_a_changed_row_opens_as_if_nothing_had_been_kept(
    advocate: Pages, note: str, superuser: Any
) -> None:
    assert typed(advocate, note, {"text": NOTE}).status_code == 204
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE django_session SET session_data = ("
            " SELECT session_data FROM django_session ORDER BY length(session_data) LIMIT 1)"
            " WHERE length(session_data) = (SELECT max(length(session_data)) FROM django_session)"
        )
    superuser.commit()
    assert advocate.get(note, follow=True).status_code == 200
    assert NOTE not in text_of(advocate.get(note, follow=True).content)


# -- R14: first the survivor's answer --------------------------------------------------------------


@pytest.mark.parametrize("answered", [None, "", "no"])
def test_of_a_new_referral_nothing_is_kept_before_the_survivor_agrees(
    person: Callable[[str], dict[str, str]], superuser: Any, answered: str | None
) -> None:
    officer = Pages(HttpClient(enforce_csrf_checks=True))
    sign_in(officer, person("police.worker"))
    new = f"/desk/referrals/new?service={service_of('ywca')}"
    fields: dict[str, Any] = dict(NOTICE)
    if answered is not None:
        fields["agreement"] = answered
    assert typed(officer, new, fields).status_code == 409
    assert "406-555-0123" not in officer.get(new).content.decode()
    with superuser.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_session")
        assert cursor.fetchone() == (1,), "their own session"
    for button in ("keep", "send"):
        officer.submit(new, fields | {button: "1"})
        assert rows(superuser, Referral) == 0


def test_a_no_forgets_what_was_kept_after_a_yes(
    person: Callable[[str], dict[str, str]],
) -> None:
    officer = Pages()
    sign_in(officer, person("police.worker"))
    new = f"/desk/referrals/new?service={service_of('ywca')}"
    other = f"/desk/referrals/new?service={service_of('hospital')}"
    for said in ({"agreement": "no", "send": "1"}, None):
        assert typed(officer, new, NOTICE | {"agreement": "agrees"}).status_code == 204
        assert "406-555-0123" in officer.get(new).content.decode()
        assert "406-555-0123" not in officer.get(other).content.decode()
        if said:
            officer.submit(new, NOTICE | {"wanted": "call_worker"} | said)
        else:
            service = {"csrfmiddlewaretoken": officer.hidden(new)["csrfmiddlewaretoken"]}
            said_no = f"/desk/said_no?service={service_of('ywca')}"
            assert officer.http.post(said_no, service).status_code == 200
        assert "406-555-0123" not in officer.get(new).content.decode()
