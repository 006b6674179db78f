"""`manage.py directory bind`: from phone only to answered by an agency, and back; and who edits:
`manage.py directory editors`."""

import io
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from directory import listings
from directory.demo import loader
from directory.models import Organization
from directory.search.query import SearchQuery
from permissions.database.aliases import JOBS
from tests.support.people.access_log import the_log_is_full
from tests.support.people.callers import agency_id

ORGANIZATION = "Demo Tribal Victim Services"
SERVICE = loader.service_id("tribal-advocacy")


EDITS = "From now on the agency edits the organization's entries.\n"


def bind(*arguments: str) -> str:
    return said("directory", "bind", *arguments)


def said(*command: str) -> str:
    out = io.StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def editors(*change: str) -> list[str]:
    """The names of the agencies that edit it, after the change."""
    lines = said("directory", "editors", ORGANIZATION, *change).splitlines()
    return [line.split(maxsplit=1)[1] for line in lines]


@pytest.fixture(autouse=True)
def unbound_afterwards() -> Iterator[None]:
    yield
    bind(ORGANIZATION, "--none")
    for key in ("outsider", "sarc"):
        editors("--remove", str(agency_id(key)))


def answered_by(api: Any) -> Any:
    return api(None).get(f"/v1/directory/services/{SERVICE}").json()["answered_by"]


def test_all_services_of_an_organization_are_bound_and_unbound(api: Any) -> None:
    agency = str(agency_id("outsider"))
    assert answered_by(api) is None
    assert bind(ORGANIZATION, agency) == "1 services changed.\n" + EDITS
    assert answered_by(api) == agency
    listed = listings.search(None, SearchQuery(answered_by=UUID(agency), words="tribal")).items
    assert [item.open_to_referrals for item in listed] == [True]
    assert bind(ORGANIZATION, agency) == "0 services changed.\n"
    assert bind(ORGANIZATION, "--none") == "1 services changed.\n"
    assert answered_by(api) is None


def test_who_answers_and_who_edits_is_in_the_log_each_change_once(superuser: Any) -> None:
    outsider, sarc = str(agency_id("outsider")), str(agency_id("sarc"))
    organization = str(Organization.objects.using(JOBS).get(name=ORGANIZATION).pk)
    with superuser.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        began = cursor.fetchone()
        for _ in range(2):
            bind(ORGANIZATION, outsider)
        bind(ORGANIZATION, sarc, "--answer-only")
        bind(ORGANIZATION, "--none")
        for _ in range(2):
            editors("--add", sarc)
        editors("--remove", sarc)
        editors("--remove", sarc)
        cursor.execute(
            "SELECT act, agency_id FROM access_entry WHERE directory_id = %s AND decision ="
            " 'allowed' AND at >= %s AND member_id IS NULL AND client_id IS NULL"
            " ORDER BY xact, act DESC",
            [organization, *began],
        )
        assert cursor.fetchall() == [
            ("organization.bind", UUID(outsider)),
            ("editor.add", UUID(outsider)),
            ("organization.unbind", UUID(outsider)),
            ("organization.bind", UUID(sarc)),
            ("organization.unbind", UUID(sarc)),
            ("editor.add", UUID(sarc)),
            ("editor.end", UUID(sarc)),
        ]


def test_nothing_is_changed_whose_entry_cannot_be_written(api: Any) -> None:
    sarc = str(agency_id("sarc"))
    with the_log_is_full():
        for verb in (["bind", ORGANIZATION, sarc], ["editors", ORGANIZATION, "--add", sarc]):
            with pytest.raises(CommandError, match="log cannot be written"):
                call_command("directory", *verb)
    assert answered_by(api) is None
    assert editors() == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("Nobody's House", "--none"), "No organization has the id"),
        ((ORGANIZATION, "no such agency"), "No agency has the id"),
        ((ORGANIZATION,), "Name an agency, or give --none"),
    ],
)
def test_what_is_not_there_is_told_in_words(arguments: tuple[str, ...], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        bind(*arguments)


def test_who_answers_edits_too_unless_said_otherwise() -> None:
    assert editors() == []
    bind(ORGANIZATION, str(agency_id("outsider")), "--answer-only")
    assert editors() == []
    assert EDITS in bind(ORGANIZATION, str(agency_id("outsider")))
    assert EDITS not in bind(ORGANIZATION, str(agency_id("outsider")))
    assert editors() == ["Demo Food Bank"]


def test_another_agency_is_given_the_editing_and_it_is_taken_away() -> None:
    sarc = str(agency_id("sarc"))
    assert editors("--add", sarc) == editors("--add", sarc) == ["Demo Campus Advocacy"]
    assert editors("--add", "Demo Food Bank") == ["Demo Campus Advocacy", "Demo Food Bank"]
    assert editors("--remove", sarc) == editors("--remove", sarc) == ["Demo Food Bank"]
    with pytest.raises(CommandError, match="No agency has the id"):
        editors("--add", "Nobody's Agency")
    assert editors() == ["Demo Food Bank"]
