"""A list of services to print and to hand over, from the first tick to the paper."""

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings

from directory.demo import loader
from permissions.database.uuid7 import uuid7
from permissions.models import AccessEntry
from tests.desk.directory_pages import entry as entry  # a fixture
from tests.desk.directory_pages import nothing_left as nothing_left  # a fixture
from tests.support.people.desk_pages import Pages, at_the_desk, idle, rows, text_of

CRISIS = str(loader.service_id("shelter-crisis"))
HOUSING = str(loader.service_id("valleys-housing"))


def public_ids(count: int) -> list[str]:
    """So many services that a visitor finds, as the pages of results offer them."""
    found: list[str] = []
    number, pages = 1, Pages()
    while len(found) < count:
        page = pages.get("/directory", {"page": str(number)}).content.decode()
        offered = re.findall(r'name="add" value="([^"]+)"', page)
        assert offered, "there are not so many"
        found, number = found + offered, number + 1
    return found[:count]


def pick(pages: Pages, ids: Sequence[str], at: str = "/directory") -> Any:
    """Tick these on the page of results, and add them."""
    return pages.submit(at, {"add": list(ids)}, f"{at}/list")


def names_on(answer: Any) -> list[str]:
    """The names on the list, in order."""
    lines = re.findall(r"<li>(.*?) <button class=\"link\" name=\"remove\"", answer.content.decode())
    return [text_of(line) for line in lines]


def chosen_in(answer: Any) -> set[str]:
    return set(re.findall(r'name="chosen" value="([^"]+)"', answer.content.decode()))


def sheet_of(pages: Pages, answer: Any) -> Any:
    return pages.get(f"{answer.request['PATH_INFO']}/print")


def edit(api: Any, service: str, body: dict[str, Any]) -> None:
    """Let ywca's editor change their service."""
    path, editor = f"/v1/directory/services/{service}", api("ywca.editor")
    answer = editor.patch(path, body, If_Match=editor.get(path)["ETag"])
    assert answer.status_code == 200, answer.content


@pytest.fixture
def confidential(api: Any, entry: str) -> str:
    """A service of ywca's that members alone may see."""
    edit(api, entry, {"confidential": True})
    assert api(None).get(f"/v1/directory/services/{entry}").status_code == 404
    return entry


# -- Picking ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("who", "at"), [(None, "/directory"), ("ywca.worker", "/desk/directory")])
def test_a_person_picks_prints_and_takes_off(who, at):
    pages = at_the_desk(who) if who else Pages()
    found = pages.submit(at, {"words": "housing"})
    path = found.request["PATH_INFO"]
    assert path.startswith(f"{at}/found/")
    answer = pages.submit(path, {"add": [HOUSING]}, f"{at}/list")
    assert names_on(answer) == ["Housing and rent help"]
    shown = text_of(answer.content)
    assert "List to print: 1 of 10" in shown
    assert "“housing”" in shown, "the search goes on below the list"
    assert "On the list" in shown

    # Another search, from the list, keeps what is on it.
    there = answer.request["PATH_INFO"]
    token = pages.hidden(there, f"{at}/list")["csrfmiddlewaretoken"]
    search = {"csrfmiddlewaretoken": token, "chosen": HOUSING, "words": "crisis"}
    answer = pages.http.post(f"{at}/list", search, follow=True)
    assert names_on(answer) == ["Housing and rent help"]
    there = answer.request["PATH_INFO"]
    answer = pages.submit(there, {"add": [CRISIS]}, f"{at}/list")
    assert names_on(answer) == ["Housing and rent help", "Crisis line"]

    paper = text_of(sheet_of(pages, answer).content)
    assert paper.index("Housing and rent help") < paper.index("Crisis line")
    answer = pages.submit(answer.request["PATH_INFO"], {"remove": HOUSING}, f"{at}/list")
    assert names_on(answer) == ["Crisis line"]
    answer = pages.submit(answer.request["PATH_INFO"], {"remove": CRISIS}, f"{at}/list")
    assert names_on(answer) == []
    assert "Nothing is on the list." in text_of(answer.content)
    back = sheet_of(pages, answer)
    assert (back.status_code, back["Location"]) == (302, answer.request["PATH_INFO"])


@pytest.mark.parametrize(("who", "at"), [(None, "/directory"), ("ywca.worker", "/desk/directory")])
def test_a_services_page_puts_it_on_a_list(who, at):
    pages = at_the_desk(who) if who else Pages()
    answer = pages.submit(f"{at}/{CRISIS}", {"add": CRISIS}, f"{at}/list")
    assert names_on(answer) == ["Crisis line"]


def test_nothing_ticked_is_said():
    assert "Nothing was added. Tick a service" in text_of(pick(Pages(), []).content)


