"""Rows of the directory that one test of the database's functions needs, removed at its end.

They use one session of the superuser, so that a test can call functions that no role may call by
name. Rows are written as the role `jobs`, or as the role that the test takes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from django.db import models
from psycopg2.extras import Json

from directory import models as m
from tests.support.ground.database import identify, rolled_back

WHERE = {
    "latitude": 67.9,
    "longitude": -114.1,
    "transportation": "a tram",
    "external_identifier": "x1",
    "url": "https://example.org",
}
NOWHERE = (None, None, "", "", "")
SHOW = "UPDATE directory_location SET confidential = false WHERE id = %s"


class Entries:
    """In one transaction. Everything has the same name: only whose it is and where it is count."""

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor
        self.become("jobs")

    def become(self, role: str, caller: Any = None) -> None:
        """From here on the role, for the caller; `none`: the superuser."""
        self.cursor.execute(f"SET LOCAL ROLE {role}")
        identify(self.cursor, caller)

    # -- Rows

    def lay(self, row: models.Model) -> UUID:
        kept = [one for one in row._meta.concrete_fields if not one.has_db_default()]
        names = ", ".join(f'"{one.column}"' for one in kept)
        said = [getattr(row, one.attname) for one in kept]
        values = [Json(one) if isinstance(one, dict) else one for one in said]
        marks = ", ".join(["%s"] * len(kept))
        table = row._meta.db_table
        self.cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)
        found: UUID = row.pk
        return found

    def organization(self, **said: Any) -> UUID:
        return self.lay(m.Organization(name="Of a test", **said))

    def service(self, owner: UUID, **said: Any) -> UUID:
        row = m.Service(part_of_id=owner, organization_id=owner, name="Of a test", **said)
        return self.lay(row)

    def place(self, owner: UUID, **said: Any) -> UUID:
        return self.lay(m.Location(part_of_id=owner, organization_id=owner, **said))

    def link(self, owner: UUID, service: UUID, place: UUID) -> UUID:
        row = m.ServiceAtLocation(part_of_id=owner, service_id=service, location_id=place)
        return self.lay(row)

    def address(self, owner: UUID, place: UUID, code: str = "QX1") -> UUID:
        where = {"address_1": "1 Invented St", "city": "X", "state_province": "MT", "country": "US"}
        return self.lay(m.Address(part_of_id=owner, location_id=place, postal_code=code, **where))

    def hide(self, place: UUID) -> None:
        nowhere = ", ".join(f"{name} = %s" for name in WHERE)
        change = f"UPDATE directory_location SET confidential = true, {nowhere} WHERE id = %s"
        self.run(change, *NOWHERE, place)

    # -- Questions

    def run(self, statement: str, *values: Any) -> int:
        """How many rows it touches."""
        self.cursor.execute(statement, values)
        count: int = self.cursor.rowcount
        return count

    def rows(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        self.cursor.execute(question, values)
        found: list[tuple[Any, ...]] = self.cursor.fetchall()
        return found

    def call(self, function: str, *values: Any) -> Any:
        """What a function of schema `sec` says."""
        marks = ", ".join(["%s"] * len(values))
        return self.rows(f"SELECT sec.{function}({marks})", *values)[0][0]

    @contextmanager
    def refused(self, error: type[Exception], match: str) -> Iterator[None]:
        self.cursor.execute("SAVEPOINT before")
        with pytest.raises(error, match=match):  # noqa: PT012 (what was done instead is said)
            yield
            done = self.cursor.rowcount
            who = self.rows("SELECT current_user, (i).* FROM sec.identity() i")
            pytest.fail(f"It was not refused: {done} rows, by {who}")
        self.cursor.execute("ROLLBACK TO before")


@contextmanager
def rows_taken_back(superuser: Any) -> Iterator[Entries]:
    with rolled_back(superuser) as cursor:
        yield Entries(cursor)
