"""An administrator gives a member a staff number at the desk, changes it and takes it away."""

from typing import Any

import pytest
from django.conf import settings

from permissions.models import Membership
from tests.support.people.callers import member_id
from tests.support.people.desk_pages import Pages, at_the_desk, text_of
from tests.support.people.staff_numbers import Give
from tests.support.people.staff_numbers import give_number as give_number  # a fixture

MEMBERS = "/desk/members"
WHO = "police.worker"


@pytest.fixture
def page(give_number: Give) -> str:
    """The page of one member's number, who has none, before the test and after it."""
    give_number(WHO, None)
    return f"{MEMBERS}/{member_id(WHO)}/number"


def kept(who: str = WHO) -> str | None:
    found: str | None = Membership.objects.using("signin").get(id=member_id(who)).staff_ref
    return found


def save(pages: Pages, page: str, text: str) -> Any:
    return pages.submit(page, {"staff_ref": text})


def test_a_number_is_set_changed_and_cleared(page: str) -> None:
    pages = at_the_desk("police.admin")
    assert page in pages.get(MEMBERS).content.decode()
    for text, said in (("4711", "Saved."), ("  NPI 99 ", "Saved."), ("", "no staff number now")):
        answer = save(pages, page, text)
        assert answer.request["PATH_INFO"] == MEMBERS
        assert said in text_of(answer.content)
        assert kept() == (text.strip() or None)
        if text:
            assert f"staff number {text.strip()}" in text_of(answer.content)
            assert f'value="{text.strip()}"' in pages.get(page).content.decode()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x" * 65, "at most 64 characters"),
        ("4\u00e9", "A staff number has 1 to 64 plain letters"),
        ("47\u202e11", "character"),
    ],
)
def test_what_cannot_be_one_is_said_at_the_field(page: str, text: str, says: str) -> None:
    answer = save(at_the_desk("police.admin"), page, text)
    assert answer.request["PATH_INFO"] == page
    assert says in text_of(answer.content)
    assert kept() is None


def test_a_colleagues_number_is_refused_in_words(page: str, give_number: Give) -> None:
    give_number("police.lead", "4711")
    answer = save(at_the_desk("police.admin"), page, "4711")
    assert answer.status_code == 409
    assert "Another member of your agency has this staff number." in text_of(answer.content)
    assert kept() is None
    give_number("ywca.lead", "4712")
    assert save(at_the_desk("police.admin"), page, "4712").request["PATH_INFO"] == MEMBERS


def test_it_is_asked_for_a_second_factor_of_just_now(page: str) -> None:
    pages = at_the_desk("police.admin", code_age_s=settings.FRESH_PROOF_S + 3600)
    assert pages.get(page).status_code == 302
    assert kept() is None


def test_no_one_else_has_the_page(page: str) -> None:
    for who, status in (
        ("police.lead", 403),
        (WHO, 403),
        ("police.auditor", 403),
        ("ywca.admin", 404),
    ):
        pages = at_the_desk(who, csrf=False)
        assert pages.get(page).status_code == status, who
        assert pages.http.post(page, {"staff_ref": "4711"}).status_code == status, who
    assert kept() is None


def test_the_changes_of_the_agency_show_that_it_was_set_and_not_which(page: str) -> None:
    save(at_the_desk("police.admin"), page, "badge 4711")
    said = text_of(at_the_desk("police.lead").get("/desk/agency/changes").content)
    assert "Set or cleared a member's staff number" in said
    assert "a staff number" in said
    assert "badge" not in said
