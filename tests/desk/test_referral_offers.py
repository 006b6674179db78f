"""What a referral's page offers to do, and what it says of the packet."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.people.desk_pages import Pages, at_the_desk, text_of
from tests.support.people.stories import PACKET, Story, return_body


def offered(pages: Pages, story: Story) -> dict[str, str]:
    """Each act that the page offers: "first" (the main one), "next" to it, or "menu"."""
    path = f"/desk/referrals/{story.id}"
    page = pages.get(path).content.decode()
    before, _, menu = page.partition('<details class="more acts')
    menu = menu.partition("</details>")[0]
    link = re.compile(rf'(?:href|action)="{path}/(\w+)"')
    buttons = re.search(r'<div class="buttons">(.*?)</div>', before, re.S)
    now = link.findall(buttons[1]) if buttons else []
    found = dict.fromkeys(link.findall(menu), "menu") | dict.fromkeys(now, "next")
    return found | ({now[0]: "first"} if now else {})


def test_a_new_one_is_accepted_declined_or_acknowledged(story: Story) -> None:
    story.send()
    worker, lead = (offered(at_the_desk(f"ywca.{who}"), story) for who in ("worker", "lead"))
    answers = {"accept": "first", "decline": "next", "acknowledge": "next"}
    assert worker == answers
    assert answers.items() <= lead.items()
    assert not {"take_over", "hand_over", "open_packet", "end_hold"} & set(lead)


def test_the_packet_is_offered_when_it_opens(story: Story) -> None:
    advocate, officer = at_the_desk("ywca.worker"), at_the_desk("police.worker")
    story.accept()

    def says(pages: Pages) -> str:
        return text_of(pages.get(f"/desk/referrals/{story.id}").content)

    assert "open_packet" not in offered(advocate, story)
    assert offered(advocate, story)["start_handoff"] == "first"
    assert "Packet: Nothing to open." in says(advocate)
    assert "Packet: Not written yet." in says(officer)
    assert offered(officer, story)["put_release"] == "first"
    story.release(*PACKET)
    assert "Packet: Not written yet." in says(advocate)
    assert offered(officer, story)["put_packet"] == "first"
    story.packet(**PACKET, health="stays here")
    assert "Packet: Ready: 3 fields." in says(advocate)
    assert "Packet: Ready: 4 fields. The other agency can open 3 of them until" in says(officer)
    assert offered(advocate, story)["open_packet"] == "first"
    assert offered(officer, story)["put_packet"] == "menu"
    assert "Packet:" not in says(at_the_desk("ywca.worker2")), "not assigned"
    story.sends("revoke_release", {"via": "oral"})
    assert "permission has ended. You can no longer open the packet." in says(advocate)
    assert "permission has ended. The other agency can no longer open" in says(officer)
    assert "open_packet" not in offered(advocate, story)
    assert "The other agency can open none of it." in says(officer)


def test_sharing_is_stopped_where_something_is_shared(story: Story) -> None:
    story.accept().answers("start_handoff", {"mode": "phone"})
    story.answers("complete", {"outcome": "served"})
    advocate, officer = at_the_desk("ywca.worker"), at_the_desk("police.worker")
    assert "revoke_return_release" not in offered(advocate, story)
    before = offered(officer, story)
    story.answers("put_return_release", return_body())
    assert offered(advocate, story)["revoke_return_release"] == "menu"
    assert offered(officer, story) == before, "nothing there shows that there is one"
    returned = officer.get(f"/desk/referrals/{story.id}/returned").content.decode()
    assert f"/desk/referrals/{story.id}/revoke_return_release" in returned


@pytest.mark.parametrize("released", [True, False])
def test_before_it_is_sent_the_page_shows_what_they_will_see(story: Story, released: bool) -> None:
    story.create(age_band="adult", urgency="urgent")
    if released:
        ends = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        story.release("name", "phone", expires_at=ends).packet(
            name="Invented Person", health="stays here"
        )
    page = text_of(at_the_desk("police.worker").get(f"/desk/referrals/{story.id}/send").content)
    now, _, later = page.partition("After it accepts")
    assert "Urgent: answer within the hour" in now
    assert "406-555-0111" in now
    assert "Invented Person" not in page
    if released:
        assert re.search(r"can open these fields .* Name Phone \(not written yet\) ", later)
        assert "Health" not in later
    else:
        assert "Nothing more. No permission is on file" in later
