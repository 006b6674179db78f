"""All that the sender of a referral gets, over HTTP and by raw SQL."""

import json
from typing import Any

from tests.support.ground.database import as_app
from tests.support.people.callers import Caller

SENDERS = (
    ("police.worker", None),
    ("police.lead", None),
    ("police.client", None),
)

TABLES = (
    *("referral", "referral_side", "referral_event", "referral_assignment", "release"),
    *("release_end", "packet_grant", "private_key", "referral_plan"),
)


class Sender:
    """Everything that the sender's people and systems get, over HTTP and by raw SQL as `app`."""

    def __init__(self, api: Any) -> None:
        self.callers: list[Caller] = [api(who, acting) for who, acting in SENDERS]

    def view(self, referral_id: str) -> list[Any]:
        got: list[Any] = []
        for caller in self.callers:
            for path in (
                f"/v1/referrals/{referral_id}",
                f"/v1/referrals/{referral_id}/history",
                "/v1/referrals",
            ):
                answer = caller.get(path)
                assert answer.status_code == 200
                kept = {k: v for k, v in answer.items() if k not in ("X-Request-Id", "Date")}
                got.append((caller.who, path, kept, answer.content))
            with as_app(caller) as cursor:
                for table in TABLES:
                    row = columns(cursor, table)
                    cursor.execute(f"SELECT ({row})::text FROM {table} ORDER BY 1")
                    got.append((caller.who, table, cursor.fetchall()))
        return got


def columns(cursor: Any, table: str) -> str:
    """The columns that the role may read. None of them says whether anyone is barred."""
    cursor.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
        " AND NOT attisdropped AND has_column_privilege(attrelid, attnum, 'SELECT')",
        [table],
    )
    return "row(" + ", ".join(name for (name,) in cursor.fetchall()) + ")"


VOLATILE = ("id", "release_id", "receipt", "reference", "at")


def comparable(answer: Any) -> Any:
    """Status, body and headers, without what is one referral's own: ids, moments, ETag."""

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: "…"
                if name in VOLATILE or (member and name.endswith(("_at", "_by")))
                else strip(member)
                for name, member in value.items()
            }
        return [strip(one) for one in value] if isinstance(value, list) else value

    names = sorted(name for name, _ in answer.items())
    return answer.status_code, strip(answer.json()), names


def changes(old: Any, new: Any) -> set[str]:
    first, second = json.loads(old[3]), json.loads(new[3])
    found = {name for name in first if first[name] != second[name]}
    if "release" in found:
        found.remove("release")
        found |= {
            f"release.{name}"
            for name in first["release"]
            if first["release"][name] != second["release"][name]
        }
    return found
