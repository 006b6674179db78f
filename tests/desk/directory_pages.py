"""An agency's own entry, a table of ZIP codes, and how the pages show them."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from directory import models as m
from directory.demo import loader
from directory.importing.parsing import id_of
from directory.postcodes import derive
from permissions.database.uuid7 import uuid7
from tests.support.ground.database import forget_edits
from tests.support.people.desk_pages import Pages

OURS = id_of(loader.SOURCE, "organization", "shelter")  # ywca edits it
DENVER = ZoneInfo("America/Denver")


@pytest.fixture
def postcodes(network: Any) -> Iterator[None]:
    """59801, as an operator's table knows it."""
    known = m.Postcode.objects.using("jobs")
    known.filter(postcode="59801").delete()  # what its addresses said
    known.create(postcode="59801", latitude=46.8701, longitude=-113.9952)
    yield
    known.filter(derived=False).delete()
    derive()


@pytest.fixture
def nothing_left(network: Any) -> Iterator[None]:
    yield
    forget_edits()


@pytest.fixture
def entry(api: Any, nothing_left: None) -> str:
    """The id of a new service of ywca's, with something of everything in it."""
    service = uuid7()
    body = {
        "organization_id": str(OURS),
        "name": "Night line of a test",
        "description": "Invented for a test.",
        "alert": "The door is round the corner until Friday.",
        "eligibility_description": "Adults",
        "minimum_age": 18,
        "fees_description": "Free",
        "wait_time": "An hour",
        "victimization_types": ["stalking"],
        "safe_contact_notes": "Ask for the desk.",
        "assured_date": "2020-02-03",
        "phones": [
            {"number": "406-555-0171", "extension": 3, "type": "voice", "description": "Desk"},
            {"number": "233700", "type": "text"},
            {"number": "406-555-0174", "type": "pager"},
        ],
        "schedules": [
            {"freq": "WEEKLY", "byday": "MO,TU", "opens_at": "18:00:00", "closes_at": "22:00:00"},
            {"freq": "MONTHLY", "bymonthday": "1", "opens_at": "09:00:00", "description": "First"},
        ],
        "holiday_schedules": [
            {"start_date": "2099-12-24", "end_date": "2099-12-26", "description": "Christmas"}
        ],
        "capacities": [{"available": 2, "maximum": 8, "unit": {"name": "beds of a test"}}],
        "required_documents": [{"document": "A letter, if there is one"}],
        "languages": [{"code": "es", "name": "Spanish"}],
        "cost_options": [{"option": "Copies", "amount": 2, "currency": "USD"}],
        "contacts": [{"name": "Nora Invented", "phones": [{"number": "406-555-0172"}]}],
        "service_areas": [{"name": "The valley"}],
    }
    made = api("ywca.editor").put(f"/v1/directory/services/{service}", body)
    assert made.status_code == 201, made.content
    return str(service)


def document_of(api: Any, service: str) -> dict[str, Any]:
    found: dict[str, Any] = api(None).get(f"/v1/directory/services/{service}").json()
    return found


def form_of(pages: Pages, path: str) -> dict[str, Any]:
    """Every field of the page's form as a browser would send it untouched."""
    page, action = pages.get(path).content.decode(), path.partition("?")[0]
    form = page[page.index(f'<form method="post" action="{action}"') :].partition("</form>")[0]
    given: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if "checkbox" in tag:
            if "checked" in tag:
                given.setdefault(name[1], []).append(value[1] if value else "on")
        elif "radio" in tag:
            if "checked" in tag:
                given[name[1]] = value[1]
        else:
            given[name[1]] = unescape(value[1]) if value else ""
    for name, text in re.findall(
        r'<textarea name="([^"]+)"[^>]*>\r?\n?(.*?)</textarea>', form, re.S
    ):
        given[name] = unescape(text)
    for name, options in re.findall(r'<select name="([^"]+)".*?>(.*?)</select>', form, re.S):
        chosen = re.search(r'value="([^"]*)" selected', options)
        given[name] = chosen[1] if chosen else ""
    return given
