"""At the desk of a victim service provider: sign, then send; or a number and a call record."""

from typing import Any

import pytest

from permissions.policy import disclosure
from tests.support.ground.stored_rows import content_rows, rows
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import TOLD, Story, service_of

ASKED = {
    "urgency": "urgent",
    "needs": ["shelter"],
    "callback": "406-555-0141",
    "wanted": "call_worker",
    "agreement": "agrees",
}
SIGNED = {
    "purpose": "receive_service",
    "basis": "written_release",
    "form": "written",
    "lasts": "7",
    "consenters": ["self"],
    "adult": "on",
    "attestations": TOLD,
}


@pytest.fixture
def advocate() -> Any:
    return at_the_desk("sarc.worker")


def new() -> str:
    return f"/desk/referrals/new?service={service_of('ywca')}"


def filled(**changed: Any) -> dict[str, Any]:
    return ASKED | {"send": "1"} | changed


def test_a_notice_is_signed_for_and_then_sent(advocate: Any, api: Any) -> None:
    page = text_of(advocate.get(new()).content)
    assert "only with the survivor's signature" in page
    asked = advocate.submit(new(), filled())
    path = asked.request["PATH_INFO"]
    assert path.endswith("/put_notice_release")
    assert "Not sent. It is saved as a draft." in text_of(asked.content)
    assert "oral_witnessed" not in asked.content.decode()
    assert 'name="fields_"' not in asked.content.decode()
    done = text_of(advocate.submit_steps(path, SIGNED).content)
    assert "The permission for the notice is recorded." in done
    sent = advocate.submit(path.replace("put_notice_release", "send"), {"agreement": "agrees"})
    assert "Sent. They can see it now." in text_of(sent.content)
    releases = path.replace("put_notice_release", "releases")
    assert "The notice" in text_of(advocate.get(releases).content)
    revoke = path.replace("put_notice_release", "revoke_release")
    assert 'value="notice"' in advocate.get(revoke).content.decode()
    ended = advocate.submit(revoke, {"via": "oral", "covers": "notice"})
    assert "Withdrawn" in text_of(ended.content)


@pytest.mark.parametrize("agreement", sorted(disclosure.NOTICE_NOT_ASKED))
def test_who_could_not_be_asked_is_called_about_and_nothing_is_kept(
    agreement: str, advocate: Any, superuser: Any
) -> None:
    before = content_rows(superuser)
    given = filled(agreement=agreement, wanted="come_here")
    page = advocate.submit(new(), given).content.decode()
    assert "Call them instead" in text_of(page)
    assert "Nothing was stored." in text_of(page)
    assert "406-555-0130" in page
    assert f"/desk/calls/new?service={service_of('ywca')}" in page
    assert content_rows(superuser) == before
    call = {"outcome": "reached", "put_through": "yes"}
    path = f"/desk/calls/new?service={service_of('ywca')}"
    recorded = advocate.submit(path, call)
    assert "The call is recorded." in text_of(recorded.content)


def test_a_draft_about_someone_who_could_not_be_asked_is_erased(advocate: Any, api: Any) -> None:
    story = Story(api, service_of("ywca"), sender="sarc.worker").create(wanted="come_here")
    path = f"/desk/referrals/{story.id}"
    page = text_of(advocate.submit(f"{path}/send", {"agreement": "cannot_say"}).content)
    assert "Call them instead" in page
    assert "The draft and everything in it were deleted." in page
    assert advocate.get(path).status_code == 404


def test_who_does_not_sign_is_called_about_and_the_draft_is_erased(
    advocate: Any, superuser: Any
) -> None:
    """Without a signature the way that is left is the telephone, and nothing is kept of them."""
    tally = "SELECT coalesce(sum(offered), 0) FROM agreement_tally"
    before = rows(superuser, tally)
    path = advocate.submit(new(), filled()).request["PATH_INFO"]
    asked = text_of(advocate.get(path).content)
    assert "If they do not sign, nothing about them may be sent or kept here." in asked
    send = path.replace("put_notice_release", "send")
    page = text_of(advocate.submit(path, {"agreement": "cannot_say"}, action=send).content)
    assert "Call them instead" in page
    assert "406-555-0130" in page
    assert "The draft and everything in it were deleted." in page
    assert advocate.get(path.removesuffix("/put_notice_release")).status_code == 404
    assert rows(superuser, "SELECT FROM referral WHERE sent_at IS NULL") == []
    assert rows(superuser, tally) == before


def test_officers_are_asked_none_of_it(api: Any, story: Story) -> None:
    officer = at_the_desk("police.worker")
    page = text_of(officer.get(new()).content)
    assert "only with the survivor's signature" not in page
    story.create()
    own = officer.get(f"/desk/referrals/{story.id}/put_notice_release").content.decode()
    assert "They do not sign" not in own
    draft = officer.get(f"/desk/referrals/{story.id}").content.decode()
    assert "put_notice_release" not in draft
    revoke = officer.get(f"/desk/referrals/{story.release().id}/revoke_release").content.decode()
    assert 'name="covers"' not in revoke
    assert officer.submit(
        f"/desk/referrals/{story.id}/revoke_release", {"via": "oral"}
    ).status_code in (200, 302)
