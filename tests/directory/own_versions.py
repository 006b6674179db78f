"""An own entry at an own place, whose text has markers, and what is kept of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from django.db import connections

from directory import models as m
from directory.editing import earlier_text
from directory.editing.earlier_text import EarlierText
from directory.editing.versions import steps
from permissions.database.aliases import EDITOR
from permissions.database.db_identity import identified_transaction
from permissions.database.uuid7 import uuid7
from permissions.identity import credentials
from permissions.principal import Principal
from referrals import worker
from tests.directory.own_services import SERVICES, a_service
from tests.support.people.callers import Caller, member_id
from tests.support.people.directory_entries import LOCATIONS, a_location

STREET = "17 Inventors Lane"  # of a_location
MARKER = "Unspoken Way"
OLD = f"Behind the mill, {MARKER}."


def entry_id(path: str) -> UUID:
    return UUID(path.rsplit("/", 1)[1])


def principal(caller: Caller) -> Principal:
    acting = str(member_id(caller.acting)) if caller.acting else ""
    found = credentials.resolve_credential(caller.secret, acting)
    assert found is not None
    return found


@pytest.fixture
def place(api: Any) -> str:
    """The address of a new public place of ours."""
    path = f"{LOCATIONS}/{uuid7()}"
    more = {"transportation": "Bus 6", "url": "https://example.org/house"}
    assert api("ywca.editor").put(path, a_location(**more)).status_code == 201
    return path


@pytest.fixture
def line(api: Any, place: str) -> str:
    """The address of a new service of ours at the place."""
    path = f"{SERVICES}/{uuid7()}"
    at = {"service_at_locations": [{"location_id": str(entry_id(place)), "description": "Rear"}]}
    body = a_service(description=OLD) | at
    assert api("ywca.editor").put(path, body).status_code == 201
    return path


def patched(caller: Caller, path: str, **change: Any) -> Any:
    answer = caller.patch(path, change, If_Match=caller.get(path)["ETag"])
    assert answer.status_code == 200, answer.content
    return answer


def last_edit(path: str) -> m.Edit:
    return m.Edit.objects.using("jobs").filter(row_id=entry_id(path)).order_by("-id")[0]


def kept(superuser: Any, *paths: str) -> list[tuple[str, str]]:
    """The kinds of what is kept, and of which entry, past every policy; of all without `paths`."""
    with superuser.cursor() as cursor:
        cursor.execute("SELECT kind, row_id::text FROM directory_earlier_text ORDER BY id")
        found = list(cursor.fetchall())
    ids = {str(entry_id(path)) for path in paths}
    return [one for one in found if not ids or one[1] in ids]


def text_of(caller: Caller, path: str) -> UUID:
    """The id of the text of the entry's last edit, as its agency finds it."""
    who = principal(caller)
    with identified_transaction(who, EDITOR):
        owner = last_edit(path).organization_id
        return earlier_text.kept_texts(owner)[last_edit(path).id]


def opened(caller: Caller, path: str) -> EarlierText:
    return earlier_text.open_text(principal(caller), entry_id(path), text_of(caller, path))


def step(caller: Caller, service: str, path: str) -> steps.Step:
    return steps.open_step(principal(caller), entry_id(service), last_edit(path).id)


def end_texts() -> None:
    assert worker.run_until_idle(worker.jobs_named(["earlier-texts"])) == []


def due_keys() -> set[UUID]:
    """The agencies whose key has to end, so that no backup opens what went."""
    with connections["jobs"].cursor() as cursor:
        cursor.execute("SELECT agency_id FROM epoch_due")
        return {one for (one,) in cursor.fetchall()}


@contextmanager
def in_another_transaction(superuser: Any) -> Iterator[Any]:
    """A cursor of a transaction that is open while the block runs, and commits at its end."""
    superuser.autocommit = False
    try:
        with superuser.cursor() as cursor:
            yield cursor
        superuser.commit()
    finally:
        superuser.rollback()
        superuser.autocommit = True
