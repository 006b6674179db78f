"""The page for auditors and lawyers shows everyone what the model says, on a phone and on paper."""

import re
from html import unescape
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from playwright.sync_api import Browser

from permissions.reference import matrix, read_rules
from permissions.reference.read_rules import AUDITOR_SEES, SEES
from tests.support.ground.live_server import Server
from tests.support.people.browser import SIZES
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.desk_pages import Pages, at_the_desk, text_of

PATH = "/who-sees-what"


def cells(what: str) -> dict[str, str]:
    """Who sees one line of the table, column by column."""
    line = next(one for one in matrix.LINES if one.what == what)
    return {
        f"{title}: {column.who}": matrix.cell(line, column)
        for title, columns in matrix.TABLES.items()
        for column in columns
    }


def test_the_model_can_be_read_in_one_sitting() -> None:
    """can_see and its words: each file under 150 lines, and nothing imported that does anything."""
    folder = Path(read_rules.__file__).parent
    for name in ("read_rules.py", "caller.py", "side_rules.py", "auditor_rules.py"):
        text = (folder / name).read_text()
        assert len(text.splitlines()) < 150, name
        assert not re.search(r"^(from|import) (django|api|referrals|directory)", text, re.M), name


def test_there_is_a_line_for_each_kind_of_row_that_any_caller_is_shown() -> None:
    assert {type(line.row) for line in matrix.LINES} == set(SEES) | set(AUDITOR_SEES)
    assert len({line.what for line in matrix.LINES}) == len(matrix.LINES)


def test_each_line_is_shown_to_at_least_one_caller() -> None:
    for line in matrix.LINES:
        assert set(cells(line.what).values()) & {"yes", "opens"}, line.what


def test_each_rule_says_where_it_comes_from() -> None:
    for line in matrix.LINES:
        for rule in matrix.rules_of(line.row):
            assert re.search(r"R\d|U\.S\.C\.|CFR", rule.source), line.what
    for rule in {*SEES.values(), *AUDITOR_SEES.values()}:
        assert re.search(r"\([^()]*(\([^()]*\)[^()]*)*\)$", (rule.__doc__ or "").strip()), rule


def test_a_released_field_opens_only_to_the_callers_that_the_rules_name() -> None:
    opens = {
        who
        for who, answer in cells("A field of the packet that the survivor released").items()
        if answer != "no"
    }
    assert opens == {
        "The agency that sent it: An assigned member",
        "The agency that it was sent to: After it: an assigned member",
        "Partner systems: Sender's system of record, naming an assigned member",
        "Partner systems: Recipient's system of record, naming an assigned member",
    }
    ended = cells("The same field, once the release has ended")
    assert {who for who, answer in ended.items() if answer != "no"} == {
        "The agency that sent it: An assigned member",
        "Partner systems: Sender's system of record, naming an assigned member",
    }


def test_a_barred_person_sees_nothing_of_the_referral() -> None:
    for line in matrix.LINES:
        if line.tier[:2] in ("T2", "T3", "T4", "T5"):
            assert cells(line.what)["Others: A person barred by a block"] == "no", line.what


@pytest.mark.parametrize("who", [None, "ywca.auditor", "police.worker"])
def test_the_page_says_what_the_model_says_to_every_visitor(
    network: object, who: str | None
) -> None:
    pages = at_the_desk(who) if who else Pages()
    answer = pages.get(PATH)
    assert answer.status_code == 200
    page = answer.content.decode()
    rows = re.findall(r"<tr>\s*<td>(.*?)</td><th scope=\"row\">(.*?)</th>(.*?)</tr>", page, re.S)
    said = [
        (tier, unescape(what), re.findall(r'class="(\w+)" data-label="[^"]*">(\w+)<', rest))
        for tier, what, rest in rows
    ]
    assert said == [
        (
            line.tier,
            line.what,
            [(answer, answer) for answer in (matrix.cell(line, one) for one in columns)],
        )
        for columns in matrix.TABLES.values()
        for line in matrix.LINES
    ]
    shown = text_of(page)
    assert matrix.NOT_SHOWN in shown
    for line in matrix.LINES:
        for rule in matrix.rules_of(line.row):
            assert rule.who in shown, line.what
            assert rule.source in shown, line.what
    for line in (
        "Accepted, by the recipient Accepted Closed",
        "Not completed, by the recipient Accepted Closed",
        "Stopped, by the sender Stopped Stopped",
        "Declined Declined Declined",
    ):
        assert line in shown


def test_it_is_as_whole_in_each_language(network: object) -> None:
    """Only the sources of the rules, which are citations, are as in the model."""
    pages = Pages()
    pages.http.cookies[settings.LANGUAGE_COOKIE_NAME] = "es"
    shown = text_of(pages.get(PATH).content.decode())
    english = [one for one in matrix.texts() if re.search(r"\w{5}", one) and one in shown]
    assert english == []
    assert "Aceptada, por la agencia que recibe Aceptada Cerrada" in shown


def test_it_is_linked_from_the_log_the_guide_and_the_api_s_page(network: object) -> None:
    link = f'href="{PATH}"'
    assert link in at_the_desk("ywca.auditor").get("/desk/access-log").content.decode()
    for path in ("/docs", "/directory/guide"):
        assert link in Pages().get(path).content.decode(), path


@pytest.mark.no_database
def test_the_command_prints_the_same() -> None:
    out = StringIO()
    call_command("who_sees_what", stdout=out)
    assert out.getvalue().startswith(matrix.as_markdown())
    assert "| unable, by the recipient | accepted | closed |" in out.getvalue()


@pytest.mark.browser
def test_it_fits_a_phone_and_prints_as_tables(server: Server, chromium: Browser) -> None:
    for width, height in SIZES.values():
        page = chromium.new_page(viewport={"width": width, "height": height})
        page.goto(f"{server.base_url}{PATH}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 794, "height": 1123})
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 794
    heads = page.locator(".matrix thead").all()
    assert len(heads) == len(matrix.TABLES) + 1
    for head in heads:
        assert head.evaluate("one => getComputedStyle(one).display") == "table-header-group"
