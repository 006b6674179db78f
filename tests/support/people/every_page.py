"""Every page of the desk as the person who is shown it, in a real browser: what each is held to,
and a picture of it. The list is one; `make screenshots` and the tests walk it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from directory.demo import loader
from directory.importing.parsing import id_of
from tests.support.ground.database import forget_edits
from tests.support.ground.live_server import Server
from tests.support.ground.repository import REPOSITORY
from tests.support.people.browser import SIZES, TRIED, Desk
from tests.support.people.callers import member_id
from tests.support.people.desk_pages import Pages, at_the_desk
from tests.support.people.exercises import Exercise
from tests.support.people.page_scene import IN_PRACTICE, LEADS, LINE, Scene, Shot, build

# Axe is asked each rule of WCAG 2.2 A and AA, and its best practices. One question a page, because
# each goes through four processes and back, and axe's whole answer is longer than the page.
PICTURES = REPOSITORY / "var" / "screenshots"
FOUND = """
  axe.run({resultTypes: ["violations"]}).then(said => ({
    axe: said.violations.map(rule =>
      `axe ${rule.id}: ${JSON.stringify(rule.nodes[0].target)} (${rule.nodes.length})`),
    title: document.title,
    language: document.documentElement.lang,
    width: document.documentElement.scrollWidth,
  }))
