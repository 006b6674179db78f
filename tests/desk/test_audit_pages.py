"""The auditor's desk: filters, trails, files, counts, the seals and their check; and who else may
read the log, which the agency's administrator says. Some of it in a real browser."""

import ast
import html
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser

from api.desk import log_labels
from api.desk.audit import reason_labels
from api.desk.problem_texts import PROBLEMS
from permissions.audit.writer import log_operator_change
from permissions.models import Client
from referrals import worker as job_worker
from referrals.codes import CODE_LISTS
from tests.desk.audit_log import ENTRIES, LOG
from tests.desk.audit_log import worked_on as worked_on  # a fixture
from tests.support.ground.live_server import Server
from tests.support.ground.repository import REPOSITORY
from tests.support.people.access_log import acts_that_are_logged, handle, leads_on
from tests.support.people.browser import SIZES, TRIED, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import PACKET, Story
from tests.support.servers.webhook_receiver import receivers


def test_each_filter_of_the_page_shows_what_fits(worked_on: Story, superuser: Any) -> None:
    auditor = at_the_desk("ywca.auditor")
    subject = handle(superuser, worked_on.id, "ywca")
    here = {"referral": worked_on.id}  # other tests leave entries, of times to come as well
    for query, shows, not_this in (
        (here | {"purpose": "safety"}, "Opened a packet For the survivor's safety", "Accepted"),
        (here | {"self_assigned": "on"}, "Self-assigned to a referral", "Opened a packet For"),
        (
            here | {"decision": "refused"},
            "Refused : not one of those who work on it . Tried: “Viewed permissions”",
            "Opened a packet For",
        ),
        ({"subject": subject, "act": "referral.accept"}, subject, "Opened a packet For"),
        ({"member": str(member_id("ywca.lead"))}, "The trail of Yara Sample", "Yve Example Opened"),
    ):
        page = auditor.get(LOG, query).content
        # Other tests' entries may fill a look of two filters: on until it has looked at all.
        while shows not in text_of(page) and (earlier := leads_on(page.decode())):
            page = auditor.get(LOG, earlier).content
        shown = text_of(page)
        assert shows in shown, query
        assert not_this not in shown.partition(ENTRIES)[2], query


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"subject": "bad"}, "Survivor, by your agency's ID for them: That is not an ID."),
        ({"member": "bad"}, "Who: That is not an ID."),
        ({"act": "referral.open"}, "What: Select a valid choice."),
        ({"purpose": "zzz"}, "Purpose: Select a valid choice."),
        ({"since": "2026-02-01T00:00", "until": "2026-01-01T00:00"}, "Nothing can match"),
        ({"member_id": "01890000-0000-7000-8000-0000000000aa"}, "This link is not valid."),
        ({"subject": ["", ""]}, "A filter is given twice"),
        ({"reference": "ABC"}, "Reference: A reference has six letters."),
        ({"reference": "BCDFGH", "referral": str(uuid4())}, "the reference or the ID, not both"),
    ],
)
def test_a_filter_that_is_wrong_or_unknown_shows_and_exports_nothing(
    worked_on: Story, query: dict[str, Any], says: str
) -> None:
    auditor = at_the_desk("ywca.auditor")
    for path, more in ((LOG, {}), (f"{LOG}/export", {"format": "ndjson"})):
        answer = auditor.get(path, query | more)
        assert answer.status_code == 400, path
        shown = text_of(answer.content)
        assert says in shown, path
        assert ENTRIES not in shown
        assert "Download all results" not in shown
    assert at_the_desk("ywca.worker").get(LOG, {"subject": "bad"}).status_code == 403


def test_whoever_may_not_read_the_log_is_an_entry_of_what_she_tried(superuser: Any) -> None:
    worker, exported = at_the_desk("ywca.worker"), "access_log.export"
    for path, act in ((f"{LOG}?", "access_log.read"), (f"{LOG}/export?format=csv&", exported)):
        for query in ("", "subject=bad"):
            answer = worker.get(path + query)
            assert answer.status_code == 403
            with superuser.cursor() as cursor:
                cursor.execute(
                    "SELECT act, decision, rule FROM access_entry WHERE request_id = %s",
                    [answer["X-Request-Id"]],
                )
                assert cursor.fetchall() == [(act, "refused", "role_missing")]


