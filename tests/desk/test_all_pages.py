"""What every page of the desk has, and who is shown which; by plain HTTP, without script."""

import ast
import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.db import connections
from django.urls import URLPattern

from api.desk import urls
from api.desk.problem_texts import PROBLEMS
from api.desk.referral.release.release_paper import permission_text
from api.http.json_bodies import DocumentParser, JSONParser
from permissions.database.uuid7 import uuid7
from referrals import codes
from tests.support.people.desk_pages import Pages, at_the_desk, text_of
from tests.support.people.stories import PACKET, service_of

NEUTRAL = re.compile(r"<title>(\(\d+\) )?([A-Z][a-z -]+[?]?) · Cairn</title>")
LEAVES = '<script src="/static/desk/leave.js" defer></script>'  # where there is a quick exit
SCRIPT = re.compile(
    r'<script src="/static/desk/desk\.js" defer( data-[a-z-]+="[^"<>]*")+></script>'
)
LOCKS = re.compile(r'<script src="/static/desk/lock\.js" defer( data-[a-z-]+="[^"<>]*")+></script>')
PASSKEYS = re.compile(
    r'<script src="/static/desk/passkey\.js" defer( data-[a-z-]+="[^"<>]*")+></script>'
)
DEVICE = re.compile(
    r'<script src="/static/desk/device\.js" defer( data-[a-z-]+="[^"<>]*")*></script>'
)  # where a device subscribes
KEEPS = '<script src="/static/desk/unfinished.js" defer></script>'  # where a form is kept
# The pages with the desk's script: the inbox, a referral's page, and forms that are kept. Nothing
# is opened there.
SCRIPTED = re.compile(r"/desk/|/desk/referrals/[0-9a-f-]{36}")


@pytest.fixture
def accepted(story):
    """A referral with a packet, accepted by ywca.worker."""
    story.accept().release().packet(**PACKET)
    return story


ONLY_POSTED = (
    *("choose_language", "leave", "desk_said_no", "desk_unfinished", "mfa_login_webauthn"),
    *("agency_ended", "card_call", "line_call", "desk_practice_leave", "desk_reports_name"),
)
# tests/desk/test_installed_in_a_browser.py, tests/figures
NO_PAGES = (
    *("manifest", "service_worker", "desk_trainings_file", "desk_reports_csv", "desk_reports_xlsx"),
    *("desk_funder_form_csv", "desk_funder_form_xlsx", "desk_network_csv", "desk_network_xlsx"),
    *("numbers_csv", "numbers_xlsx"),
)


def paths_of(referral_id, service_id):
    """Every route of the desk, with ids filled in: (name, path)."""
    for route in urls.urlpatterns:
        assert isinstance(route, URLPattern)
        path = str(route.pattern).replace("<uuid:referral_id>", referral_id)
        path = path.replace("<uuid:service_id>", service_id).replace("<slug:code>", "sealed")
        path = path.replace("<str:sealed>", "sealed").replace("<slug:act>", "withdraw")
        path = path.replace("<slug:thumbprint>", "none").replace("<int:days>", "40")
        path = path.replace("<int:year>", "2026").replace("<slug:form_id>", "ovw_semiannual")
        path = re.sub(r"<uuid:\w+>", str(uuid7()), path).replace("<int:pk>", "1")
        query = (
            f"?service={service_id}" if route.name in ("desk_new_referral", "desk_new_call") else ""
        )
        yield route.name, f"/{path}{query}"


