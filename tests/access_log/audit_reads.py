"""How the tests read the access log as auditors do."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.people.access_log import one
from tests.support.people.callers import Caller, agency_id

LOG = "/v1/access-log"
EXPORT = f"{LOG}/export"
OPT_INS = f"{LOG}/opt-ins"


def lines(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.content
    text = b"".join(answer.streaming_content).decode()
    return [json.loads(line) for line in text.splitlines()]


def entries_of(superuser: Any, answer: Any) -> list[tuple[Any, ...]]:
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT act, decision, rule FROM access_entry WHERE request_id = %s ORDER BY id",
            [answer["X-Request-Id"]],
        )
        return list(cursor.fetchall())


def clock(superuser: Any) -> str:
    return str(one(superuser, "SELECT to_json(sec.clock())"))


def read_all_by(caller: Caller, size: int, query: dict[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = caller.get(LOG, query | cursor | {"limit": str(size)}).json()
        assert len(page["items"]) <= size
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


# -- An agency lets an oversight auditor read ------------------------------------------------------


def opt_in(days: float = 7, to: str = "taskforce") -> dict[str, str]:
    ends = datetime.now(UTC) + timedelta(days=days)
    return {"to_agency_id": str(agency_id(to)), "ends_at": ends.isoformat()}


# -- An export that the auditor checks -------------------------------------------------------------


def sealed_export(answer: Any, tmp_path: Path) -> Path:
    assert answer.status_code == 200, answer.content
    (tmp_path / "export").write_bytes(b"".join(answer.streaming_content))
    return tmp_path / "export"