def test_the_page_says_what_it_shows_and_where_it_found_nothing(worked_on: Story) -> None:
    auditor = at_the_desk("ywca.auditor")
    lead = str(member_id("ywca.lead"))
    nobody = "01890000-0000-7000-8000-0000000000aa"
    for query, says in (
        ({}, "Shown: everything at Demo Women's Centre."),
        ({"decision": "refused"}, "Shown: refusals. Show everything at Demo Women's Centre"),
        ({"self_assigned": "on"}, "Shown: leads who assigned themselves to a referral."),
        (
            {"member": lead, "act": "referral.accept", "since": "2026-01-01T00:00"},
            "Shown: “Accepted”, by Yara Sample, or a system for them,"
            " from Jan 1, 2026, 12:00:00 a.m. MST.",
        ),
        (
            {"member": nobody, "act": "referral.list"},
            "No matches: “Viewed the inbox”, by a former member …\N{WORD JOINER}0000000000aa",
        ),
        (
            {"purpose": "safety", "referral": worked_on.id},
            ("for the purpose “For the survivor's safety”,"),
        ),
    ):
        shown = text_of(auditor.get(LOG, query).content)
        assert says in shown, query
        assert "From, in America/Denver" in shown, "the filter's times have a zone"
    page = auditor.get(LOG, {"member": nobody}).content.decode()
    assert f'<option value="{nobody}" selected>Not in this list: …' in page
    trail = text_of(auditor.get(LOG, {"referral": worked_on.id}).content)
    assert "who at Demo Women's Centre viewed it, what they did with it and what was" in trail


def entries_of(page: bytes) -> str:
    """What the page shows, without the letters that were looked for."""
    return re.sub(r"[A-Z]{6}", "", text_of(page))


def test_a_referral_is_found_by_the_letters_that_people_say(
    worked_on: Story, api: Any, superuser: Any
) -> None:
    letters = api("ywca.worker").get(f"/v1/referrals/{worked_on.id}").json()["reference"]
    auditor = at_the_desk("ywca.auditor")
    by_id = text_of(auditor.get(LOG, {"referral": worked_on.id}).content)
    for typed in (letters, " ".join(letters.lower()), f"{letters[:3]}-{letters[3:]}"):
        page = auditor.get(LOG, {"reference": typed}).content
        assert f"of the referral with the reference {letters}" in text_of(page)
        assert "Opened a packet For the survivor's safety" in text_of(page)
        assert "Lists that showed this referral" in text_of(page)
        assert worked_on.id in text_of(page)
    assert "Opened a packet For the survivor's safety" in by_id
    refused = text_of(auditor.get(LOG, {"reference": letters, "decision": "refused"}).content)
    assert "Tried: “Viewed permissions”" in refused
    assert "Opened a packet For" not in refused
    file = auditor.get(f"{LOG}/export", {"reference": letters, "format": "csv"})
    assert worked_on.id in b"".join(file.streaming_content).decode()


def test_a_reference_of_others_is_answered_as_none_at_all(
    worked_on: Story, api: Any, superuser: Any
) -> None:
    """Also one of a draft, of what bars the auditor, and of what no one of hers has touched."""
    letters = api("ywca.worker").get(f"/v1/referrals/{worked_on.id}").json()["reference"]
    draft = Story(api, worked_on.service_id).create()
    sent = Story(api, worked_on.service_id).create().send()
    barred = Story(api, worked_on.service_id).create().send().accept()
    barred.answers("block", {"member_id": str(member_id("ywca.auditor"))})
    with superuser.cursor() as cursor:
        cursor.execute("SELECT id::text, reference FROM referral")
        known = dict(cursor.fetchall())
    sarc = at_the_desk("sarc.auditor")
    assert api("sarc.worker").get(f"/v1/referrals/{worked_on.id}").status_code == 404
    auditor = at_the_desk("ywca.auditor")
    for pages, asked in (
        (sarc, letters),
        (auditor, known[draft.id]),
        (auditor, known[sent.id]),
        (auditor, known[barred.id]),
    ):
        page, never = (pages.get(LOG, {"reference": one}).content for one in (asked, "BCDFGH"))
        assert "No matches: of the referral with the reference" in text_of(page)
        assert entries_of(page) == entries_of(never)


def test_partner_systems_are_offered_and_told_by_name(story: Story, api: Any) -> None:
    api("ywca.client", acting="ywca.worker").get("/v1/referrals")
    system = Client.objects.get(client_id="demo-ywca")
    auditor = at_the_desk("ywca.auditor")
    page = html.unescape(auditor.get(LOG, {"client": str(system.id)}).content.decode())
    assert f'<option value="{system.id}" selected>{system.name}</option>' in page
    assert f"{system.name}, for Yve Example" in text_of(page).partition(ENTRIES)[2]
    assert Client.objects.get(client_id="demo-police").name not in page


