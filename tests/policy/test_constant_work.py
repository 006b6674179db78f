"""A refusal costs the same, whatever it hides (R3): the statements sent are those for a random id,
word for word, by every route that names a referral and every method; and one place answers."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from permissions.identity.credentials import resolve_credential
from tests.bench import plans
from tests.support import routes
from tests.support.callers import Caller, agency_id, member_id
from tests.support.desk_pages import at_the_desk
from tests.support.repository import REPOSITORY, sources
from tests.support.stories import PACKET, Story

Hidden = tuple[str, Callable[[Story, Any, Any], None]]


def of_others(story: Story, api: Any, superuser: Any) -> None:
    story.accept().release(*PACKET).packet(**PACKET)


def barring(story: Story, api: Any, superuser: Any) -> None:
    of_others(story, api, superuser)
    body = {"member_id": str(member_id("ywca.worker2"))}
    assert api("ywca.lead").act(story.id, "block", body).status_code == 200


def barring_the_agency(story: Story, api: Any, superuser: Any) -> None:
    of_others(story, api, superuser)
    story.sends("block", {"other_agency": True})


def purged(story: Story, api: Any, superuser: Any) -> None:
    """The sender's part, while the recipient still works with it."""
    of_others(story, api, superuser)
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE referral SET from_purged = true WHERE id = %s", [story.id])
        cursor.execute(
            "DELETE FROM referral_side WHERE referral_id = %s AND agency_id = %s",
            [story.id, str(agency_id("police"))],
        )


def purged_there(story: Story, api: Any, superuser: Any) -> None:
    """The recipient's part, while the sender still keeps its own."""
    of_others(story, api, superuser)
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE referral SET to_purged = true WHERE id = %s", [story.id])
        cursor.execute(
            "DELETE FROM referral_side WHERE referral_id = %s AND agency_id = %s",
            [story.id, str(agency_id("ywca"))],
        )


def unsent(story: Story, api: Any, superuser: Any) -> None:
    story.create().release(*PACKET).packet(**PACKET)


HIDDEN: dict[str, Hidden] = {
    "another agency's": ("outsider.worker", of_others),
    "one that bars her": ("ywca.worker2", barring),
    "one that bars her agency": ("ywca.worker", barring_the_agency),
    "one that is purged for her": ("police.worker", purged),
    "one that is purged for its recipient": ("ywca.worker", purged_there),
    "a draft that was not sent to her": ("ywca.worker", unsent),
}


def work(ask: Callable[[], Any]) -> tuple[Any, list[str]]:
    """The answer, and every statement that was sent for it; a first one has filled the caches."""
    ask()
    with plans.statements() as seen:
        answer = ask()
    return answer, [one.sql for one in seen]


@pytest.mark.parametrize("hidden", HIDDEN)
def test_every_route_does_for_a_hidden_referral_what_it_does_for_none(
    story: Story, api: Any, superuser: Any, hidden: str
) -> None:
    who, make = HIDDEN[hidden]
    make(story, api, superuser)
    caller = api(who)
    for route, served in routes.of_one_referral():
        for method in routes.METHODS:
            body = None if method not in served or method == "GET" else routes.body_for(route)
            real, random = (
                work(lambda one=one: asked(caller, method, route, one, body))  # noqa: B023
                for one in (story.id, uuid4())
            )
            assert real == random, (method, route)
            if method in served:
                assert real[0][0] == 404, (method, route)


def asked(caller: Caller, method: str, route: str, referral_id: Any, body: Any) -> Any:
    headers = {"If_Match": '"stale"', "Idempotency_Key": "some key"}
    return routes.ask(caller, method, routes.at(route, referral_id), body, **headers)


@pytest.mark.parametrize("hidden", HIDDEN)
def test_every_page_does_so_too(story: Story, api: Any, superuser: Any, hidden: str) -> None:
    who, make = HIDDEN[hidden]
    make(story, api, superuser)
    http = at_the_desk(who, csrf=False).http
    pages = [
        "/" + route.replace("<uuid:referral_id>", "{id}")
        for route, _ in routes.served()
        if route.startswith("desk/") and "<uuid:referral_id>" in route
    ]
    for route in pages:
        for method in ("GET", "POST"):
            real, random = (
                work(lambda one=one: http.generic(method, routes.at(route, one)))  # noqa: B023
                for one in (story.id, uuid4())
            )
            assert real[1] == random[1], (method, route)
            assert real[0].status_code == random[0].status_code, (method, route)


# The pages that the one look-up reads more for a row that is there and hidden: the row itself, and
# where it bars somebody, the block. Nobody measures that through a network; more would be a scan.
MOST_PAGES_MORE = 12


@pytest.mark.parametrize("hidden", HIDDEN)
def test_the_look_up_of_a_hidden_row_reads_as_much_but_the_row(
    story: Story, api: Any, superuser: Any, hidden: str
) -> None:
    who, make = HIDDEN[hidden]
    make(story, api, superuser)
    with superuser.cursor() as cursor:  # of rows that other tests removed no page is left to read
        tables = "referral, referral_side, conflict_block, permissions_membership, credential"
        cursor.execute(f"VACUUM (FULL, ANALYZE) {tables}")
    caller = api(who)
    principal = resolve_credential(caller.secret)
    pages = []
    for one in (story.id, uuid4()):
        with plans.statements() as seen:
            assert caller.get(f"/v1/referrals/{one}").status_code == 404
        (look,) = [each for each in seen if 'FROM "referral"' in each.sql]
        ours, _ = plans.explain_both(superuser, principal, look)
        pages.append(ours.buffers)
    assert 0 <= pages[0] - pages[1] <= MOST_PAGES_MORE


def test_one_place_turns_what_is_not_there_into_an_answer() -> None:
    """Nobody else sets the status, nor raises the framework's own."""
    saying = re.compile(r"status(_code)?=404|Http404|get_object_or_404|HttpResponseNotFound")
    found = {
        name
        for name, _ in sources("permissions", "directory", "referrals", "api")
        if saying.search((REPOSITORY / name).read_text())
    }
    assert found == {"api/http/problem_details.py"}
