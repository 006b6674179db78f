"""All that the people and systems of a sender get, byte by byte, in whatever order."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from api.http import cursors
from permissions.identity.credentials import resolve_credential
from tests.support.ground.database import as_app
from tests.support.ground.kept_rows import Kept
from tests.support.people.callers import Caller, member_id
from tests.support.people.desk_pages import at_the_desk
from tests.support.proofs import routes
from tests.support.proofs.answer_text import unpacked
from tests.support.proofs.sender_view import TABLES, columns

SENDER = (
    *(("police.worker", None), ("police.lead", None)),
    *(("police.client", "police.worker"), ("police.client", None)),
)

# Who keeps its webhooks and channels: what was sent to them, and what became of it.
KEEPER = ("police.admin", None)
KEPT_TABLES = ("webhook_endpoint", "webhook_delivery", "message", "channel")
OF_OTHERS = ("v1/directory", "directory", "desk/directory", "desk/entries", "desk/places")
NO_PART = (
    *(*OF_OTHERS, "docs", "demo", "accounts", "problems", "safety", "health", "metrics"),
    "desk/agency",
    "desk/account",  # where the reader is signed in: each look here is one more
    *("manifest.webmanifest", "service-worker.js"),
)


class Sender:
    """Everything that the sender's people and systems get. Read it again after the clock moved."""

    def __init__(self, api: Any) -> None:
        self.callers: list[Caller] = [api(*one) for one in SENDER]
        self.keeper: Caller = api(*KEEPER)
        self.pages = {who: at_the_desk(who) for who in ("police.worker", "police.lead")}
        self.addresses = [
            (route.startswith(routes.FACES), "/" + route.replace("<uuid:referral_id>", "{id}"))
            for route, pattern in routes.served()
            if route and not route.startswith(NO_PART) and "GET" in routes.methods_of(pattern)
            if "<" not in route.replace("<uuid:referral_id>", "")
        ] + [(False, "/desk/?show=closed"), (False, "/desk/?show=all")]

    def little(self, referral_id: str) -> list[Any]:
        """The bytes that an act could move first; and what the rows themselves say."""
        worker = self.callers[0]
        one = f"/v1/referrals/{referral_id}"
        got = [as_bytes(worker.get(path)) for path in (one, f"{one}/history", "/v1/referrals")]
        return [*got, rows(worker)]

    def all(self, referral_id: str) -> dict[tuple[str, str], Any]:
        """Every address that is served and speaks of referrals: JSON and pages."""
        found = {(f"{one.who} {one.acting}", "rows"): rows(one) for one in self.callers}
        for api, address in self.addresses:
            path = routes.at(address, referral_id)
            if not api:
                for who, pages in self.pages.items():
                    found[f"{who} at the desk", address] = as_page(pages.get(path))
                continue
            for caller in self.callers:
                answer = as_bytes(caller.get(path))
                if address == "/v1/events" and answer[0] == 200:
                    # The cursor is sealed again each time, so its content is compared.
                    answer = (*answer[:2], _opened(caller, json.loads(answer[2])))
                found[f"{caller.who} {caller.acting}", address] = answer
        found["police.admin", "rows"] = rows(self.keeper, KEPT_TABLES)
        for address in self.kept_addresses():
            found["police.admin", address] = as_bytes(self.keeper.get(address))
        one = f"/v1/referrals/{referral_id}"
        etag = self.callers[0].get(one)["ETag"]
        found["again", one] = as_bytes(self.callers[0].get(one, If_None_Match=etag))
        since = datetime.fromisoformat(self.callers[0].get(one).json()["accepted_at"])
        for name, value in {
            "updated_since": (since + timedelta(milliseconds=1)).isoformat(),
            "overdue": "true",
            "mine": "true",
            "status": "accepted",
        }.items():
            found["filtered", name] = as_bytes(self.callers[0].get("/v1/referrals", {name: value}))
        return found

    def kept_addresses(self) -> list[str]:
        """What speaks of no referral, and each of its webhooks with what was delivered there."""
        every = [one for api, one in self.addresses if api and "{id}" not in one]
        hooks = self.keeper.get("/v1/webhooks").json()["items"]
        one = [f"/v1/webhooks/{hook['id']}" for hook in hooks]
        return [*every, *one, *(f"{path}/deliveries" for path in one)]


def rows(caller: Caller, tables: tuple[str, ...] = TABLES) -> list[Any]:
    """What the tables give, by raw SQL as `app` with its identity."""
    with as_app(caller) as cursor:
        got = []
        for table in tables:
            cursor.execute(f"SELECT ({columns(cursor, table)})::text FROM {table} ORDER BY 1")
            got.append((table, cursor.fetchall()))
    return got


def as_bytes(answer: Any) -> Any:
    kept = {name: text for name, text in answer.items() if name not in ("X-Request-Id", "Date")}
    return answer.status_code, kept, answer.content, sorted(answer.cookies)


def _opened(caller: Caller, page: dict[str, Any]) -> dict[str, Any]:
    acting = str(member_id(caller.acting)) if caller.acting else ""
    principal = resolve_credential(caller.secret, acting)
    return page | {"next": cursors.unsealed(principal, "events", page["next"], "after")}


OWN_TO_EACH_PAGE = re.compile(
    r'(name="(?:csrfmiddlewaretoken|key)" value="|name="(?:\w+_)?at" value="|data-now=")[^"]+'
)

COUNTS_DOWN = re.compile(r"\b\d+ (?:s|sec|min|h|hours?|days?)\b")


def as_page(answer: Any) -> Any:
    """A page less what each has of its own: the form's token, minutes that pass."""
    text = OWN_TO_EACH_PAGE.sub(r"\1", unpacked(answer.content, answer).decode())
    return answer.status_code, answer.get("Location"), COUNTS_DOWN.sub("…", text)


@pytest.fixture
def kept(superuser: Any) -> Iterator[list[Kept]]:
    """Whatever was kept in a test is forgotten after it."""
    made: list[Kept] = []
    yield made
    for one in made:
        one.forget()


def assert_same(found: dict[Any, Any], expected: dict[Any, Any], where: Any) -> None:
    assert found.keys() == expected.keys()
    for key, answer in found.items():
        assert answer == expected[key], (where, key)
