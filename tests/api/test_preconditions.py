"""If-Match and If-None-Match as RFC 9110 says: lists, `*`, weak tags; and no read without its
entry."""

import time
from typing import Any

import pytest

from permissions import entity_tags
from tests.support.people.stories import Story
from tests.support.people.webhooks import receiver as receiver  # a fixture
from tests.support.proofs import routes
from tests.support.servers.webhook_receiver import Receiver

VERSION = '"0123456789abcdef"'
TAG = entity_tags.with_content(VERSION, b"content")
NO_LISTS = ["", "0123456789abcdef", TAG[:-1], TAG[1:], f"{TAG} {TAG}", f"{TAG}, x", f"w/{TAG}"]


@pytest.mark.no_database
@pytest.mark.parametrize("header", ["*", " * ", TAG, f'"other", {TAG}', f'"a,b" ,{TAG},', VERSION])
def test_a_strong_tag_of_a_list_or_a_star_is_current(header: str) -> None:
    assert entity_tags.is_current(header, VERSION)


@pytest.mark.no_database
@pytest.mark.parametrize("header", [f"W/{TAG}", '"other"', '"*"', f'* , "{TAG}"', *NO_LISTS])
def test_a_weak_tag_and_what_is_no_list_are_current_for_nothing(header: str) -> None:
    assert not entity_tags.is_current(header, VERSION)


@pytest.mark.no_database
def test_the_same_version_with_other_content_is_current_and_not_known() -> None:
    other = entity_tags.with_content(VERSION, b"other content")
    assert entity_tags.is_current(other, VERSION)
    assert not entity_tags.is_known(other, TAG)
    assert entity_tags.is_known(f"W/{TAG}", TAG), "weak comparison"
    assert not any(entity_tags.is_known(header, TAG) for header in NO_LISTS)


@pytest.mark.no_database
@pytest.mark.parametrize("part", ['"', ",", " ", '"a"', '"a",', '"a" , ', "W/", '"a",\t '])
def test_a_long_header_takes_no_time(part: str) -> None:
    began = time.monotonic()
    for end in ("", "x"):
        entity_tags.is_current(part * 20_000 + end, VERSION)
        entity_tags.is_known(part * 20_000 + end, VERSION)
    assert time.monotonic() - began < 2


def test_an_act_honours_lists_and_stars_and_no_weak_tag(story: Story, api: Any) -> None:
    story.create()
    officer, notice = api("police.worker"), routes.BODIES["put_notice"]
    path = f"/v1/referrals/{story.id}"

    def put(header: str) -> int:
        return int(officer.act(story.id, "put_notice", notice, If_Match=header).status_code)

    assert put(f"W/{officer.get(path)['ETag']}") == 412
    assert put('"another", "and another"') == 412
    assert put("not a tag") == 412
    assert put(f'"another", {officer.get(path)["ETag"]}') == 200
    assert put("*") == 200


def test_an_audited_read_that_is_answered_304_leaves_its_entry(
    story: Story, api: Any, superuser: Any
) -> None:
    story.accept()
    worker, path = api("ywca.worker"), f"/v1/referrals/{story.id}"
    first = worker.get(path)
    again = worker.get(path, If_None_Match=f'"other", {first["ETag"]}')
    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == first["ETag"]
    assert again["Cache-Control"] == first["Cache-Control"] == "no-store"
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT act, decision, referral_id::text FROM access_entry WHERE request_id = %s",
            [again["X-Request-Id"]],
        )
        assert cursor.fetchall() == [("referral.read", "allowed", story.id)]
    story.answers("start_handoff", {"mode": "phone"})
    changed = worker.get(path, If_None_Match=first["ETag"])
    assert (changed.status_code, changed.json()["status"]) == (200, "in_handoff")
    head = worker.http.head(path, headers=worker.headers({"If-None-Match": changed["ETag"]}))
    assert head.status_code == 304


def test_what_passes_by_itself_is_not_answered_as_known(
    story: Story, api: Any, shift_clock: Any
) -> None:
    """A release that ran out changes no version: an act with the tag of before is still current."""
    story.accept().release()
    officer, path = api("police.worker"), f"/v1/referrals/{story.id}"
    before = officer.get(path)
    assert before.json()["release"]["in_force"]
    shift_clock("6 days 1 hour")  # `closed` is shown after seven
    fresh = api("police.worker")
    after = fresh.get(path, If_None_Match=before["ETag"])
    assert (after.status_code, after.json()["release"]["in_force"]) == (200, False)
    done = fresh.act(story.id, "call_me", {}, If_Match=before["ETag"])
    assert done.status_code == 200


def test_what_one_may_not_see_is_404_whatever_tag_is_named(story: Story, api: Any) -> None:
    story.accept()
    tag = api("ywca.worker").get(f"/v1/referrals/{story.id}")["ETag"]
    for known in ("*", tag):
        answer = api("outsider.worker").get(f"/v1/referrals/{story.id}", If_None_Match=known)
        assert answer.status_code == 404


def test_a_webhook_is_answered_304_while_it_is_as_it_was(api: Any, receiver: Receiver) -> None:
    admin = api("ywca.admin")
    made = admin.post("/v1/webhooks", {"url": receiver.url})
    path = f"/v1/webhooks/{made.json()['id']}"
    first = admin.get(path)
    assert admin.get(path, If_None_Match=first["ETag"]).status_code == 304
    changed = admin.patch(path, {"paused": True}, If_Match=f'"other", {first["ETag"]}')
    assert changed.status_code == 200
    assert admin.get(path, If_None_Match=first["ETag"]).status_code == 200
    assert admin.patch(path, {"paused": False}, If_Match=f"W/{changed['ETag']}").status_code == 412
    assert admin.patch(path, {"paused": False}, If_Match="*").status_code == 200


def test_a_list_has_no_tag_and_is_never_304(story: Story, api: Any) -> None:
    story.send()
    answer = api("ywca.worker").get("/v1/referrals", If_None_Match="*")
    assert (answer.status_code, answer.has_header("ETag")) == (200, False)
