"""The accounting as a paper for the survivor, at the desk: what it says in her language, in whose
words, and what of the desk is not on it when it is printed."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from api.desk.referral.accounting_paper import accounting_text, paper_day, paper_time
from referrals import accounting
from referrals.codes import CODE_LISTS
from tests.support.people.browser import TRIED, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import (
    PACKET,
    REPORT,
    SECRET,
    opened,
    reads_the_log,
    release_body,
    return_body,
)

SPACE = "\N{NO-BREAK SPACE}"


def form_of(story):
    return f"/desk/referrals/{story.id}/account_disclosures"


def paper(story, who, language="en"):
    """What stands on the paper itself, without the desk around it."""
    answer = at_the_desk(who).submit(form_of(story), {"purpose": "review", "language": language})
    assert answer.status_code == 200
    page = answer.content.decode()
    [found] = re.findall(r"<article.*?</article>", page, re.S)
    return text_of(found)


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", ("Who has seen my information", "My name", "To take me in", "log entries")),
        ("es", ("A quién se le habló de mí", "Mi nombre", "Para recibirme", "entradas del")),
    ],
)
def test_at_the_desk_it_is_a_paper_in_her_language(story, language, says):
    opened(story)
    pages = at_the_desk(story.recipient)
    answer = pages.submit(form_of(story), {"purpose": "review", "language": language})
    assert answer.status_code == 200
    page = answer.content.decode()
    assert f'<article class="paper" lang="{language}">' in page
    for words in says:
        assert words in text_of(page)
    footer = page.partition('<footer id="safety"')[2].partition(">")[0]
    assert (' lang="es"' in footer) == (language == "es")
    assert PACKET["name"] not in page, "it tells who looked, never what they saw"
    assert says[1] in paper(story, story.sender, language)


@pytest.mark.parametrize("language", ["en", "es"])
def test_it_speaks_in_her_own_words_of_her(story, language):
    opened(story)
    story.answers("record_report", REPORT)
    said = "".join(paper(story, who, language) for who in (story.sender, story.recipient))
    her = r"\b(her|she|hers)\b" if language == "en" else r"\b(ella|recibirla|darle|su seguridad)\b"
    assert not re.findall(her, said, re.I)
    assert "→" not in said
    assert not re.search(r"\d{4}-\d\d-\d\d|\d\d:\d\d(?!\s[ap]\.)", said)
    notice = {"en": "The notice does not say who I am", "es": "El aviso no dice quién soy"}
    assert notice[language] in said


@pytest.mark.parametrize(
    ("language", "notice", "nothing", "alone"),
    [
        (
            "en",
            "A notice went to Demo Women's Centre (101 Example Street, Suite 2, Missoula, MT"
            " 59802). It says what help I need, not who I am.",
            "Through this system nothing that says who I am was opened to another agency.",
            "This report covers one request for help: “Advocacy and safety planning”, reference ",
        ),
        (
            "es",
            "Se envió un aviso a Demo Women's Centre (101 Example Street, Suite 2, Missoula, MT"
            " 59802). Dice qué ayuda necesito, no quién soy.",
            "Por este sistema no se abrió a otra agencia nada que diga quién soy.",
            "Trata de una sola solicitud de ayuda: «Advocacy and safety planning», referencia ",
        ),
    ],
)
def test_it_tells_of_the_notice_and_of_which_referral_it_is(
    story, language, notice, nothing, alone
):
    """An agency that tried two has two papers: neither says that nothing else was given."""
    story.send()
    said = paper(story, story.sender, language)
    for words in (notice, nothing, alone):
        assert words in said
    assert notice not in paper(story.accept(), story.recipient, language)
    form = text_of(at_the_desk(story.sender).get(form_of(story)).content)
    assert "an earlier referral has its own report" in form


@pytest.mark.parametrize(
    ("language", "hers", "too", "for_her"),
    [
        (
            "en",
            "With my permission of",
            "My parent also consented.",
            "A guardian appointed by a court gave it for me.",
        ),
        (
            "es",
            "Con mi permiso del",
            "Mi padre o mi madre también lo dio.",
            "Un tutor nombrado por un tribunal lo dio por mí.",
        ),
    ],
)
def test_it_says_whose_permission_it_was(story, language, hers, too, for_her):
    """R6: a minor's parent consents with her; a guardian that a court appointed, in her place."""
    signed = release_body()["consenters"][0]
    parent, court = (signed | {"who": who} for who in ("parent", "court_appointed"))
    story.create(age_band="minor").send().accept()
    story.release(adult=False, consenters=[signed, parent]).packet(**PACKET)
    with_her = paper(story, story.sender, language)
    assert hers in with_her
    assert too in with_her
    story.release(adult=False, consenters=[court])
    last = paper(story, story.sender, language).rpartition(too)[2]
    assert hers not in last
    assert for_her in last


