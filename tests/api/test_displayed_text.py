"""What people are shown is what they can see: no character that hides, and none that turns a number
around, in whatever way it comes in."""

import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from django import forms
from rest_framework.exceptions import ValidationError

import api.urls  # noqa: F401  (all forms are there)
from api.desk.directory.search_form import SearchForm
from api.desk.forms import DeskForm, Text
from api.http import fields
from permissions import displayed_text
from referrals.packet_fields import FIELDS
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import PACKET, Story
from tests.support.proofs.body_shapes import LEAVES

BACKWARDS = "\u202e4710-555-604\u202c"  # is shown as 406-555-0174 and is not
TURNING = [*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A)), "\u200e", "\u200f"]
TURNING += ["\u061c"]
WIDTHLESS = ["\u200b", "\u2060", "\ufeff", "\u00ad", "\u180e", "\u034f", "\u3164"]
JOINERS = ["\u200c", "\u200d"]
CONTROL = ["\x01", "\x07", "\x08", "\x0b", "\x1b", "\x7f", "\x9b", "\U000e0041", "\ufff9"]
SEEN = [
    "Zoë Nuñez, 406-555-0111 (after 5 pm) – “ask for Zoë”",
    "می\u200cخواهم تماس بگیرید",  # Persian: a joiner that is written
    "क्\u200dष",  # Hindi
    "שלום 406-555-0111",
    "安全",
    "👩🏽\u200d👧 🏳️\u200d🌈",
]


def why(text: str, lines: bool = True) -> str | None:
    return displayed_text.fault_of(displayed_text.normalized(text), lines=lines)


@pytest.mark.no_database
@pytest.mark.parametrize(
    "sign",
    [*TURNING, *WIDTHLESS, *JOINERS, *CONTROL],
    ids=lambda s: s.encode("unicode_escape").decode(),
)
def test_what_cannot_be_seen_is_refused_wherever_it_is(sign: str) -> None:
    for text in (
        f"{sign}406-555-0111",
        f"406-555{sign}-0111",
        f"406-555-0111{sign}",
        f"Zoe {sign}",
    ):
        assert why(text) == displayed_text.HIDDEN, ascii(text)
        assert displayed_text.cleaned(text) == text.replace(sign, "")


@pytest.mark.no_database
@pytest.mark.parametrize("text", SEEN)
def test_what_people_write_is_taken_in_every_script(text: str) -> None:
    assert why(text, lines=False) is None
    assert displayed_text.cleaned(text) == displayed_text.normalized(text)


@pytest.mark.no_database
def test_a_joiner_hides_in_nothing_and_behind_nothing() -> None:
    for text in ("ک\u200c\u200cت", "7\u200d", "۷\u200c۷", "a\u200cb", "\u200cک", "^\u200d"):
        assert why(text) == displayed_text.HIDDEN, ascii(text)


@pytest.mark.no_database
def test_two_ways_to_write_one_name_become_one() -> None:
    two = unicodedata.normalize("NFD", "Zoë Nuñez")
    assert two != "Zoë Nuñez"
    assert displayed_text.normalized(two) == displayed_text.cleaned(two) == "Zoë Nuñez"
    assert displayed_text.normalized("one\r\ntwo\rthree\u2028four") == "one\ntwo\nthree\nfour"
    assert displayed_text.cleaned("e\u200b\u0301") == "é"


@pytest.mark.no_database
def test_a_line_break_is_for_texts_of_several_lines() -> None:
    for sign in "\n\t":
        assert why(f"one{sign}two") is None
        assert why(f"one{sign}two", lines=False) == displayed_text.ONE_LINE


# -- Every way in ----------------------------------------------------------------------------------


@pytest.mark.no_database
def test_no_text_of_a_body_takes_a_number_backwards() -> None:
    texts = {where: one for where, one in LEAVES.items() if isinstance(one, fields.Text)}
    assert len(texts) > 15
    for where, field in texts.items():
        with pytest.raises(ValidationError) as refused:
            field.run_validation(BACKWARDS)
        assert [one.code for one in refused.value.detail] == ["hidden"], where


def forms_of(kind: type[DeskForm] = DeskForm) -> Iterator[type[DeskForm]]:
    for form in kind.__subclasses__():
        yield form
        yield from forms_of(form)


@pytest.mark.no_database
def test_no_text_of_a_form_takes_a_number_backwards() -> None:
    """The words of a search are shown to whom they are from."""
    texts = {
        (form.__name__, name): field
        for form in forms_of()
        if form is not SearchForm
        for name, field in form.base_fields.items()
        if isinstance(field, forms.CharField) and not field.widget.is_hidden
        if type(field) is not forms.UUIDField
        if not isinstance(field.widget, forms.PasswordInput)  # shown to no one
    }
    assert len(texts) > 15
    assert {where for where, field in texts.items() if not isinstance(field, Text)} == set()
    for where, field in texts.items():
        with pytest.raises(forms.ValidationError) as refused:
            field.clean(BACKWARDS)
        assert refused.value.messages == [displayed_text.HIDDEN], where


@pytest.mark.parametrize(
    "field", [one for one in FIELDS if one.codes is None], ids=lambda f: f.name
)
def test_no_field_of_the_packet_shows_a_number_backwards(
    story: Story, api: Any, field: Any
) -> None:
    story.accept().release(*PACKET)
    officer = api("police.worker")
    answer = officer.act(story.id, "put_packet", {"packet": {field.name: BACKWARDS}})
    assert (answer.status_code, answer.json()["pointer"]) == (400, f"/packet/{field.name}")
    assert answer.json()["detail"] == displayed_text.HIDDEN
    answer = officer.act(story.id, "put_packet", {"packet": {field.name: "one\r\ntwo"}})
    assert answer.status_code == (200 if field.lines > 1 else 400), answer.content


def test_a_packet_holds_one_way_to_write_a_name(story: Story, api: Any) -> None:
    story.accept().release(*PACKET)
    story.packet(name=unicodedata.normalize("NFD", "Zoë Nuñez"), safe_contact="one\r\ntwo")
    opened = api("police.worker").act(story.id, "open_packet", {"purpose": "review"}).json()
    assert opened["packet"] == {"name": "Zoë Nuñez", "safe_contact": "one\ntwo"}


def test_the_desk_says_at_the_field_what_to_do(story: Story) -> None:
    story.accept().release(*PACKET)
    officer = at_the_desk("police.worker")
    page = f"/desk/referrals/{story.id}/put_packet"
    answer = officer.submit(page, {"phone": BACKWARDS, "name": "Zoe"})
    assert displayed_text.HIDDEN in text_of(answer.content)
    officer.submit(page, {"phone": "406-555-0174", "safe_contact": "one\r\ntwo"})
    assert text_of(officer.get(page).content)