def check_page(answer, path, *, whole=True):
    """`whole`: not the page of a failure, which stands alone, nor the one that may be kept."""
    kept = path == "/safety"  # what else it is held to: tests/desk/test_safety_page.py
    whole = whole and not kept
    page = answer.content.decode()
    keeps = page.count(KEEPS)
    assert keeps == page.count("data-keeps="), path
    scripted = "data-now" in page and bool(keeps or SCRIPTED.fullmatch(path))
    scripted = scripted and answer.status_code == 200
    assert len(SCRIPT.findall(page)) == scripted, path
    assert page.count(LEAVES) == page.count('<form class="leave"') == (whole or kept), path
    # Who is signed in has the lock; where a passkey is used is a script that asks for a challenge.
    locks, passkeys = len(LOCKS.findall(page)), len(PASSKEYS.findall(page))
    assert locks == ("data-page=" in page), path
    assert locks or '<div class="who small">' not in page, path
    assert passkeys == bool(page.count("data-passkey=")), path
    devices = len(DEVICE.findall(page))
    assert devices == (path == "/desk/channels" and answer.status_code == 200), path
    scripts = scripted + keeps + locks + passkeys + devices + page.count(LEAVES)
    assert page.lower().count("<script") == scripts, path
    assert not re.search(r"\son[a-z]+=|\sstyle=", page), path
    assert '<html lang="en">' in page, path
    assert NEUTRAL.search(page), path
    for line in settings.SAFETY_LINES:
        assert line["phone"] in page, path
    assert "Do not step in yourself" in page, path
    assert page.count("<h1") == 1, path
    assert 'href="#main"' in page or not whole, path
    assert kept or answer["Cache-Control"] == "no-store", path
    allowed = "; script-src 'self'"
    allowed += "; connect-src 'self'; worker-src 'self'" if scripted or passkeys or devices else ""
    policy = answer["Content-Security-Policy"]
    assert policy.partition("; script-src")[1:] == allowed.partition("; script-src")[1:], path
    assert answer["Content-Security-Policy"].startswith("default-src 'none';"), path
    for value in PACKET.values():
        assert value not in page, path
    for form in re.findall(r'<form[^>]*method="post".*?</form>', page, re.S):
        assert kept or "csrfmiddlewaretoken" in form, path
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids)), path
    for name in re.findall(r'aria-(?:labelledby|describedby)="([^"]+)"', page):
        assert set(name.split()) <= set(ids), (path, name)
    for name in re.findall(r'<label for="([^"]+)"', page):
        assert name in ids, (path, name)


@pytest.mark.parametrize(
    "who", [None, "police.worker", "ywca.worker", "ywca.lead", "ywca.auditor", "outsider.worker"]
)
def test_every_page_has_the_safety_lines_and_no_script_but_that_which_it_may(accepted, who):
    pages = at_the_desk(who) if who else Pages()
    for name, path in paths_of(accepted.id, accepted.service_id):
        answer = pages.get(path)
        if name in ONLY_POSTED:
            assert answer.status_code == 405
        elif name in NO_PAGES and answer.status_code not in (403, 404):
            assert answer.status_code in (200, 302)
        elif name == "passkey_options":
            assert answer.status_code == 401, "it was not asked what for"
        elif answer.status_code in (200, 403, 404, 409):
            check_page(answer, path)
        else:
            assert answer.status_code == 302, (path, answer.status_code)
            assert answer["Location"].startswith("/"), path


def test_nobody_signed_in_is_led_to_sign_in_and_back(accepted):
    for name, path in paths_of(accepted.id, accepted.service_id):
        if name.startswith("desk") and name not in ("desk_agency", "desk_locked", *ONLY_POSTED):
            answer = Pages().get(path)
            assert answer.status_code == 302, path
            to = urlsplit(answer["Location"])
            assert to.path == "/accounts/login", path
            (back,) = parse_qs(to.query)["next"]
            named = f"?service={accepted.service_id}"  # of what a page is asked, this is kept
            assert back == path.partition("?")[0] + (named if named in path else ""), path


