"""The main job in a real browser, without script, on a phone and on a wide screen.

Officer → advocate → officer → advocate → auditor, each signing in with password and code.
"""

import re

import pytest
from playwright.sync_api import expect

from tests.support.people.browser import SIZES, TRIED, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.stories import PACKET

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("size", TRIED.values(), ids=TRIED)
def test_from_the_officers_call_to_the_auditors_proof(chromium, server, size):
    officer, advocate, colleague, auditor, other = (Desk(chromium, server, size) for _ in range(5))

    # The officer finds a service and sends an emergency: the next page is the number to call.
    officer.sign_in_on_the_pages("police.worker")
    officer.follow("Directory")
    officer.page.get_by_label("What do you need, and where?").fill("advocacy safety")
    officer.press("Search")
    officer.follow("Advocacy and safety planning")
    officer.follow("Make a referral")
    officer.choose(
        "Emergency: answer within minutes", "Personal advocacy", "Speak with the survivor now"
    )
    officer.page.get_by_label("Your callback number").fill("406-555-0111")
    officer.choose("Yes, to this notice")
    officer.press("Send now")
    officer.sees("Sent. Now call them.")
    assert officer.page.get_by_role("link", name="406-555-0130").get_attribute("href") == (
        "tel:4065550130"
    )
    reference = officer.page.locator(".reference").inner_text().replace("\N{NO-BREAK SPACE}", "")
    assert re.fullmatch("[B-DF-HJ-NP-TV-XZ]{6}", reference)
    officer.follow("Go to the referral")
    officer.sees("No one there has answered yet.")

    # The advocate finds it on top of her inbox, looks, accepts.
    advocate.sign_in_on_the_pages("ywca.worker")
    advocate.sees("Act now")
    advocate.sees(re.compile("1[0-4] min left"))
    advocate.sees(reference)
    advocate.page.get_by_role("link", name=re.compile(reference)).click()
    advocate.sees("Your agency needs to answer.")
    referral = advocate.page.url
    advocate.press("Acknowledge")
    advocate.follow("Accept")
    advocate.sees("Personal advocacy")
    advocate.press("Accept")
    advocate.sees("Accepted and assigned to you.")
    expect(advocate.page.get_by_role("link", name="Open the packet")).to_have_count(0)

    # The officer learns that somebody said yes, records her permission, writes the packet.
    officer.page.reload()
    officer.sees("They said yes")
    officer.follow("Record permission")
    officer.choose("Name", "Phone", "How to contact them safely")
    officer.press("Continue")
    officer.choose("Verbal, to you")
    officer.press("Continue")
    officer.choose("The survivor is 18 or over")
    for told in officer.page.locator('input[name="attestations"]').all():
        told.check()
    officer.press("Record permission")
    officer.sees("The permission is recorded.")
    officer.follow("Write the packet")
    officer.page.get_by_label("Name", exact=True).fill(PACKET["name"])
    officer.page.get_by_label("Phone", exact=True).fill(PACKET["phone"])
    officer.page.get_by_label("How to contact them safely").fill(PACKET["safe_contact"])
    officer.press("Save packet")
    officer.sees("The packet is saved and sealed.")
    officer.sees_not(PACKET["name"])

    # It opens for the advocate who accepted, for a purpose, and for nobody else.
    advocate.page.goto(referral)
    advocate.sees_not(PACKET["name"])
    advocate.follow("Open the packet")
    expect(advocate.page.get_by_label("Intake", exact=True)).to_be_checked()
    advocate.press("Open")
    for value in PACKET.values():
        advocate.sees(value)
    advocate.sees("Keep it out of patient portals")
    advocate.page.emulate_media(media="print")
    advocate.sees(
        "Do not share it further without asking the survivor."
    )  # it goes with the paper, too
    advocate.page.emulate_media(media="screen")
    assert advocate.page.url == f"{referral}/open_packet"
    advocate.follow("Close")
    advocate.sees_not(PACKET["name"])
    advocate.page.go_back()
    advocate.sees("Why are you opening this?")
    advocate.sees_not(PACKET["name"])
    advocate.page.goto(referral)
    colleague.sign_in("ywca.worker2")
    colleague.page.goto(referral)
    colleague.sees("Accepted")
    expect(colleague.page.get_by_role("link", name="Open the packet")).to_have_count(0)
    other.sign_in("outsider.worker")
    assert other.page.goto(referral).status == 404
    other.sees("There is nothing here that you may see.")

    # The hand-off and what came of it: the officer is shown nothing of it.
    advocate.follow("Start hand-off")
    advocate.choose("Three-way call")
    advocate.choose("I read in the packet how to contact the survivor safely")
    advocate.press("Start")
    advocate.follow("Complete referral")
    advocate.choose("Spoke with an advocate")
    advocate.press("Complete")
    advocate.sees("Completed")
    officer.page.reload()
    officer.sees("They said yes")
    officer.sees_not("Completed")
    officer.sees_not("Hand-off")

    # The auditor proves who opened what, and reads no value.
    auditor.sign_in("ywca.auditor")
    # The log is never emptied: entries of other tests, under a shifted clock, may stand above.
    auditor.page.goto(f"/desk/access-log?referral={referral.rstrip('/').rsplit('/', 1)[1]}")
    auditor.sees("Opened a packet")
    opened = auditor.page.locator("tr", has_text="Opened a packet").first
    expect(opened).to_contain_text("Yve Example")
    expect(opened).to_contain_text("Intake")
    expect(opened).to_contain_text("Name, Phone, How to contact them safely")
    for value in PACKET.values():
        auditor.sees_not(value)

    for desk in (officer, advocate, colleague, auditor):
        for value in (*PACKET.values(), reference, "safety planning", "Example"):
            assert not any(value in title for title in desk.titles), desk.titles
        desk.press("Sign out")
        desk.sees("You are signed out")
        desk.context.close()
    other.context.close()


def test_leaving_quickly_works_under_the_policy_of_our_own_pages(chromium, server):
    desk = Desk(chromium, server, SIZES["phone"])
    desk.sign_in("ywca.worker")
    with desk.page.expect_request("https://www.weather.gov/") as asked:
        desk.page.get_by_role("button", name="Quick exit").click()
    assert "referer" not in asked.value.headers
    # The name does not resolve here: that is the only thing that may have gone wrong.
    assert not [one for one in desk.complaints if "weather.gov" not in one or "Policy" in one]
    desk.page = desk.context.new_page()
    desk.page.goto("/desk/")
    desk.sees("Sign in")
    desk.context.close()