"""


OURS = id_of(loader.SOURCE, "organization", "shelter")  # ywca edits it
OFFICE = id_of(loader.SOURCE, "location", "shelter-office")
SHEET = "main .card.now .buttons a"  # from the list to what is printed of it
NAMELESS = ("hand_sheet", "officer_sheet")  # what is saved or printed there bears no name of ours


def shots(scene: Scene) -> list[Shot]:
    """Every page, each once, in the order of a night's work."""
    one = "/desk/referrals"
    found: list[Shot] = [
        Shot("home", None, "/"),
        Shot("safety", None, "/safety"),
        Shot("directory", None, "/directory"),
        Shot("directory_guide", None, "/directory/guide"),
        Shot("service", None, f"/directory/{scene.service}"),
        Shot("hand_list", None, f"/directory/{scene.service}", press=True),
        Shot("hand_sheet", None, f"/directory/{scene.service}", (), True, SHEET),
        Shot("visitor_reports", None, f"/directory/{scene.service}/mistake"),
        Shot("visitor_misses", None, f"/directory/{scene.service}/mistake", press=True),
        Shot("visitor_thanked", None, f"/directory/{scene.service}/mistake?said=thanks"),
        Shot("entry_check", None, f"/check/{scene.check}"),
        Shot("entry_check_wrong", None, f"/check/{scene.check}?said=what"),
        Shot("entry_check_changed", None, f"/check/{scene.check}?said=changed"),
        Shot("entry_check_over", None, "/check/none"),
        Shot("entry_check_thanks", None, "/check/thanks?said=right"),
        Shot("who_sees_what", None, "/who-sees-what"),
        Shot("docs", None, "/docs"),
        Shot("sandbox", None, "/demo"),
        Shot("sandbox_webhooks", None, "/demo/webhooks"),
        Shot("problem", None, "/problems/not_visible"),
        Shot("sign_in", None, "/accounts/login"),
        Shot("not_found", None, "/desk/referrals/01890000-0000-7000-8000-00000000000b"),
        Shot("officer_inbox", "police.worker", "/desk/"),
        Shot("officer_directory", "police.worker", "/desk/directory"),
        Shot("officer_service", "police.worker", f"/desk/directory/{scene.service}"),
        Shot("officer_list", "police.worker", f"/desk/directory/{scene.service}", (), True),
        Shot("officer_sheet", "police.worker", f"/desk/directory/{scene.service}", (), True, SHEET),
        Shot("new_referral", "police.worker", f"/desk/referrals/new?service={scene.service}"),
        Shot("new_call", "police.worker", f"/desk/calls/new?service={scene.by_phone}"),
        Shot("calls", "police.worker", "/desk/calls"),
        Shot("draft", "police.worker", f"{one}/{scene.draft}"),
        Shot("send", "police.worker", f"{one}/{scene.draft}/send"),
        Shot("notice_permission", "police.worker", f"{one}/{scene.draft}/put_notice_release"),
        Shot("sent", "police.worker", f"{one}/{scene.new}/sent"),
        Shot("sender_waits", "police.worker", f"{one}/{scene.new}"),
        Shot("sender_reviewed", "police.worker", f"{one}/{scene.reviewed}"),
        Shot("sender_accepted", "police.worker", f"{one}/{scene.accepted}"),
        Shot("sender_declined", "police.worker", f"{one}/{scene.declined}"),
        Shot("sender_withdrawn", "police.worker", f"{one}/{scene.withdrawn}"),
        Shot("permission", "police.worker", f"{one}/{scene.accepted}/put_release"),
        Shot("permission_how", "police.worker", f"{one}/{scene.accepted}/put_release?step=2"),
        Shot("permission_who", "police.worker", f"{one}/{scene.accepted}/put_release?step=3"),
        Shot("write_packet", "police.worker", f"{one}/{scene.accepted}/put_packet"),
        Shot("releases", "police.worker", f"{one}/{scene.accepted}/releases"),
        Shot("release_paper", "police.worker", f"{one}/{scene.accepted}/release_paper"),
        Shot("slip_to_give", "police.worker", f"{one}/{scene.accepted}/slip"),
        Shot("slip_wrong_word", "police.worker", f"{one}/{scene.accepted}/slip?why=word"),
        Shot("slip_staff_device", "police.worker", "/slip"),
        Shot("signing_over", "police.worker", f"{one}/{scene.accepted}/signing/put_release"),
        Shot("open_signed", "police.worker", f"{one}/{scene.accepted}/signed"),
        Shot("block", "police.worker", f"{one}/{scene.accepted}/block"),
        Shot("withdraw", "police.worker", f"{one}/{scene.accepted}/withdraw"),
        Shot("returned", "police.worker", f"{one}/{scene.completed}/returned"),
        Shot("advocate_inbox", "ywca.worker", "/desk/"),
        Shot("new", "ywca.worker", f"{one}/{scene.new}"),
        Shot("accept", "ywca.worker", f"{one}/{scene.new}/accept"),
        Shot("decline", "ywca.worker", f"{one}/{scene.new}/decline"),
        Shot("reviewed", "ywca.worker", f"{one}/{scene.reviewed}"),
        Shot("accepted", "ywca.worker", f"{one}/{scene.accepted}"),
        Shot("open_packet", "ywca.worker", f"{one}/{scene.opened}/open_packet"),
        Shot(
            "packet", "ywca.worker", f"{one}/{scene.opened}/open_packet", ("purpose=intake",), True
        ),
        Shot("open_notes", "ywca.worker", f"{one}/{scene.opened}/open_notes"),
        Shot("notes", "ywca.worker", f"{one}/{scene.opened}/open_notes", ("purpose=review",), True),
        Shot("hand_over", "ywca.worker", f"{one}/{scene.opened}/hand_over"),
        Shot("assign", "ywca.worker", f"{one}/{scene.opened}/assign"),
        Shot("start_handoff", "ywca.worker", f"{one}/{scene.opened}/start_handoff"),
        Shot("in_handoff", "ywca.worker", f"{one}/{scene.in_handoff}"),
        Shot("complete", "ywca.worker", f"{one}/{scene.in_handoff}/complete"),
        Shot("return_release", "ywca.worker", f"{one}/{scene.completed}/put_return_release"),
        Shot("withdrawn", "ywca.worker", f"{one}/{scene.withdrawn}"),
        Shot("history", "ywca.worker", f"{one}/{scene.opened}/history"),
        Shot("disclosure_report", "ywca.worker", f"{one}/{scene.opened}/account_disclosures"),
        Shot("on_call", "ywca.worker", "/desk/on-call"),
        Shot("on_call_lead", "ywca.lead", "/desk/on-call"),
        Shot("rotation", "ywca.lead", "/desk/on-call/rotation"),
        Shot("add_shift", "ywca.lead", "/desk/on-call/shifts/new"),
        Shot("remove_shift", "ywca.lead", f"/desk/on-call/shifts/{scene.shift}/remove"),
        Shot("swap", "ywca.worker", "/desk/on-call/swap"),
        Shot("import_shifts", "ywca.lead", "/desk/on-call/import"),
        Shot("uncovered", "taskforce.coordinator", "/desk/uncovered"),
        Shot("terms_of_sources", "taskforce.coordinator", "/desk/terms"),
        Shot("terms_with_a_meaning", "taskforce.coordinator", "/desk/terms?show=yes"),
        Shot("terms_of_none", "taskforce.coordinator", "/desk/terms?show=no"),
        Shot("term", "taskforce.coordinator", f"/desk/terms/{scene.term}"),
        Shot("term_unchosen", "taskforce.coordinator", f"/desk/terms/{scene.term}", press=True),
        Shot("duplicates", "taskforce.coordinator", "/desk/duplicates"),
        Shot("duplicates_same", "taskforce.coordinator", "/desk/duplicates?show=same"),
        Shot("duplicates_different", "taskforce.coordinator", "/desk/duplicates?show=different"),
        Shot("reports", "ywca.lead", "/desk/reports?period=2026-Q3"),
        Shot("reports_none", "ywca.lead", "/desk/reports?period=2020-01"),
        Shot("reports_sheet", "ywca.lead", "/desk/reports/print?period=2026-Q3"),
        Shot("funder_forms", "ywca.lead", "/desk/reports/forms"),
        Shot("funder_form", "ywca.lead", "/desk/reports/forms/ovw_semiannual?period=2026-H1"),
        Shot("network_figures", "taskforce.coordinator", "/desk/network-figures"),
        Shot("network_quarter", "taskforce.coordinator", "/desk/network-figures?period=2025-Q4"),
        Shot("gap_sheet", "taskforce.coordinator", "/desk/network-figures/gaps"),
        Shot("publish_figures", "taskforce.coordinator", "/desk/network-figures/2024/publish"),
        Shot("earlier_year", "taskforce.coordinator", "/desk/network-figures/earlier"),
        Shot("earlier_wrong", "taskforce.coordinator", "/desk/network-figures/earlier", press=True),
        Shot("numbers_public", None, "/numbers"),
        Shot("numbers_year", None, "/numbers/2025"),
        Shot("trainings", "taskforce.coordinator", "/desk/trainings"),
        Shot("trainings_none", "ywca.lead", "/desk/trainings"),
        Shot(
            "trainings_filter",
            "taskforce.coordinator",
            "/desk/trainings?since=2026-02-01&until=2026-01-01",
        ),
        Shot("trainings_sheet", "taskforce.coordinator", "/desk/trainings/print"),
        Shot("training_new", "taskforce.coordinator", "/desk/trainings/new"),
        Shot("training_wrong", "taskforce.coordinator", "/desk/trainings/new", press=True),
        Shot("training", "taskforce.coordinator", f"/desk/trainings/{scene.training}"),
        Shot(
            "training_delete", "taskforce.coordinator", f"/desk/trainings/{scene.training}/delete"
        ),
        Shot("shift_change", "ywca.worker", "/desk/shift"),
        Shot("awake", "ywca.worker", "/desk/awake"),
        Shot("practice", "ywca.lead", "/desk/practice"),
        Shot("exercise", LEADS, "/desk/practice"),
        Shot("practice_refers", LEADS, f"{one}/new?service={scene.service}"),
        Shot("practice_inbox", "ywca.worker in practice", "/desk/"),
        Shot("practice_new", "ywca.worker in practice", f"{one}/{scene.practiced}"),
        Shot("channels", "ywca.worker", "/desk/channels"),
        Shot("channel_remove", "ywca.worker", f"/desk/channels/{scene.channel}/remove"),
        Shot("account", "ywca.worker", "/desk/account"),
        Shot("confirm", "ywca.worker", "/accounts/confirm"),
        Shot("alerts", "ywca.lead", "/desk/told"),
        Shot("rights", "ywca.worker", f"{one}/{scene.opened}/record_rights"),
        Shot("rights_counts", "ywca.lead", "/desk/rights-counts"),
        Shot("legal_hold", "ywca.lead", f"{one}/{scene.opened}/set_hold"),
        Shot("admin_inbox", "ywca.admin", "/desk/"),
        Shot("agency_channels", "ywca.admin", "/desk/channels"),
        Shot("log_readers", "ywca.admin", "/desk/access-log/readers"),
        Shot("members", "ywca.admin", "/desk/members"),
        Shot("invite", "ywca.admin", "/desk/members/invite"),
        Shot("invite_list", "ywca.admin", "/desk/members/list"),
        Shot("member_roles", "ywca.admin", f"/desk/members/{member_id('ywca.worker')}/roles"),
        Shot("member_leaves", "ywca.admin", f"/desk/members/{member_id('ywca.worker')}/end"),
        Shot("number", "ywca.admin", "/desk/number"),
        Shot("resets", "ywca.lead", "/desk/resets"),
        Shot("ask_reset", "ywca.lead", f"/desk/members/{member_id('ywca.worker')}/reset"),
        Shot("exports", "ywca.lead", "/desk/exports"),
        Shot("export_confirm", "ywca.lead", f"/desk/exports/{scene.export}/confirm"),
        Shot("export_end", "ywca.lead", f"/desk/exports/{scene.export}/end"),
        Shot("numbers", "ywca.lead", "/desk/numbers"),
        Shot("line_test", None, LINE),
        Shot("line_tested", None, LINE, press=True),
        Shot("join_ended", None, "/join"),
        Shot("slip", None, "/slip"),
        Shot("slip_refused", None, "/slip?said=no"),
        Shot("card_not_in_force", None, "/card/BCDF-GHJK-LMNP"),
        Shot("sign_over", None, "/sign/none"),
        Shot("card_off", "ywca.admin", "/desk/agency/card"),
        Shot("agency_code", None, "/accounts/agency"),
        Shot("agency_refused", None, "/accounts/agency-back"),
        Shot("agency_entrance", None, f"/accounts/agency/{scene.agency_code}"),
        Shot("agency_sign_in", "ywca.admin", "/desk/agency/sign-in"),
        Shot("agency_sign_in_off", "ywca.admin", "/desk/agency/sign-in/off"),
        Shot("agency_sign_in_new", "police.admin", "/desk/agency/sign-in"),
        Shot("own_agency_sign_in", "ywca.worker", "/desk/account/agency"),
        Shot("webhooks", "ywca.admin", "/desk/webhooks"),
        Shot("scim", "ywca.admin", "/desk/agency/scim"),
        Shot("scim_end", "ywca.admin", "/desk/agency/scim/end"),
        Shot("systems", "ywca.admin", "/desk/agency/systems"),
        Shot("system_new", "ywca.admin", "/desk/agency/systems/new"),
        Shot("system", "ywca.admin", f"/desk/agency/systems/{scene.system}"),
        Shot("system_keys", "ywca.admin", f"/desk/agency/systems/{scene.system}/keys"),
        Shot("system_limits", "ywca.admin", f"/desk/agency/systems/{scene.system}/limits"),
        Shot("system_end", "ywca.admin", f"/desk/agency/systems/{scene.system}/end"),
        Shot("agency_settings", "ywca.admin", "/desk/agency/settings"),
        Shot("retention", "ywca.admin", "/desk/agency/settings/retention"),
        Shot("retention_shorter", "ywca.admin", "/desk/agency/settings/retention/14"),
        Shot("terms", "ywca.admin", "/desk/agency/terms"),
        Shot("notice_opinion", "ywca.admin", "/desk/agency/notice-opinion"),
        Shot("agency_changes", "ywca.lead", "/desk/agency/changes"),
        Shot("entries", "ywca.editor", "/desk/entries"),
        Shot("entry", "ywca.editor", f"/desk/entries/{scene.service}"),
        Shot("entry_pause", "ywca.editor", f"/desk/entries/{scene.service}/pause"),
        Shot("entry_edit", "ywca.editor", f"/desk/entries/{scene.service}/edit"),
        Shot("entry_whose", "ywca.editor", "/desk/entries/new"),
        Shot("entry_new", "ywca.editor", f"/desk/entries/new?organization={OURS}"),
        Shot("entry_new_organization", "ywca.editor", "/desk/entries/new?organization=new"),
        Shot("entry_places", "ywca.editor", f"/desk/entries/{scene.service}/places"),
        Shot("entry_place_new", "ywca.editor", f"/desk/entries/{scene.service}/places/new"),
        Shot("entry_place", "ywca.editor", f"/desk/entries/{scene.service}/places/{OFFICE}"),
        *_kept_versions(scene),
        Shot("report_mistake", "ywca.editor", f"/desk/directory/{scene.service}/mistake"),
        Shot("reported_mistakes", "ywca.editor", "/desk/entry-mistakes"),
        Shot("proposals", "ywca.editor", "/desk/proposals"),
        Shot("mistakes", "ywca.lead", "/desk/mistakes"),
        Shot("access_log", "ywca.auditor", "/desk/access-log"),
        Shot("log_refusals", "ywca.auditor", "/desk/access-log?decision=refused"),
        Shot("log_none_found", "ywca.auditor", "/desk/access-log?reference=BCDFGH"),
        Shot("log_practice", "ywca.auditor", "/desk/access-log?practice=on"),
        Shot("log_counts", "ywca.auditor", "/desk/access-log/counts"),
        Shot("log_seals", "ywca.auditor", "/desk/access-log/seals"),
    ]
    assert len({shot.name for shot in found}) == len(found)
    return found


