"""The pages of exports: a lead asks, another lead looks and confirms, the first one downloads."""

import re
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.support.people.desk_pages import at_the_desk, proofs_are_older, text_of
from tests.support.people.exports import (
    PAIR,
    PUBLIC,
    ask,
    opened,
    ready,
    second_lead,
    work,
)
from tests.support.people.stories import Story

PAGE = "/desk/exports"
LEAD = "police.lead"


def shown(pages: Any, path: str = PAGE) -> str:
    answer = pages.get(path)
    assert answer.status_code == 200, answer.content
    return text_of(answer.content)


def test_from_the_question_to_the_file(story: Story, api: Any) -> None:
    made = [Story(api, story.service_id).create().id for _ in range(2)]
    desk, second = at_the_desk(LEAD), second_lead().desk
    assert "There is no export." in shown(desk)
    assert "Exports of our referrals" in shown(desk, "/desk/told")
    asked = desk.submit(PAGE, {"public_key": PUBLIC})
    assert "Waits for a second lead" in text_of(asked.content)
    assert PAIR.thumbprint() in text_of(asked.content)
    assert "Look and confirm" not in text_of(asked.content), "not one's own"

    assert "Look and confirm" in shown(second)
    [path] = [one for one in links(second) if one.endswith("/confirm")]
    before = shown(second, path)
    assert PAIR.thumbprint() in before
    assert "Lou Sample" in before
    done = second.submit(path)
    assert "Is written" in text_of(done.content)
    work()
    assert "Ready" in shown(second)
    assert "2 referrals so far" in shown(desk)
    assert "so far" not in shown(second)
    [path] = [one for one in links(desk) if one.endswith("/download")]
    assert not [one for one in links(second) if one.endswith("/download")]
    answer = desk.get(path)
    text = b"".join(answer.streaming_content).decode()
    assert answer["Content-Disposition"].startswith("attachment")
    found = [line for part in text.splitlines() for line in opened(part)]
    assert [one["id"] for one in found] == made[::-1]

    [path] = [one for one in links(desk) if one.endswith("/end")]
    ended = desk.submit(path)
    assert "Deleted" in text_of(ended.content)
    assert "Ask for an export" in text_of(ended.content)


def links(pages: Any) -> list[str]:
    page = pages.get(PAGE).content.decode()
    return re.findall(rf'href="({PAGE}/[^"]+)"', page)


def test_a_key_may_come_as_a_file_and_not_as_both(api: Any) -> None:
    desk = at_the_desk(LEAD)
    file = SimpleUploadedFile("key.pem", PAIR.export_to_pem())
    both = desk.submit(PAGE, {"public_key": PUBLIC, "key_file": file})
    assert both.status_code == 400
    assert "not both" in text_of(both.content)
    file = SimpleUploadedFile("key.pem", PAIR.export_to_pem())
    assert "Waits for a second lead" in text_of(desk.submit(PAGE, {"key_file": file}).content)


def test_a_private_key_is_not_kept_or_shown_again(api: Any, superuser: Any) -> None:
    desk = at_the_desk(LEAD)
    private = PAIR.export_private()
    answer = desk.submit(PAGE, {"public_key": private})
    assert answer.redirect_chain
    assert "private key" in text_of(answer.content)
    assert private[:40] not in answer.content.decode()
    assert "There is no export." in text_of(answer.content)


def test_what_is_wrong_is_said_at_its_field(api: Any) -> None:
    desk = at_the_desk(LEAD)
    for given, words in (
        ({}, "Paste the key or choose a file"),
        ({"public_key": "no key"}, "cannot be read as a public key"),
        ({"key_file": SimpleUploadedFile("key", b"\xff\xfe\x00")}, "not text"),
    ):
        answer = desk.submit(PAGE, given)
        assert answer.status_code == 400
        assert words in text_of(answer.content)


def test_asking_and_confirming_need_a_fresh_proof(api: Any) -> None:
    export_id = ask(api(LEAD))
    for pages, path in (
        (second_lead().desk, f"{PAGE}/{export_id}/confirm"),
        (at_the_desk("ywca.lead"), PAGE),
    ):
        form = pages.hidden(path)
        proofs_are_older(pages, 15 * 60 + settings.FRESH_PROOF_S)
        answer = pages.http.post(path, form | {"public_key": PUBLIC})
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/confirm")
    work()
    assert "Waits for a second lead" in shown(second_lead().desk)
    assert "There is no export." in shown(at_the_desk("ywca.lead"))


def test_the_system_that_asked_is_named(api: Any) -> None:
    ask(api("police.client", LEAD))
    second = second_lead().desk
    [path] = [one for one in links(second) if one.endswith("/confirm")]
    assert "A system asked for it in their name" in shown(second, path)
    assert "by the system" in shown(second)


@pytest.mark.parametrize("tail", ["confirm", "end", "download"])
def test_a_foreign_id_is_answered_like_a_random_one(tail: str, api: Any) -> None:
    _lead, export_id = ready(api)
    desk = at_the_desk("ywca.lead", csrf=False)
    for method in ("get", "post"):
        if method == "post" and tail == "download":
            continue
        foreign, random = (
            getattr(desk.http, method)(f"{PAGE}/{one}/{tail}") for one in (export_id, uuid4())
        )
        assert (foreign.status_code, text_of(foreign.content)) == (404, text_of(random.content))
        assert set(foreign.headers) == set(random.headers)
    assert "Ready" in shown(second_lead().desk)


def test_only_who_asked_downloads_and_no_one_confirms_their_own(story: Story, api: Any) -> None:
    story.create()
    _lead, export_id = ready(api)
    assert second_lead().desk.get(f"{PAGE}/{export_id}/download").status_code == 403
    worker = at_the_desk("police.worker")
    for path in (PAGE, f"{PAGE}/{export_id}/download", f"{PAGE}/{export_id}/end"):
        assert worker.get(path).status_code == 403
    other = ask(second_lead().caller)
    assert second_lead().desk.get(f"{PAGE}/{other}/confirm").status_code == 403
    assert at_the_desk(LEAD).get(f"{PAGE}/{export_id}/confirm").status_code == 403


def test_the_background_sign_in_is_named_on_the_own_account(api: Any) -> None:
    ask(api(LEAD))
    assert "The background work, for an export" in shown(at_the_desk(LEAD), "/desk/account")
