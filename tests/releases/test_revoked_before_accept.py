"""She tells the recipient "don't share my file" before it accepts: what lies ready for it ends, and
it learns by nothing whether there was any (acts 15 and 25; R1, R2).
"""

from typing import Any

import pytest

from tests.support.ground.database import as_app
from tests.support.ground.races import Race, act, in_order
from tests.support.ground.races import race as race  # a fixture
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import PACKET, Story, service_of
from tests.support.proofs.sender_view import Sender, changes, comparable

__all__ = ["race"]

ORAL = {"via": "oral"}
# Tables of which the recipient's people read rows before the accept; `referral` by what it serves.
ROWS = ("referral_side", "referral_event", "referral_assignment", "release", "release_end")


def with_a_packet(story: Story) -> Story:
    return story.create().release(*PACKET).packet(**PACKET).send()


def begun(api: Any, *, packet: bool, state: str = "acknowledged") -> Story:
    story = Story(api, service_of("ywca"))
    if packet:
        with_a_packet(story)
    else:
        story.send()
    return story.answers("acknowledge") if state == "acknowledged" else story


def all_that_she_gets(api: Any, story: Story) -> list[Any]:
    """The recipient's side, less ids and moments: answers, and how many rows there are to read."""
    path = f"/v1/referrals/{story.id}"
    found: list[Any] = []
    for who in ("ywca.worker", "ywca.lead", "ywca.worker2"):
        caller = api(who)
        found += [comparable(caller.get(path + part)) for part in ("", "/history", "/releases")]
        with as_app(caller) as cursor:
            for table in (*ROWS, "packet_grant"):
                of = "content_object_id" if table == "referral_assignment" else "referral_id"
                if table == "release_end":
                    cursor.execute("SELECT count(*) FROM release_end")
                else:
                    cursor.execute(f"SELECT count(*) FROM {table} WHERE {of} = %s", [story.id])
                found.append((who, table, cursor.fetchone()))
    return found


@pytest.mark.parametrize("state", ["sent", "acknowledged"])
def test_the_recipient_is_answered_alike_whether_there_was_anything_or_not(
    state: str, api: Any
) -> None:
    told = []
    for packet in (True, False):
        story = begun(api, packet=packet, state=state)
        lead, path = api("ywca.lead"), f"/v1/referrals/{story.id}"
        seen, answers = [all_that_she_gets(api, story)], []
        etags = [lead.get(path)["ETag"]]
        for _ in range(3):
            answers.append(lead.act(story.id, "revoke_release", ORAL, If_Match=etags[-1]))
            etags.append(answers[-1]["ETag"])
            assert lead.get(path)["ETag"] == etags[-1], "the tag she is answered is the one it has"
            seen.append(all_that_she_gets(api, story))
        assert [answer.status_code for answer in answers] == [200] * 3, answers[0].content
        assert seen[1] == seen[2] == seen[3], "twice is once"
        moved = [one != etags[0] for one in etags[1:]], [one == etags[1] for one in etags[1:]]
        told.append((seen, [comparable(one) for one in answers], moved))
        steps = lead.get(f"{path}/history").json()["items"]
        assert [step["act"] for step in steps].count("revoke_release") == 1
        assert answers[0].json()["release_ended"] is False, "she is shown no release"
    assert told[0] == told[1]


@pytest.mark.parametrize("who", ["ywca.worker", "ywca.lead"])
def test_the_packet_stays_sealed_at_the_accept(who: str, api: Any) -> None:
    story = begun(api, packet=True)
    assert api(who).act(story.id, "revoke_release", ORAL).status_code == 200
    story.answers("accept")
    recipient, police = api("ywca.worker"), api("police.worker")
    sealed = recipient.act(story.id, "open_packet", {"purpose": "intake"})
    assert (sealed.status_code, sealed.json()["code"]) == (409, "sealed")
    more = police.act(story.id, "put_packet", {"packet": {"name": "Another"}})
    assert (more.status_code, more.json()["code"]) == (409, "no_release")
    (kept,) = recipient.get(f"/v1/referrals/{story.id}/releases").json()["items"]
    assert (kept["ended"], kept["end"]["revoked_via"]) == (True, "oral"), "from the accept on"
    (theirs,) = police.get(f"/v1/referrals/{story.id}/releases").json()["items"]
    assert (theirs["ended"], theirs["end"]) == (True, None)
    story.release("name")  # her new permission opens what it names
    opened = recipient.act(story.id, "open_packet", {"purpose": "intake"}).json()
    assert set(opened["packet"]) == {"name"}