def test_an_outsider_gets_for_a_referral_what_she_gets_for_a_random_id(accepted):
    outsider = at_the_desk("outsider.worker")
    random = str(uuid7())
    for name, path in paths_of(accepted.id, accepted.service_id):
        if accepted.id not in path:
            continue
        fields = outsider.hidden("/desk/", "/accounts/logout") | {"purpose": "intake"}
        for ask in (outsider.get, lambda to: outsider.http.post(to, fields)):  # noqa: B023
            for_it, for_none = ask(path), ask(path.replace(accepted.id, random))
            if for_it.status_code == 302:  # a GET of an act that is only a button
                assert for_it["Location"].replace(accepted.id, random) == for_none["Location"]
                continue
            assert (for_it.status_code, for_none.status_code) in ((404, 404), (405, 405)), name
            assert text_of(for_it.content) == text_of(for_none.content), name


@pytest.mark.parametrize(
    ("who", "leads_to", "says"),
    [
        ("ywca.worker", "/desk/", "Act now"),
        ("ywca.lead", "/desk/", "Act now"),
        ("ywca.auditor", "/desk/access-log", "Reading this log makes an entry too."),
        ("ywca.admin", "/desk/", "Your role in Demo Women's Centre does not include referrals"),
        ("taskforce.coordinator", "/desk/", "does not include referrals"),
    ],
)
def test_signing_in_leads_each_role_to_what_it_can_do(who, leads_to, says):
    answer = at_the_desk(who).get("/desk/", follow=True)
    assert answer.request["PATH_INFO"] == leads_to
    assert says in text_of(answer.content)


def test_only_an_auditor_reads_the_log():
    for who in ("ywca.worker", "ywca.lead", "ywca.admin"):
        answer = at_the_desk(who).get("/desk/access-log")
        assert answer.status_code == 403
        assert "The access log is read by auditors." in text_of(answer.content)


def test_the_auditor_is_shown_field_names_and_never_a_value(accepted):
    advocate = at_the_desk("ywca.worker")
    advocate.submit(f"/desk/referrals/{accepted.id}/open_packet", {"purpose": "safety"})
    auditor = at_the_desk("ywca.auditor")
    mine = {"act": "referral.open_packet", "referral": str(accepted.id)}
    page = auditor.get("/desk/access-log", mine)
    shown = text_of(page.content)
    assert "Yve Example Opened a packet For the survivor's safety 3 fields Name, Phone," in shown
    assert not any(value in shown for value in PACKET.values())
    assert "Viewed a referral Done" not in shown

    theirs = at_the_desk("police.auditor").get("/desk/access-log", {"referral": accepted.id})
    assert "Yve Example" not in text_of(theirs.content)
    assert "Pat Example" in text_of(theirs.content)


def test_the_log_is_read_page_by_page_and_filtered():
    lead = at_the_desk("sarc.lead")
    for _ in range(55):
        lead.get("/desk/")
    auditor = at_the_desk("sarc.auditor")
    page = auditor.get("/desk/access-log", {"act": "referral.list"}).content.decode()
    later = re.search(r'href="(/desk/access-log\?[^"]*after=[^"]*)"', page)
    assert later
    assert auditor.get(later[1].replace("&amp;", "&")).status_code == 200
    assert auditor.get(later[1].replace("&amp;", "&").replace("list", "read")).status_code == 400
    none = auditor.get("/desk/access-log", {"member": str(uuid7())})
    assert "No matches: by a former member" in text_of(none.content)
    assert auditor.get("/desk/access-log", {"member": "no id", "since": "?"}).status_code == 400


def test_what_the_public_searches_holds_nothing_confidential():
    page = text_of(Pages().submit("/directory", {"words": "shelter"}).content)
    assert "Youth shelter" in page
    assert "Network only" not in page
    members = at_the_desk("police.worker").submit("/desk/directory", {"words": "shelter"})
    assert "Confidential: do not share this service's name." in text_of(members.content)
    none = Pages().submit("/directory", {"words": "xyzzyx"})
    assert "Nothing found “xyzzyx”" in text_of(none.content)
    assert Pages().submit("/directory", {"words": "\x00", "page": "-1"}).status_code == 200