def test_a_list_holds_ten_and_the_eleventh_is_refused_in_words():
    eleven = public_ids(11)
    pages = Pages()
    answer = pick(pages, eleven[:10])
    assert chosen_in(answer) == set(eleven[:10])
    assert "ten services at most" not in text_of(answer.content)
    there = answer.request["PATH_INFO"]
    answer = pages.submit(there, {"add": [eleven[10]]}, "/directory/list")
    assert chosen_in(answer) == set(eleven[:10])
    assert "A list holds ten services at most." in text_of(answer.content)
    # One that is on it already is no eleventh.
    answer = pages.submit(there, {"add": [eleven[3]]}, "/directory/list")
    assert "ten services at most" not in text_of(answer.content)
    paper = sheet_of(pages, answer)
    assert paper.content.decode().count("<section>") == 10 + 1, "each, and the lines to call"


def test_a_fault_in_the_search_leaves_the_list_as_it_is():
    pages = Pages()
    there = pick(pages, [CRISIS]).request["PATH_INFO"]
    answer = pages.submit(there, {"age": "abc"}, "/directory/list")
    assert "Enter a whole number." in text_of(answer.content)
    assert names_on(answer) == ["Crisis line"]
    assert chosen_in(answer) == {CRISIS}
    answer = pages.submit(there, {"words": "xyzzyx"}, "/directory/list")
    assert "Nothing found" in text_of(answer.content)
    assert names_on(answer) == ["Crisis line"]


# -- What is not on it -----------------------------------------------------------------------------


def test_ids_of_nothing_and_no_ids_are_left_out_without_a_word():
    plain = text_of(pick(Pages(), [CRISIS]).content)
    for other in (str(uuid7()), "none", "", "0" * 5000, CRISIS):
        assert text_of(pick(Pages(), [CRISIS, other]).content) == plain
    many = [str(uuid7()) for _ in range(300)]
    assert text_of(pick(Pages(), [CRISIS, *many]).content) == plain


def test_a_confidential_service_is_to_the_public_one_that_there_is_not(confidential):
    answers = [
        pick(Pages(), [CRISIS, one]).content.decode() for one in (confidential, str(uuid7()))
    ]
    assert "Night line" not in answers[0]
    assert text_of(answers[0]) == text_of(answers[1])


def test_a_confidential_service_is_refused_to_a_member_in_words_and_never_printed(confidential):
    pages = at_the_desk("police.worker")
    page = pages.get(f"/desk/directory/{confidential}").content.decode()
    assert "do not share this service" in text_of(page)
    assert "/desk/directory/list" not in page, "no button that would be refused"
    found = pages.submit("/desk/directory", {"words": "Night line of a test"}).content.decode()
    assert "Night line of a test" in found
    assert f'name="add" value="{confidential}"' not in found

    answer = pick(pages, [CRISIS, confidential], "/desk/directory")
    assert names_on(answer) == ["Crisis line"]
    shown = text_of(answer.content)
    assert "A confidential service was not added. Its name must not be on a paper" in shown
    assert "Night line" not in text_of(sheet_of(pages, answer).content)
    random = pick(pages, [CRISIS, str(uuid7())], "/desk/directory")
    assert "A confidential service was not added" not in text_of(random.content)


def test_what_becomes_confidential_while_it_is_on_a_list_is_not_printed(api, entry):
    pages = at_the_desk("police.worker")
    answer = pick(pages, [CRISIS, entry], "/desk/directory")
    assert "Night line of a test" in text_of(sheet_of(pages, answer).content)
    edit(api, entry, {"confidential": True})
    assert "Night line" not in text_of(sheet_of(pages, answer).content)
    assert "Night line" not in text_of(pages.get(answer.request["PATH_INFO"]).content)


def test_a_closed_service_is_not_handed_over(api, entry):
    pages = Pages()
    assert len(names_on(pick(pages, [CRISIS, entry]))) == 2
    for status in ("inactive", "defunct"):
        edit(api, entry, {"status": status})
        assert names_on(pick(pages, [CRISIS, entry])) == ["Crisis line"]


# -- Where it is kept: nowhere ---------------------------------------------------------------------


def test_no_address_cookie_table_or_log_has_what_was_chosen(superuser, caplog):
    pages = at_the_desk("ywca.worker")
    before = rows(superuser, AccessEntry)
    answer = pick(pages, [CRISIS, HOUSING], "/desk/directory")
    paper = sheet_of(pages, answer)
    assert rows(superuser, AccessEntry) == before
    addresses = [where for where, _status in answer.redirect_chain]
    assert len(addresses) == 1
    page = answer.content.decode() + paper.content.decode()
    addresses += re.findall(r'(?:href|action)="([^"]*)"', paper.content.decode())
    addresses += re.findall(r'"(/[^"]*/list[^"]*)"', page)
    cookies = [one.value for one in pages.http.cookies.values()]
    for kept in (*addresses, *cookies, *(line.getMessage() for line in caplog.records)):
        for one in (CRISIS, HOUSING):
            assert one not in kept
            assert UUID(one).hex not in kept
    with superuser.cursor() as cursor:
        cursor.execute("SELECT session_data FROM django_session")
        sessions = " ".join(data for (data,) in cursor.fetchall())
    superuser.commit()
    assert CRISIS not in sessions