def _kept_versions(scene: Scene) -> list[Shot]:
    """The history of an own entry, and what makes one confidential."""
    changed, hidden = f"/desk/entries/{scene.changed}", f"/desk/entries/{scene.hidden}"
    step = f"{changed}/history/{scene.edit}"
    return [
        Shot("entry_history", "ywca.editor", f"{changed}/history"),
        Shot("entry_step", "ywca.editor", step),
        Shot("entry_put_back", "ywca.editor", step, press=True),
        Shot("entry_erase_history", "ywca.editor", f"{changed}/history/erase"),
        Shot("entry_confidential", "ywca.editor", f"{hidden}/confidential"),
        Shot("entry_hide", "ywca.editor", f"{changed}/confidential/{scene.changed}"),
        Shot("entry_hide_unsaid", "ywca.editor", f"{changed}/confidential/{scene.changed}",
             press=True),
        Shot("entry_show", "ywca.editor", f"{hidden}/confidential/{scene.hidden}"),
    ]  # fmt: skip


FORBIDDEN = {"agency_refused", "slip_staff_device"}  # these pages are a 403, others that refuse 404


class Night(NamedTuple):
    """What is made before a browser runs: its event loop keeps Django from the database."""

    shots: list[Shot]
    cookies: dict[str | None, dict[str, str]]  # of each person who is signed in

    def walk(
        self, browser: Browser, server: Server, look: "Look"
    ) -> Iterator[tuple[Desk, Shot, Page]]:
        """Lead each person's browser to one page after the other."""
        for who, cookies in self.cookies.items():
            with signed_in(browser, server, cookies, look) as desk:
                for shot in self.shots:
                    if shot.who == who:
                        yield desk, shot, go(desk, shot)


