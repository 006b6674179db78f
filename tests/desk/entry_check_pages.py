"""A source whose services are asked by mail whether their entries are right."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from directory import models as m
from directory.importing.parsing import id_of
from directory.models import Verification
from permissions.models import SealedMessage
from referrals import worker
from tests.support.people.hsds_source import forget, take, write_tables
from tests.support.servers.message_servers import MailServer

DESK = "desk@marked.example"
OTHER = "other@marked.example"
COORDINATOR = "taskforce.coordinator"
WORDS = "The number is now 406-555-0199."
SECRET = "Room 12 behind the bakery"
NEVER = f"/check/{'a' * 22}"  # a link that there is not: as long as each


def tables(**first: str) -> dict[str, Any]:
    """The source; `first` changes the service of DESK."""
    service = {"organization_id": "1", "status": "active", "confidential": ""}
    return {
        "organizations": [{"id": "1", "name": "Marked House", "description": "For tests."}],
        "services": [
            {"id": "10", "name": "Talking", "email": DESK, **service, **first},
            {"id": "11", "name": "Walking", "email": f"  {DESK.upper()} ", **service}
            | {"assured_date": "2020-01-01"},
            {"id": "12", "name": "Hidden", "email": OTHER, **service, "confidential": "yes"},
            {"id": "13", "name": "Closed", "email": "c@marked.example", **service}
            | {"status": "defunct"},
            {"id": "14", "name": "Nowhere", "email": "no address", **service},
        ],
        "phones": [{"id": "100", "service_id": "10", "number": "406-555-0181"}],
        "locations": [{"id": "5", "organization_id": "1", "name": SECRET, "confidential": "yes"}],
        "service_at_location": [{"id": "7", "service_id": "10", "location_id": "5"}],
    }


@pytest.fixture
def house(network: Any, tmp_path: Path, settings: Any) -> Iterator[Path]:
    """The folder of the source, which was imported."""
    settings.VERIFY_ENTRIES = True
    folder = write_tables(tmp_path / "house", tables())
    take(folder)
    yield folder
    clear()


def clear() -> None:
    SealedMessage.objects.using("jobs").all().delete()
    forget()


def change(house: Path, **first: str) -> None:
    take(write_tables(house, tables(**first)))


def service(number: int = 10) -> UUID:
    return id_of("test", "service", str(number))


def work(*names: str) -> None:
    """Run these jobs, one after the other."""
    for name in names:
        assert worker.run_until_idle(worker.jobs_named([name])) == []


def ask() -> None:
    """Queue what is due, then send it."""
    work("entry-checks", "secrets")


def links_to(mails: MailServer, address: str = DESK) -> list[str]:
    """The path of the link of each mail to this address, in whatever letters it was written."""
    found = []
    for to, mail in mails.received:
        if to.lower() == address:
            text = mail.get_payload(decode=True).decode()  # type: ignore[union-attr]
            (path,) = set(re.findall(r"https?://[^/]+(/check/\S+)", text))
            found.append(path)
    return found


def asked(mails: MailServer) -> list[str]:
    ask()
    return links_to(mails)


def asked_of(number: int = 10) -> int:
    """How often a service was asked about, reminders left out."""
    return Verification.objects.using("jobs").filter(service_id=service(number)).count()


def assured(number: int = 10) -> date | None:
    return m.Service.objects.using("jobs").get(id=service(number)).assured_date