@pytest.mark.no_database
@pytest.mark.parametrize("language", ["en", "es"])
def test_it_has_words_for_whatever_the_accounting_says(language):
    text = accounting_text(language)
    assert text.acts.keys() == set(accounting.ACTS) - {accounting.WORKED}
    assert text.purposes.keys() == {*accounting.PURPOSES, *accounting.REASONS}
    for code in CODE_LISTS["purpose"]:
        assert accounting.reason_for_survivor(code) in text.purposes


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("hour", "english", "spanish"),
    [
        (15, "November 26, 2026, 8:20 a.m. MST", "8:20 a. m., hora de la montaña (MST)"),
        (19, "November 26, 2026, 12:20 p.m. MST", "12:20 p. m., hora de la montaña (MST)"),
        (7, "November 26, 2026, 12:20 a.m. MST", "12:20 a. m., hora de la montaña (MST)"),
    ],
)
def test_a_time_is_written_as_she_reads_it_with_its_zone(hour, english, spanish):
    moment = datetime(2026, 11, 26, hour, 20, tzinfo=UTC)
    with timezone.override(ZoneInfo("America/Denver")):
        assert paper_time(moment, "en").replace(SPACE, " ") == english
        whole = f"26 de noviembre de 2026, {spanish}"
        assert paper_time(moment, "es").replace(SPACE, " ") == whole
        assert paper_day(moment, "es") == "26 de noviembre de 2026"


def test_who_checked_the_log_and_the_systems_clock_do_not_stand_among_those_who_worked(story):
    opened(story)
    assert reads_the_log(story, "ywca.auditor").status_code == 200
    said = paper(story, story.recipient)
    worked, _, beside = said.partition("Other log entries")
    assert "Yuri Invented" not in worked
    assert "Yuri Invented . Checked the log: who had looked, once, on " in beside
    assert "The system, by itself" not in said, "nothing was done by it"
    said = paper(story, story.recipient)
    assert "Yve Example . Made this paper, for which the notes are opened, " in said


def test_its_numbers_add_up_to_the_log(story):
    opened(story)
    for _ in range(3):
        said = paper(story, story.recipient)
    [total] = re.findall(r"Based on (\d+) log entries", said)
    counted = [int(times) for times in re.findall(r", (\d+) times,", said)]
    once = len(re.findall(r", once, on|Opened what I gave", said))
    assert sum(counted) + once == int(total)
    assert said.count("Opened the agency's notes") == 1


def test_it_prints_where_the_recipient_is_or_that_nobody_may_know(story):
    opened(story).answers("complete", {"outcome": "connected"})
    story.answers("put_return_release", return_body("connected"))
    centre = "Demo Women's Centre (101 Example Street, Suite 2, Missoula, MT 59802) could open:"
    assert centre in paper(story, story.sender)
    police = "Demo City Police (sin dirección pública) pudo abrir: Si hablé con ellos"
    assert police in paper(story, story.recipient, "es")


def test_the_advocate_is_warned_before_and_whatever_there_is(story):
    """Above the paper, she would read it to her; only where it is so, the page would tell it."""
    opened(story)
    pages = at_the_desk(story.recipient)
    before = text_of(pages.get(form_of(story)).content)
    assert "164.528(a)(2)" in before
    story.answers("record_disclosure", SECRET)
    assert text_of(pages.get(form_of(story)).content) == before
    page = pages.submit(form_of(story), {"purpose": "review", "language": "en"}).content.decode()
    for word in ("left out", "forbid", "164.528"):
        assert word not in page


@pytest.fixture
def brought_along(story):
    """Before the browser, whose loop must not be there while the database is asked."""
    return opened(story)


@pytest.mark.browser
@pytest.mark.parametrize("size", TRIED.values(), ids=TRIED)
@pytest.mark.parametrize("language", ["English", "Español"])
def test_what_is_printed_is_the_paper_and_nothing_of_the_desk(
    brought_along, chromium, server, size, language
):
    desk = Desk(chromium, server, size)
    desk.sign_in("ywca.worker")
    desk.page.goto(form_of(brought_along))
    desk.check()
    desk.choose("To review the work", language)
    desk.press("Open")
    page = desk.page
    paper = page.locator("article.paper")
    expect(page.locator("header.top")).to_be_visible()
    page.emulate_media(media="print")
    expect(paper).to_be_visible()
    for unseen in ("header.top", ".screen", ".buttons", "nav", "button"):
        assert not any(one.is_visible() for one in page.locator(unseen).all()), unseen
    shown = page.locator("body").inner_text()
    for word in ("Quick exit", "Salir rápido", "Cairn", "Print this", "Yara"):
        assert word not in shown, word
    assert paper.inner_text().splitlines()[0] in shown
    assert page.pdf(format="Letter").startswith(b"%PDF")
    desk.context.close()
