"""`manage.py bind_organization`: from phone only to answered by an agency, and back."""

import io
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from directory import demo, listings
from tests.conftest import agency_id

ORGANIZATION = "Demo Tribal Victim Services"
SERVICE = demo.service_id("tribal-advocacy")


def bind(*arguments: str) -> str:
    out = io.StringIO()
    call_command("bind_organization", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture(autouse=True)
def unbound_afterwards() -> Iterator[None]:
    yield
    bind(ORGANIZATION, "--none")


def answered_by(api: Any) -> Any:
    return api(None).get(f"/v1/directory/services/{SERVICE}").json()["answered_by"]


def test_all_services_of_an_organization_are_bound_and_unbound(api: Any) -> None:
    agency = str(agency_id("outsider"))
    assert answered_by(api) is None
    assert bind(ORGANIZATION, agency) == "1 services changed.\n"
    assert answered_by(api) == agency
    listed = listings.search(None, answered_by=UUID(agency), words="tribal").items
    assert [item.open_to_referrals for item in listed] == [True]
    assert bind(ORGANIZATION, agency) == "0 services changed.\n"
    assert bind(ORGANIZATION, "--none") == "1 services changed.\n"
    assert answered_by(api) is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("Nobody's House", "--none"), "There is no organization"),
        ((ORGANIZATION, "no such agency"), "There is no agency"),
        ((ORGANIZATION,), "Name an agency, or say --none"),
    ],
)
def test_what_is_not_there_is_told_in_words(arguments: tuple[str, ...], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        bind(*arguments)
