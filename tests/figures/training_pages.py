"""Trainings as a form sends them, and as the table has them."""

from typing import Any
from uuid import uuid4

from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import Pages

COORDINATOR = "taskforce.coordinator"
LIST = "/desk/trainings"
NEW = f"{LIST}/new"


def given(of: str = "police", **more: Any) -> dict[str, str]:
    """What a form says of a training of this agency."""
    said = {
        "held_on": "2026-03-05",
        "agency": str(agency_id(of)),
        "sector": "hospitality",
        "audience": "frontline",
        "topic": "recognizing",
        "heads": "31",
        "title": "",
    }
    return said | {name: str(value) for name, value in more.items()}


def enter(pages: Pages, of: str = "police", **more: Any) -> Any:
    return pages.submit(NEW, given(of, **more))


def posted(pages: Pages, path: str, **more: Any) -> Any:
    """Post to a path without its page: for those who are not shown it. Without a token of CSRF."""
    body = given() | {"key": str(uuid4()), "seen": "0"} | more
    return pages.http.post(path, body)


def stored(superuser: Any) -> list[tuple[Any, ...]]:
    """Every training, in order of its day."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT a.id, t.held_on::text, t.sector, t.audience, t.topic, t.heads, t.title,"
            " t.changes FROM directory_training t JOIN permissions_agency a ON a.id = t.agency_id"
            " ORDER BY t.held_on, t.id"
        )
        found = [(str(row[0]), *row[1:]) for row in cursor.fetchall()]
    superuser.commit()
    return found


def only_id(superuser: Any) -> str:
    """The id of the one training that there is."""
    with superuser.cursor() as cursor:
        cursor.execute("SELECT id::text FROM directory_training")
        ((found,),) = cursor.fetchall()
    superuser.commit()
    return str(found)


def logged(superuser: Any) -> list[tuple[Any, ...]]:
    """The access entries of trainings: act, the training, decision, the fields that it changed."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT act, directory_id::text, decision, fields, member_id::text FROM access_entry"
            " WHERE act LIKE 'training.%' ORDER BY at, id"
        )
        found = list(cursor.fetchall())
    superuser.commit()
    return found
