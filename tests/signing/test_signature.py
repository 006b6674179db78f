"""A signature from the form to the copy, on the worker's screen and on the survivor's own phone."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.signing.scene import (
    DRAWN,
    NOTICE_ON_PHONE,
    ON_PHONE,
    ON_SCREEN,
    ask,
    draw,
    officer,
    page_of,
    path_of,
    points_in,
    record,
    releases,
)
from tests.support.ground.stored_rows import rows
from tests.support.people.desk_pages import Pages, at_the_desk, text_of
from tests.support.people.stories import TOLD, Story, notes, release_body, return_body, service_of

POINTS = [" ".join(f"{x},{y}" for x, y in stroke) for stroke in DRAWN]


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def draft(story: Story) -> Story:
    return story.create()


def test_on_their_own_phone_from_the_picture_to_the_release(draft: Story, api: Any) -> None:
    desk = officer()
    link = ask(desk, draft.id)
    page = desk.get(page_of(draft.id))
    assert "<svg" in page.content.decode()
    assert link not in page.content.decode()  # in the picture alone: there is nothing to copy
    assert releases(api, "police.worker", draft.id) == []
    paper = text_of(Pages().get(link).content)
    for words in (
        "My permission to share",
        "what is listed here",
        "So that I receive this service",
    ):
        assert words in paper, words
    assert "what I do not check" not in paper.lower()
    assert "Thank you. You have signed." in text_of(draw(link).content)
    assert releases(api, "police.worker", draft.id) == []  # the member records it
    assert "They have signed" in text_of(desk.get(page_of(draft.id)).content)
    done = record(desk, draft.id)
    assert "The permission is recorded." in text_of(done.content)
    (kept,) = releases(api, "police.worker", draft.id)
    assert (kept["form"], kept["in_force"]) == ("own_phone", True)
    assert kept["fields"] == ["name", "phone"]
    assert "phone_is_safe" in kept["attestations"]
    (note,) = notes(api, "police.worker", draft, "signature")
    signed = json.loads(note["record"])
    assert kept["artifact_sha256"] == hash_of(note["record"])
    assert [one["strokes"] for one in signed["signatures"]] == [DRAWN]
    assert signed["terms"]["fields"] == ["name", "phone"]
    assert datetime.fromisoformat(kept["signed_at"]) == datetime.fromisoformat(signed["signed_at"])


@pytest.mark.parametrize("answer", ["no", None])
def test_a_phone_that_may_not_be_safe_is_not_used(
    draft: Story, answer: str | None, superuser: Any
) -> None:
    given = ON_PHONE | {"phone_is_safe": answer}
    if answer is None:
        del given["phone_is_safe"]
    page = officer().submit_steps(path_of(draft.id), given)
    assert "Do not use a phone that may not be safe." in text_of(page.content)
    assert rows(superuser, "SELECT signature_id FROM signing") == []


def test_the_screen_is_locked_before_it_is_handed_over(draft: Story, api: Any) -> None:
    desk = officer()
    link = ask(desk, draft.id, ON_SCREEN)
    given = desk.submit(page_of(draft.id), {"what": "hand_over"}, follow=False)
    assert (given.status_code, given["Location"]) == (302, link)
    assert given["Clear-Site-Data"] == '"cache"'
    for path in ("/desk/", f"/desk/referrals/{draft.id}", page_of(draft.id), "/desk/directory"):
        answer = desk.get(path)
        assert answer["Location"].startswith("/desk/locked"), path
    shown = desk.get(link)  # the same browser, with the worker's cookie
    page = text_of(shown.content)
    assert "A box to sign in" in shown.content.decode()
    for theirs in ("Sign out", "Inbox", "My account"):
        assert theirs not in page, theirs
    done = desk.http.post(link, {"strokes_self": json.dumps(DRAWN), "copy": "no"})
    assert "Give the screen back now." in text_of(done.content)
    assert page_of(draft.id) in done.content.decode()
    assert desk.get(page_of(draft.id))["Location"].startswith("/desk/locked")


def test_what_was_signed_is_recorded_after_the_unlocking(draft: Story, api: Any) -> None:
    desk = officer()
    draw(ask(desk, draft.id, ON_SCREEN))
    record(desk, draft.id)
    (kept,) = releases(api, "police.worker", draft.id)
    assert (kept["form"], kept["in_force"]) == ("screen", True)
    assert kept["paper"]["witnessed_by"] is not None
    assert kept["paper"]["witnessed_at"] == kept["signed_at"]


def test_the_copy_is_in_one_answer_if_they_want_it(draft: Story) -> None:
    desk = officer()
    link = ask(desk, draft.id)
    answer = draw(link, copy="yes")
    assert points_in(answer.content.decode()) == POINTS
    assert "My permission to share" in text_of(answer.content)
    assert answer["Cache-Control"] == "no-store"
    assert not answer.cookies
    assert points_in(draw(link, copy="yes").content.decode()) == []


def test_without_a_copy_the_answer_has_nothing_of_it(draft: Story) -> None:
    answer = draw(ask(officer(), draft.id))
    page = text_of(answer.content)
    assert points_in(answer.content.decode()) == []
    assert "My permission to share" not in page
    assert "YWCA" not in page


def test_the_agency_opens_it_with_a_purpose_and_an_entry(draft: Story, superuser: Any) -> None:
    desk = officer()
    draw(ask(desk, draft.id))
    record(desk, draft.id)
    assert "Open what was signed" in text_of(desk.get(f"{path_of(draft.id, 'releases')}").content)
    before = rows(superuser, "SELECT count(*) FROM access_entry WHERE act = 'referral.open_notes'")
    page = desk.submit(path_of(draft.id, "signed"), {"purpose": "review"}).content.decode()
    after = rows(superuser, "SELECT count(*) FROM access_entry WHERE act = 'referral.open_notes'")
    assert points_in(page) == POINTS
    assert after[0][0] == before[0][0] + 1
    assert "A signed paper." in text_of(
        desk.submit(path_of(draft.id, "open_notes"), {"purpose": "review"}).content
    )


def test_the_recipient_and_who_is_not_assigned_open_nothing(draft: Story, api: Any) -> None:
    desk = officer()
    draw(ask(desk, draft.id))
    record(desk, draft.id)
    draft.send().accept()
    path = path_of(draft.id, "signed")
    theirs = at_the_desk("ywca.worker").submit(path, {"purpose": "review"})
    assert points_in(theirs.content.decode()) == []
    assert notes(api, "ywca.worker", draft, "signature") == []
    assert at_the_desk("police.worker2").get(path).status_code in (302, 404)
    (seen,) = releases(api, "ywca.worker", draft.id)
    assert len(seen["artifact_sha256"]) == 64  # and paper is not theirs
    assert seen["paper"] is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE release SET signed_fields = '{name,health}'",
        "UPDATE release SET purpose = 'legal_matter'",
        "UPDATE release SET artifact_sha256 = repeat('a', 64)",
        "UPDATE release SET signed_until = signed_until + interval '1 day'",
    ],
)
def test_a_release_that_is_not_what_was_signed_is_found(
    draft: Story, superuser: Any, change: str
) -> None:
    desk = officer()
    draw(ask(desk, draft.id))
    record(desk, draft.id)
    with superuser.cursor() as cursor:
        cursor.execute(change)
    page = desk.submit(path_of(draft.id, "signed"), {"purpose": "review"})
    assert points_in(page.content.decode()) == []
    assert "are not the same" in text_of(page.content)


def test_a_narrowed_release_is_still_what_was_signed(draft: Story) -> None:
    desk = officer()
    draw(ask(desk, draft.id))
    record(desk, draft.id)
    draft.sends("narrow_release", {"fields": ["name"]})
    page = desk.submit(path_of(draft.id, "signed"), {"purpose": "review"})
    assert points_in(page.content.decode()) == POINTS


def test_everyone_who_consents_signs(story: Story, api: Any) -> None:
    story.create(age_band="minor")
    desk = officer()
    given = ON_PHONE | {"consenters": ["self", "parent"], "not_the_abuser": "on"}
    del given["adult"]
    link = ask(desk, story.id, given)
    alone = draw(link)
    assert (alone.status_code, "Draw your signature" in text_of(alone.content)) == (409, True)
    both = draw(link, strokes_parent=json.dumps(DRAWN), authority_parent="an invented right")
    assert both.status_code == 200
    record(desk, story.id)
    (note,) = notes(api, "police.worker", story, "signature")
    signed = json.loads(note["record"])["signatures"]
    assert [(one["who"], one["authority"]) for one in signed] == [
        ("self", ""),
        ("parent", "an invented right"),
    ]


def test_a_notice_is_signed_for_in_the_same_way(api: Any) -> None:
    """34 U.S.C. 12291(b)(2): a victim service provider sends nothing without it."""
    story = Story(api, service_of("ywca"), sender="sarc.worker").create()
    desk = at_the_desk("sarc.worker")
    link = ask(desk, story.id, NOTICE_ON_PHONE, "put_notice_release")
    assert "That I need this help" in text_of(Pages().get(link).content)
    draw(link)
    record(desk, story.id, "put_notice_release")
    (kept,) = releases(api, "sarc.worker", story.id)
    assert (kept["covers"], kept["form"]) == ("notice", "own_phone")
    sent = api("sarc.worker").act(story.id, "send", {"agreement": "agrees"})
    assert sent.status_code == 200, sent.content


def test_what_goes_back_to_the_sender_is_signed_for_in_the_same_way(story: Story, api: Any) -> None:
    story.create().send().accept()
    desk = at_the_desk("ywca.worker")
    given = ON_PHONE | {
        "fields_": ["connected"],
        "basis": "written_release",
        "attestations": return_body()["attestations"],
    }
    link = ask(desk, story.id, given, "put_return_release")
    paper = text_of(Pages().get(link).content)
    assert "with Demo City Police, and no one else" in paper
    draw(link)
    record(desk, story.id, "put_return_release")
    kept = releases(api, "ywca.worker", story.id)
    assert [(one["covers"], one["form"]) for one in kept] == [("outcome", "own_phone")]


def test_the_page_is_in_the_language_that_was_chosen(draft: Story) -> None:
    link = ask(officer(), draft.id, ON_PHONE | {"language": "es"})
    answer = Pages().get(link)
    assert '<html lang="es">' in answer.content.decode()
    assert "Mi permiso" in text_of(answer.content)


# -- Without what was signed, nothing says "signed" ------------------------------------------------


@pytest.mark.parametrize("form", ["screen", "own_phone", "e_signature"])
def test_a_member_cannot_say_that_it_was_signed(draft: Story, form: str, api: Any) -> None:
    told = [*release_body()["attestations"], "phone_is_safe"]
    for more in ({}, {"artifact_sha256": "a" * 64}):
        body = release_body(form=form, attestations=told, **more)
        answer = api("police.worker").act(draft.id, "put_release", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "signature_missing")


@pytest.mark.parametrize(
    ("form", "artifact", "code"),
    [
        ("screen", "a" * 64, None),
        ("own_phone", "0" * 64, None),
        ("written", "a" * 64, None),
        ("written", "", None),
        ("screen", "", "signature_missing"),
        ("own_phone", "", "signature_missing"),
        ("e_signature", "a" * 64, "signature_missing"),
        ("oral_witnessed", "a" * 64, "signature_missing"),
        ("screen", "A" * 64, "invalid"),
        ("screen", "a" * 63, "invalid"),
    ],
)
def test_a_system_names_how_it_was_signed_with_the_hash_of_its_artifact(
    form: str, artifact: str, code: str | None, api: Any
) -> None:
    story = Story(api, service_of("ywca"), sender="police.worker").create()
    told = release_body()["attestations"]
    told = [*told, "phone_is_safe"] if form == "own_phone" else told
    body = release_body(form=form, artifact_sha256=artifact, attestations=told)
    answer = api("police.client", "police.worker").act(story.id, "put_release", body)
    assert answer.json().get("code") == code, answer.content
    kept = releases(api, "police.worker", story.id)
    assert [(one["form"], one["artifact_sha256"]) for one in kept] == (
        [] if code else [(form, artifact)]
    )


def test_only_the_form_screen_says_signed_on_the_screen(draft: Story, api: Any) -> None:
    told = [*release_body()["attestations"], "signed_on_screen"]
    body = release_body(form="written", attestations=told)
    answer = api("police.client", "police.worker").act(draft.id, "put_release", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "signature_missing")


@pytest.mark.parametrize("form", ["screen", "own_phone", "e_signature", "signed", ""])
def test_the_database_takes_no_release_that_only_says_so(
    form: str, story: Story, api: Any, superuser: Any
) -> None:
    """sec.refuse_unsigned_release, whatever the code does."""
    story.create().sends("put_release", release_body())
    with superuser.cursor() as cursor, pytest.raises(Exception, match="no signature"):
        cursor.execute(
            "INSERT INTO release SELECT (jsonb_populate_record(r, jsonb_build_object("
            " 'id', gen_random_uuid(), 'form', %s::text, 'artifact_sha256', repeat('a', 64),"
            " 'signature_id', gen_random_uuid()))).* FROM release r",
            [form],
        )


def test_an_old_release_says_that_no_signature_was_kept(draft: Story, superuser: Any) -> None:
    draft.sends("put_release", release_body())
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE release SET form = 'e_signature'")
    page = text_of(officer().get(path_of(draft.id, "releases")).content)
    assert "No signature was kept" in page


def test_how_long_it_lasts_counts_from_the_signature(draft: Story, api: Any) -> None:
    desk = officer()
    draw(ask(desk, draft.id))
    record(desk, draft.id)
    (kept,) = releases(api, "police.worker", draft.id)
    ends, signed = (datetime.fromisoformat(kept[one]) for one in ("expires_at", "signed_at"))
    assert ends - signed <= timedelta(days=3)
    assert ends > datetime.now(UTC) + timedelta(days=2)


def test_police_told_is_what_the_paper_says(draft: Story) -> None:
    paper = text_of(Pages().get(ask(officer(), draft.id)).content)
    assert len(TOLD) == 6
    assert "that it has no effect on my case whether I sign or not" in paper