def test_each_code_of_a_refusal_has_a_page_that_explains_it():
    """Codes as the code base writes them: first argument of a refusal, or its `code`."""
    kinds = {"NotPossible", "NotPermitted", "BadRequest", "Conflict", "Unavailable"}
    found = set()
    for floor in ("api", "permissions", "directory", "referrals"):
        for path in (settings.BASE_DIR / floor).rglob("*.py"):
            found |= _codes(path, kinds)
    assert len(found) > 50
    assert found - set(PROBLEMS) == set()
    for code in PROBLEMS:
        assert Pages().get(f"/problems/{code}").status_code == 200
    assert Pages().get("/problems/no_such_code").status_code == 404


def test_how_deep_a_body_may_be_is_told_as_it_is():
    told = {JSONParser.depth: "ten", DocumentParser.depth: "twenty"}
    assert [told[10], told[20]] == re.findall(r"(ten|twenty)\b", str(PROBLEMS["too_deep"].happened))


def _codes(path: Path, kinds: set[str]) -> set[str]:
    codes = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in kinds and node.args[0].value:  # else its own code
                codes.add(node.args[0].value)
        if isinstance(node, ast.ClassDef):
            codes |= {
                line.value.value
                for line in node.body
                if isinstance(line, ast.Assign)
                and isinstance(line.value, ast.Constant)
                and line.targets[0].id == "code"
            }
    return codes


def test_an_address_that_leads_nowhere_has_a_page():
    answer = Pages().get("/no-such-page")
    assert answer.status_code == 404
    check_page(answer, "/no-such-page")


def test_without_its_database_the_desk_still_names_the_numbers_to_ring():
    database = connections["default"].settings_dict
    host = database["HOST"]
    connections["default"].close()
    database["HOST"] = "/nowhere"
    try:
        answer = Pages().get("/directory")
    finally:
        connections["default"].close()
        database["HOST"] = host
    assert answer.status_code == 503
    assert answer["Retry-After"]
    check_page(answer, "/directory", whole=False)
    assert "Call the service instead." in text_of(answer.content)


def test_a_form_that_is_too_large_is_refused_with_a_page():
    answer = Pages().http.post("/accounts/login", {"login": "x" * 300_000})
    assert answer.status_code in (400, 403, 413)
    check_page(answer, "/accounts/login")


def test_a_form_sent_without_its_token_is_refused():
    pages = at_the_desk("police.worker")
    answer = pages.http.post(f"/desk/referrals/new?service={service_of('ywca')}", {"send": "1"})
    assert answer.status_code == 403
    check_page(answer, "/desk/referrals/new")


@pytest.mark.parametrize(
    ("language", "purpose", "line"),
    [
        ("en", "☐ For my legal case", "These numbers on one page"),
        ("es", "☐ Para un asunto legal mío", "Estos números en una página"),
    ],
)
def test_the_paper_has_its_purposes_and_the_safety_lines_in_her_language(
    accepted, language, purpose, line
):
    pages = at_the_desk("police.worker")
    answer = pages.get(f"/desk/referrals/{accepted.id}/release_paper", {"language": language})
    text = text_of(answer.content)
    assert purpose in text
    assert text.count("☐") > len(codes.RELEASE_PURPOSE)
    assert line in text
    footer = answer.content.decode().partition('<footer id="safety"')[2]
    suffix = "_es" if language == "es" else ""
    for safety in settings.SAFETY_LINES:
        assert (safety.get(f"name{suffix}") or safety["name"]) in unescape(footer)
    assert ("It cannot erase your browser history" in text) == (language == "en")
    assert footer.startswith(' lang="es"') == (language == "es")
    assert set(permission_text(language).purposes) == set(codes.RELEASE_PURPOSE)


def test_whoever_lacks_a_role_is_sent_to_who_can_give_it():
    admin = text_of(at_the_desk("ywca.admin").get("/desk/").content)
    assert "Give them that role under Members." in admin
    other = text_of(at_the_desk("taskforce.coordinator").get("/desk/").content)
    assert "Ask your agency's administrator for that role." in other
    sign_in = text_of(Pages().get("/accounts/login").content)
    assert "they can send you a link." in sign_in
