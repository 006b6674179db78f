"""At the end of a shift a member hands over all that they hold, in one step."""

import re
from typing import Any

from tests.support.people.callers import member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import Story, seen, service_of

SHIFT = "/desk/shift"


def holder(api: Any, who: str, story: Story) -> str:
    return str(seen(api, who, story.id)["holder"]["id"])


def test_what_is_held_is_handed_over_and_nothing_else(api: Any) -> None:
    sarc = service_of("sarc")

    def story() -> Story:
        return Story(api, sarc, recipient="sarc.worker").create().send()

    waiting, taken = story().answers("acknowledge"), story().answers("accept")
    done = story().answers("accept").answers("complete", {"outcome": "served"})
    theirs = story()
    assert api("sarc.worker2").act(theirs.id, "acknowledge", {}).status_code == 200
    desk = at_the_desk("sarc.worker")
    offered = re.findall(r'name="referrals" value="([^"]+)"', desk.get(SHIFT).content.decode())
    assert {waiting.id, taken.id} <= set(offered)
    assert not {done.id, theirs.id} & set(offered)
    chosen = {"member_id": str(member_id("sarc.worker2")), "referrals": [waiting.id, taken.id]}
    answer = text_of(desk.submit(SHIFT, chosen).content)
    assert "2 referrals are handed over." in answer
    for one in (waiting, taken):
        assert holder(api, "sarc.worker2", one) == str(member_id("sarc.worker2"))
    assert holder(api, "sarc.worker", done) == str(member_id("sarc.worker"))
    again = desk.http.post(SHIFT, desk.hidden("/desk/", "/accounts/logout") | chosen)
    assert again.status_code == 200, "they are no longer held: the form says so"
    assert holder(api, "sarc.worker2", taken) == str(member_id("sarc.worker2"))


def test_what_cannot_be_handed_over_stays_and_is_named(api: Any) -> None:
    sarc = service_of("sarc")
    free, barred = (Story(api, sarc, recipient="sarc.worker").send().accept() for _ in range(2))
    body = {"member_id": str(member_id("sarc.worker2"))}
    barred.answers("block", body)
    desk = at_the_desk("sarc.worker")
    said = text_of(desk.submit(SHIFT, body | {"referrals": [free.id, barred.id]}).content)
    assert "1 referral is handed over." in said
    assert "was not handed over. This member is barred from it" in said
    assert holder(api, "sarc.worker", barred) == str(member_id("sarc.worker"))


def test_an_auditor_and_an_administrator_have_none(api: Any) -> None:
    for who in ("sarc.auditor", "sarc.admin"):
        answer = at_the_desk(who).get(SHIFT, follow=True)
        assert 'name="referrals"' not in answer.content.decode()
        assert answer.status_code in (200, 403)