@pytest.fixture
def night(api: Any) -> Iterator[Night]:
    """Ask for it before `chromium`."""
    exercise = Exercise().begin().join("ywca.worker")
    exercise.refer()
    found = shots(build(api, exercise))
    cookies: dict[str | None, dict[str, str]] = {None: {}}
    for who in dict.fromkeys(shot.who for shot in found if shot.who):
        kept = _desk(who, exercise).http.cookies.items()
        cookies[who] = {name: one.value for name, one in kept}
    yield Night(found, cookies)
    forget_edits()


def _desk(who: str, exercise: Exercise) -> Pages:
    name = who.removesuffix(IN_PRACTICE)
    return at_the_desk(who) if name == who else exercise.desks[name]


class Look(NamedTuple):
    """How it is looked at."""

    size: str  # phone, wide
    scheme: str  # light, dark
    language: str

    @property
    def folder(self) -> str:
        return f"{self.language}-{self.size}-{self.scheme}"


@contextmanager
def signed_in(
    browser: Browser, server: Server, cookies: dict[str, str], look: Look
) -> Iterator[Desk]:
    """A browser of one person's, signed in without the way through password and code."""
    width, height = SIZES[look.size]
    context = browser.new_context(
        base_url=server.base_url,
        viewport={"width": width, "height": height},
        color_scheme=look.scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
    )
    cookies = cookies | {settings.LANGUAGE_COOKIE_NAME: look.language}
    for name, value in cookies.items():
        context.add_cookies([{"name": name, "value": value, "url": server.base_url}])
    try:
        yield Desk(context, server, SIZES[look.size])
    finally:
        context.close()