def test_after_the_session_has_ended_what_was_chosen_is_in_no_address():
    pages = at_the_desk("ywca.worker", csrf=False)
    idle(pages)
    answer = pages.http.post("/desk/directory/list", {"chosen": CRISIS, "add": HOUSING})
    assert answer.status_code == 302
    assert CRISIS not in answer["Location"]
    assert HOUSING not in answer["Location"]


def test_a_list_opens_for_its_own_browser_and_ends(shift_clock):
    pages = Pages()
    path = pick(pages, [CRISIS]).request["PATH_INFO"]
    other = Pages()
    other.get("/directory")
    for which, where in ((other, path), (pages, path[:-9] + "A" * 9)):
        shown = text_of(which.get(where).content)
        assert "That list has ended" in shown
        assert "List to print" not in shown
        assert which.get(f"{where}/print").status_code == 302
    shift_clock("31 minutes")
    assert "That list has ended" in text_of(pages.get(path).content)
    shift_clock("0")
    assert names_on(pages.get(path)) == ["Crisis line"]
    pages.http.cookies.clear()  # what leaving quickly has the browser do
    assert "That list has ended" in text_of(pages.get(path).content)


def test_a_form_without_its_token_is_refused():
    pages = Pages()
    assert pages.http.post("/directory/list", {"add": CRISIS}).status_code == 403


# -- The paper -------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_paper_is_in_both_languages_with_a_neutral_title(language):
    pages = Pages()
    pages.http.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    paper = sheet_of(pages, pick(pages, [CRISIS, HOUSING]))
    page = paper.content.decode()
    title = {"en": "Phone numbers", "es": "Números de teléfono"}[language]
    assert f"<title>{title}</title>" in page
    article = re.search(r"<article.*?</article>", page, re.S)
    assert article
    text = text_of(article[0])
    assert text.startswith("Phone numbers / Números de teléfono")
    assert text.count("Cairn") == text.count("Cairn Demo"), "only agencies of the demo"
    for words in (
        *("Hours / Horario:", "Open 24/7 / ", "Where / Dónde:", "Languages / Idiomas:"),
        *("English", "inglés", "Spanish", "español", "406-555-0150", "1300 Example Road"),
    ):
        assert words in text, words
    for line in settings.SAFETY_LINES:
        assert line["phone"] in text
        assert line.get("name_es", line["name"]) in text
    assert settings.SAFETY_NOTICE in text
    assert settings.SAFETY_NOTICE_ES in text
    assert "tel:" not in article[0], "a number on paper is text"
    assert paper["Cache-Control"] == "no-store"
    assert "attachment" not in paper.get("Content-Disposition", "")
    assert 'class="leave"' in page


def test_the_paper_says_what_to_know_before_a_call_and_how_each_number_is_used(entry):
    pages = Pages()
    text = text_of(sheet_of(pages, pick(pages, [entry])).content)
    assert "Before you call: / Antes de llamar: Ask for the desk." in text
    assert "406-555-0171 ext. 3 Desk" in text
    assert "233700 by text message / por mensaje de texto" in text
    assert "406-555-0174" not in text, "no one calls a pager"
    assert "Nora Invented" not in text


def test_members_alone_are_told_whom_not_to_leave_it_with():
    told = "Do not leave it with the survivor unless they ask for it."
    member = at_the_desk("ywca.worker")
    page = sheet_of(member, pick(member, [CRISIS], "/desk/directory")).content.decode()
    assert re.search(rf'<p class="screen">[^\n]*{re.escape(told)}', page), "it is not printed"
    visitor = Pages()
    assert told not in sheet_of(visitor, pick(visitor, [CRISIS])).content.decode()


def test_a_member_prints_what_the_public_may_read(api, entry):
    """The same paper for both: nothing on it comes from what members alone see."""
    member, visitor = at_the_desk("ywca.editor"), Pages()
    ids = [CRISIS, HOUSING, entry, *public_ids(6)]
    papers = [
        sheet_of(member, pick(member, ids, "/desk/directory")).content.decode(),
        sheet_of(visitor, pick(visitor, ids)).content.decode(),
    ]
    articles = [text_of(one.partition("<article")[2].partition("</article>")[0]) for one in papers]
    assert articles[0] == articles[1]
    assert "Night line of a test" in articles[0]
