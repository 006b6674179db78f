"""Everything that is read, by whom: each GET route by programs and people with a token, each page
at the desk."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.support.people.desk_pages import at_the_desk
from tests.support.proofs import routes

PEOPLE = ("police.lead", "police.worker", "police.admin", "police.auditor", "ywca.lead")
SYSTEM = ("police.client", "police.worker")


class Read(NamedTuple):
    """A route with its path, and its readers by name: each has `get`."""

    route: str
    path: str
    readers: dict[str, Any]


def every_read(api: Any, **known: str) -> Iterator[Read]:
    """`known`: the ids to fill paths with, by the names that routes give them."""
    desks = {who: at_the_desk(who) for who in PEOPLE}
    callers = {who: api(who) for who in PEOPLE} | {"a system": api(*SYSTEM)}
    for route, pattern in routes.served():
        if "GET" not in routes.methods_of(pattern) or route.startswith(("accounts/", "leave")):
            continue
        readers = callers if route.startswith(routes.FACES) else desks
        yield Read(route, routes.filled(route, **known), readers)
