"""A new listing as an editor fills it in, and what is there of it afterwards."""

import re
from typing import Any

from api.desk.directory import search_form
from directory import models as m
from directory.demo import loader
from directory.importing.parsing import id_of
from tests.desk.directory_pages import OURS, form_of
from tests.support.people.desk_pages import Pages, at_the_desk, text_of

NEW = "/desk/entries/new"
OFFICE = id_of(loader.SOURCE, "location", "shelter-office")
SECRET = id_of(loader.SOURCE, "location", "shelter-place")
NAME = "Lantern counseling of a test"
STREET = "1 Lantern Way"


def blank(pages: Pages, organization: Any = OURS) -> dict[str, Any]:
    """The form of a new listing, untouched."""
    return form_of(pages, f"{NEW}?organization={organization}")


def filled(pages: Pages, organization: Any = OURS, **more: Any) -> dict[str, Any]:
    """A listing by phone with two needs, in Spanish, without a place."""
    answers = {
        "name": NAME,
        "description": "Invented for a test.",
        "phone": "406-555-0176",
        "referrals": "phone",
        **checked("needs", "counseling", "group"),
        "served_0": ["women"],
        "victimization_0": ["stalking"],
        "languages_0": ["es"],
    }
    return blank(pages, organization) | answers | more


def checked(kind: str, *codes: str) -> dict[str, list[str]]:
    """The fields of the groups that these codes are in."""
    groups = search_form.needs("en") if kind == "needs" else search_form.served("en")
    found: dict[str, list[str]] = {}
    for number, (_title, choices) in enumerate(groups):
        here = [code for code in codes if code in dict(choices)]
        if here:
            found[f"{kind}_{number}"] = here
    assert {one for several in found.values() for one in several} == set(codes)
    return found


def a_place(**more: Any) -> dict[str, Any]:
    """A new place, in the form of a new listing and in the form of a place."""
    return {
        "place": "new",
        "place_name": "Lantern house",
        "place_address_1": STREET,
        "place_city": "Missoula",
        "place_state": "mt",
        "place_zip": "59801",
    } | more


def send(pages: Pages, fields: dict[str, Any], button: str = "save", path: str = NEW) -> Any:
    return pages.http.post(path, fields | {button: "1"}, follow=True)


def beside(answer: Any, field: str) -> str:
    """What is said at a field."""
    page = answer.content.decode()
    found = re.search(rf'id="field-{field}".*?</(?:div|fieldset)>', page, re.S)
    assert found, field
    return text_of(found[0])


def proposal_on(answer: Any) -> str:
    """The proposal that may be decided on this page."""
    found = re.search(r"/desk/proposals/([0-9a-f-]{36})/approve", answer.content.decode())
    assert found, text_of(answer.content)
    return found[1]


def approve(pages: Pages) -> Any:
    action = f"/desk/proposals/{proposal_on(pages.get('/desk/proposals'))}/approve"
    return pages.submit("/desk/proposals", action=action)


def waiting() -> int:
    """How many proposals wait for the lead of ywca."""
    page = at_the_desk("ywca.lead").get("/desk/proposals").content.decode()
    return len(re.findall(r'action="/desk/proposals/[0-9a-f-]{36}/approve"', page))


def services(name: str = NAME) -> list[m.Service]:
    return list(m.Service.objects.using("jobs").filter(name=name))


def places_of(service: Any) -> list[m.Location]:
    links = m.ServiceAtLocation.objects.using("jobs").filter(service_id=service)
    rows = m.Location.objects.using("jobs").filter(id__in=links.values("location_id"))
    return list(rows.order_by("name"))


def stored(superuser: Any, word: str) -> list[str]:
    """The tables in which a word is, read past every policy."""
    found = []
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT c.oid::regclass::text FROM pg_class c"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
        )
        for (table,) in cursor.fetchall():
            like = f"SELECT EXISTS (SELECT FROM {table} t WHERE t::text ILIKE %s)"
            cursor.execute(like, [f"%{word}%"])
            if cursor.fetchone()[0]:
                found.append(table)
    superuser.commit()
    return found