def go(desk: Desk, shot: Shot) -> Page:
    """Lead the browser to the page. A page that is a refusal is one that the browser reports."""
    page = desk.page
    desk.refusal = f"status of {403 if shot.name in FORBIDDEN else 404}"
    page.goto(shot.path)
    drawing = page.locator("[aria-busy=true]")  # the API's page, which a script draws
    expect(drawing).to_have_count(0, timeout=30_000)
    for chosen in shot.choose:
        name, _, value = chosen.partition("=")
        page.locator(f"[name={name}][value={value}]").check()
    if shot.press:
        page.locator("main form[method=post] button").first.click()
        page.wait_for_load_state()
    if shot.then:
        page.locator(shot.then).click()
        page.wait_for_load_state()
    return page


def wrong(desk: Desk, shot: Shot, look: Look) -> list[str]:
    """What is wrong with the page that is shown: axe, a console error, a foreign request, a page
    wider than the screen, also at twice the size of text, or a title that is not neutral."""
    page = desk.page
    found = [f"console: {one}" for one in desk.complaints]
    desk.complaints.clear()
    said = page.evaluate(f"{AXE_SCRIPT};{FOUND}")
    found += said["axe"]
    ends = "" if shot.name in NAMELESS else " · Cairn"
    if not re.fullmatch(rf"(\(\d+\) )?[^·]+{ends}", said["title"]):
        found.append(f"title: {said['title']}")
    width, (_width, height) = desk.width, SIZES[look.size]
    # Twice as large, a screen has half as many pixels of CSS.
    page.set_viewport_size({"width": width // 2, "height": height // 2})
    twice = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size({"width": width, "height": height})
    for zoom, over in ((100, said["width"] - width), (200, twice - width // 2)):
        if over > 0:
            found.append(f"{over} px too wide at {zoom} %")
    if said["language"] != look.language and shot.name != "safety":  # that page has all languages
        found.append("another language")
    return found


def sound(desk: Desk, name: str, look: Look) -> None:
    """Hold a page of a flow to what every page is held to; `make browsers` keeps a picture."""
    desk.check()
    shot = Shot(name, None, "")
    if TRIED is SIZES:
        take(desk.page, PICTURES, shot, look)
    faults = wrong(desk, shot, look)
    assert not faults, (name, faults)


def take(page: Page, folder: Path, shot: Shot, look: Look) -> None:
    """Keep a picture of the whole page."""
    to = folder / look.folder
    to.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=to / f"{shot.name}.png", full_page=True)