@pytest.mark.no_database
def test_every_act_that_the_code_can_log_has_words_for_its_reader() -> None:
    logged = acts_that_are_logged()
    assert {"channels.read", "key.rotate", "directory.edit", "referral.send"} <= logged
    assert logged - set(log_labels.LOGGED) == set()


@pytest.mark.no_database
def test_every_reason_that_the_log_can_give_has_words_and_a_page() -> None:
    """The codes of refusals, and what the sources write as `rule` or `refused`."""
    given = set()
    for floor in ("permissions", "directory", "referrals", "api"):
        for path in sorted((REPOSITORY / floor).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.keyword) and node.arg in ("rule", "refused"):
                    value = node.value.value if isinstance(node.value, ast.Constant) else None
                    given |= {value} if isinstance(value, str) else set()
    assert {"opt_in", "idle", "unknown_client"} <= given
    assert {"unknown_client", "bad_password"} <= set(PROBLEMS)
    reasons = {*PROBLEMS, *given, *CODE_LISTS["self_assignment"]}
    assert [code for code in reasons if reason_labels.reason(code) == code] == []


def test_what_has_no_handle_of_the_survivor_is_said_where_one_is_asked_for(
    story: Story, api: Any
) -> None:
    """Her handle begins with the agency's first act: who looked before is found by the referral."""
    story.send()
    api("ywca.worker").get(f"/v1/referrals/{story.id}")
    story.answers("acknowledge")
    api("ywca.worker").get(f"/v1/referrals/{story.id}")
    items = api("ywca.auditor").get("/v1/access-log", {"referral_id": story.id}).json()["items"]
    handles = [one["subject"] for one in items if one["act"] == "referral.read"]
    assert (bool(handles[0]), handles[1]) == (True, None)
    page = text_of(at_the_desk("ywca.auditor").get(LOG, {"referral": story.id}).content)
    for words_of_it in (
        "Refusals, lists, and looks before your agency's first act have none",
        "Refusals, lists, and views before your agency's first act have none.",
    ):
        assert words_of_it in page


def test_an_auditor_filters_for_whoever_looked_at_channels() -> None:
    at_the_desk("ywca.worker").get("/desk/channels")
    shown = text_of(at_the_desk("ywca.auditor").get(LOG, {"act": "channels.read"}).content)
    entries = shown.partition(ENTRIES)[2]
    assert "Viewed alert contacts" in entries
    assert "Read this log" not in entries


def test_the_trail_of_a_referral_begins_with_who_had_it_in_her_lists(worked_on: Story) -> None:
    shown = text_of(at_the_desk("ywca.auditor").get(LOG, {"referral": worked_on.id}).content)
    assert f"The trail of referral {worked_on.id}" in shown
    assert (
        "Yoko Specimen Viewed the inbox 1 "
        in shown.partition("Lists that showed this referral.")[2]
    )
    assert "Opened a packet" in shown


def test_what_nobody_did_by_hand_says_whose_it_was(story: Story, api: Any, settings: Any) -> None:
    with receivers(settings) as (hook,):
        assert api("ywca.admin").post("/v1/webhooks", {"url": hook.url}).status_code == 201
        story.accept()
        assert job_worker.run_until_idle(job_worker.jobs_named(["webhooks"])) == []
    auditor = at_the_desk("ywca.auditor")
    trail = text_of(auditor.get(LOG, {"referral": story.id}).content)
    lists = trail.partition("Lists that showed this referral.")[2].partition(ENTRIES)[0]
    assert "Cairn or its operator Events were sent to the agency's webhook" in lists
    log_operator_change("agency.change", agency_id("ywca"), fields=["duty_phone"])
    changes = text_of(auditor.get(LOG, {"act": "agency.change"}).content).partition(ENTRIES)[2]
    assert "Cairn or its operator Agency settings changed, by the operator" in changes