def test_the_sender_is_shown_that_it_ended_where_there_was_one_and_else_nothing(api: Any) -> None:
    for packet in (True, False):
        story, sender = begun(api, packet=packet), Sender(api)
        before = sender.view(story.id)
        for _ in range(2):
            assert api("ywca.worker").act(story.id, "revoke_release", ORAL).status_code == 200
        after, detail = sender.view(story.id), f"/v1/referrals/{story.id}"
        if not packet:
            assert after == before
            continue
        for old, new in zip(before, after, strict=True):
            if old[1] == detail:
                assert changes(old, new) <= {"release_ended", "release.in_force"}
            elif old[1] not in ("referral", "release"):
                assert old == new, (old[0], old[1])
        police = api("police.worker").get(detail)
        assert police.json()["release_ended"] is True
        assert police.json()["release"]["in_force"] is False


def test_a_new_release_ends_by_a_new_word(api: Any) -> None:
    story = begun(api, packet=False)
    lead = api("ywca.lead")
    for number in (1, 2):
        story.release("name")
        for _ in range(2):
            assert lead.act(story.id, "revoke_release", ORAL).status_code == 200
        steps = lead.get(f"/v1/referrals/{story.id}/history").json()["items"]
        assert [step["act"] for step in steps].count("revoke_release") == number
        police = api("police.worker").get(f"/v1/referrals/{story.id}").json()
        assert (police["release_ended"], police["release"]["in_force"]) == (True, False)


def test_before_its_accept_nothing_is_narrowed_by_who_may_not_see_it(api: Any) -> None:
    for state in ("sent", "acknowledged", "declined"):
        told = []
        for packet in (True, False):
            story = begun(api, packet=packet, state=state)
            if state == "declined":
                story.answers("decline", {"code": "other"})
            lead = api("ywca.lead")
            shown = lead.get(f"/v1/referrals/{story.id}").json()
            assert "narrow_release" not in shown["acts"]
            assert "revoke_release" in shown["acts"]
            answer = lead.act(story.id, "narrow_release", {"fields": ["name"]})
            assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
            told.append(comparable(answer))
        assert told[0] == told[1]


def test_nothing_was_given_where_she_ended_it_before_the_accept(api: Any) -> None:
    """45 CFR 164.528: the accounting counts what could be opened."""
    for ended, given in ((False, 1), (True, 0)):
        story = begun(api, packet=True)
        if ended:
            story.answers("revoke_release", ORAL)
        story.answers("accept")
        if not ended:
            story.answers("revoke_release", ORAL)  # it could be opened until then
        told = api("police.worker").act(story.id, "account_disclosures", {"purpose": "review"})
        assert len(told.json()["given"]) == given, ended


def test_after_its_accept_there_is_a_release_to_end_or_there_is_none(api: Any) -> None:
    story = begun(api, packet=False)
    story.answers("accept")
    answer = api("ywca.worker").act(story.id, "revoke_release", ORAL)
    assert (answer.status_code, answer.json()["code"]) == (409, "no_release")


def test_others_of_the_recipient_end_nothing(api: Any) -> None:
    story = begun(api, packet=True)
    answer = api("ywca.worker2").act(story.id, "revoke_release", ORAL)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_assigned")
    assert api("police.worker").get(f"/v1/referrals/{story.id}").json()["release_ended"] is False


@pytest.mark.parametrize("revoke_first", [True, False])
def test_an_accept_at_the_same_time_opens_nothing_that_she_ended(
    revoke_first: bool,
    race: Race,
    story: Story,
    api: Any,
) -> None:
    with_a_packet(story)
    calls = [
        act(api, "ywca.lead", story, "revoke_release"),
        act(api, "ywca.worker", story, "accept"),
    ]
    if not revoke_first:
        calls.reverse()
    answers = in_order(race, story, *calls)
    assert [answer.status_code for answer in answers] == [200, 200]
    sealed = api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"})
    assert (sealed.status_code, sealed.json()["code"]) == (409, "sealed")
    assert api("police.worker").get(f"/v1/referrals/{story.id}").json()["release_ended"] is True


def test_the_desk_offers_it_and_says_no_more_than_is_known(api: Any) -> None:
    pages = []
    for packet in (True, False):
        story = begun(api, packet=packet)
        desk = at_the_desk("ywca.worker")
        one = f"/desk/referrals/{story.id}"
        page = desk.get(one).content.decode()
        assert f"{one}/revoke_release" in page
        assert f"{one}/narrow_release" not in page
        asked = text_of(desk.get(f"{one}/revoke_release").content.decode())
        done = desk.submit(f"{one}/revoke_release", ORAL)
        said = "Done. The packet is closed" in text_of(done.content.decode())
        pages.append((asked, said))
    assert pages[0][1] is pages[1][1] is True
    assert "has ended" not in pages[0][0]
