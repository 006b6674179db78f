"""The entries of the access log, as the cluster's superuser reads them."""

from typing import Any

import pytest


@pytest.fixture
def entries(superuser: Any) -> Any:
    """What the log says of one request, as dictionaries: `entries(answer)`."""

    def of(answer: Any) -> list[dict[str, Any]]:
        with superuser.cursor() as cursor:
            cursor.execute(
                "SELECT to_jsonb(e) FROM access_entry e WHERE request_id = %s ORDER BY id",
                [answer["X-Request-Id"]],
            )
            return [row for (row,) in cursor.fetchall()]

    return of


def kept(entry: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(entry[name] for name in names)