def test_an_administrator_lets_an_oversight_auditor_read_and_takes_it_back(
    worked_on: Story,
) -> None:
    oversight, admin = at_the_desk("taskforce.auditor"), at_the_desk("ywca.admin")
    theirs = {"agency": str(agency_id("ywca"))}
    readers = f"{LOG}/readers"
    none = {"agency": str(agency_id("hospital"))}
    refused = oversight.get(LOG, theirs)
    assert refused.status_code == 404
    assert text_of(refused.content) == text_of(oversight.get(LOG, none).content)
    empty = admin.submit(readers, {})
    assert "Choose one." in text_of(empty.content)
    chosen = {"to_agency_id": str(agency_id("taskforce")), "days": "7"}
    given = text_of(admin.submit(readers, chosen).content)
    assert "They can read our entries" in given
    assert "Demo Task Force reads what Demo Women's Centre did. Now" in given
    shown = text_of(oversight.get(LOG, theirs | {"referral": worked_on.id}).content)
    worker = str(member_id("ywca.worker"))
    assert f"Member …\N{WORD JOINER}{worker[-12:]} Opened a packet" in shown
    assert "Yve Example" not in shown
    page = oversight.get(LOG, theirs).content.decode()
    here = f"{LOG}?agency={theirs['agency']}"
    for link in ("&amp;decision=refused", "&amp;self_assigned=on", "", f"&amp;member={worker}"):
        assert f'href="{here}{link}"' in page, "it leads to no other log"
    assert 'href="/desk/access-log?' not in page.replace(f'href="{here}', "")
    hers = theirs | {"member": worker, "act": "referral.open_packet"}
    found = text_of(oversight.get(LOG, hers).content)
    assert f"Shown: “Opened a packet”, by member …\N{WORD JOINER}{worker[-12:]}" in found
    assert "Opened a packet" in found.partition(ENTRIES)[2]
    handle_of_hers = oversight.get(LOG, theirs | {"subject": worker})
    assert handle_of_hers.status_code == 400
    assert "Each agency has its own ID" in text_of(handle_of_hers.content)
    assert "Demo Women's Centre lets you read its entries for a limited time." in shown
    second = admin.submit(readers, chosen | {"do": "give"})  # the last form of the page
    assert second.status_code == 409
    assert "An opt-in already exists." in text_of(second.content)
    page = admin.get(readers).content.decode()
    id_ = page.partition('name="opt_in" value="')[2].partition('"')[0]
    back = admin.submit(readers, {"do": "end", "opt_in": id_})
    assert "Stopped" in text_of(back.content)
    assert oversight.get(LOG, theirs).status_code == 404
    assert at_the_desk("ywca.worker").get(readers).status_code == 403
    mine = text_of(at_the_desk("ywca.auditor").get(readers).content)
    assert "Stopped" in mine
    assert "Share the log" not in mine


@pytest.mark.browser
@pytest.mark.parametrize("size", TRIED)
def test_the_auditors_pages_in_a_browser(
    worked_on: Story, server: Server, chromium: Browser, size: str
) -> None:
    admin = Desk(chromium, server, SIZES[size])
    admin.sign_in("ywca.admin")
    admin.follow("Access-log sharing")
    admin.choose("Demo Task Force", "Seven days")
    admin.press("Share the log")
    admin.sees("They can read our entries")
    auditor = Desk(chromium, server, SIZES[size])
    auditor.sign_in("taskforce.auditor")
    auditor.page.get_by_text("Filter", exact=True).click()
    auditor.page.get_by_label("Whose log").select_option("Demo Women's Centre")
    auditor.press("Show")
    auditor.sees("lets you read its entries for a limited time")
    id_ = auditor.page.locator("code.id").first
    whole = id_.get_attribute("title")
    assert id_.bounding_box()["width"] < 120, "its end is seen"
    chosen = id_.evaluate(
        "(one) => { getSelection().selectAllChildren(one); return getSelection().toString() }"
    )
    assert chosen == whole, "it is copied whole"
    with auditor.page.expect_download() as download:
        auditor.page.get_by_role("link", name="as a table (CSV)", exact=True).click()
    auditor.complaints.clear()  # the browser calls a download a page that did not come
    lines = Path(download.value.path()).read_text().splitlines()
    assert len(lines) > 3
    assert not any(value in line for value in PACKET.values() for line in lines)
    admin.follow("Access-log sharing")
    admin.sees("Read 2 times, last")
    auditor.follow("Counts")
    auditor.follow("Seals")
    auditor.press("Verify now")
    auditor.sees("As it was sealed.")
    own = Desk(chromium, server, SIZES[size])
    own.sign_in("ywca.auditor")
    own.page.goto(f"{LOG}?referral={worked_on.id}")
    own.check()
    own.sees("Lists that showed this referral.")
