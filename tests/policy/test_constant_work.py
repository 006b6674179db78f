"""A refusal costs the same, whatever it hides (R3): the statements sent are those for a random id,
word for word, by every route that names a referral and every method; and one place answers."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.accounts.idle_lock import SEEN
from permissions.database.uuid7 import uuid7
from permissions.identity.credentials import resolve_credential
from referrals.act_registry.registry import CLOSING
from referrals.referral_lock import lock_number
from tests.bench import plans
from tests.support.ground.repository import REPOSITORY, contract, sources
from tests.support.ground.short_form import in_both_forms
from tests.support.people.callers import Caller, agency_id, member_id
from tests.support.people.desk_pages import at_the_desk
from tests.support.people.stories import PACKET, Story, service_of, to, two
from tests.support.proofs import routes

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
    """The answer, and every statement that was sent for it; one before has filled the caches."""
    with plans.statements() as seen:
        answer = ask()
    return answer, [one.sql for one in seen]


# The rows that a request leaves, inserted or changed: the entry of the log, and nothing else.
_WRITTEN = """
    SELECT c.oid::regclass::text FROM pg_class c
     WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""


def written(superuser: Any, ask: Callable[[], Any]) -> list[tuple[str, str, int]]:
    """Each row that the requests wrote, in their order, as its request, its table and its size."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT mod(pg_snapshot_xmin(pg_current_snapshot())::text::bigint, 4294967296)"
        )
        (began,) = cursor.fetchone()
        ask()
        cursor.execute(_WRITTEN)
        tables = [one for (one,) in cursor.fetchall()]
        cursor.execute(
            " UNION ALL ".join(
                f"SELECT coalesce(to_jsonb(t)->>'request_id', ''), '{one}', pg_column_size(t.*)"
                f" FROM {one} t WHERE xmin::text::bigint >= %s"
                for one in tables
            ),
            [began] * len(tables),
        )
        return sorted(cursor.fetchall())


def in_turn(every: list[Any], hidden: str, short: bool) -> list[Any]:
    """All of them; in short, each with one kind of what is hidden."""
    return every[list(HIDDEN).index(hidden) :: len(HIDDEN)] if short else every


@in_both_forms
@pytest.mark.parametrize("hidden", HIDDEN)
def test_every_route_does_for_a_hidden_referral_what_it_does_for_none(
    story: Story, api: Any, superuser: Any, hidden: str, short: bool
) -> None:
    """And writes one row of one size for it: the entry of the log, and nothing else."""
    who, make = HIDDEN[hidden]
    make(story, api, superuser)
    caller = api(who)
    every = [
        (route, method) for route, served in routes.of_one_referral() for method in sorted(served)
    ]
    every = in_turn(every, hidden, short)

    def ask_all() -> None:
        for route, method in every:
            body = None if method == "GET" else routes.body_for(route)
            (status, *_), _ = same_work(caller, method, route, story.id, body)
            assert status == 404, (method, route)

    rows = written(superuser, ask_all)
    assert {table[:13] for _, table, _ in rows} == {"access_entry_"}
    assert len({request for request, _, _ in rows}) == len(rows) == 3 * len(every)
    sizes = [size for _, _, size in rows]
    for at, cell in enumerate(every):
        assert len(set(sizes[3 * at : 3 * at + 3])) == 1, cell


def test_what_no_route_serves_is_refused_before_anything_is_looked_up(
    story: Story, api: Any, superuser: Any
) -> None:
    of_others(story, api, superuser)
    caller = api("outsider.worker")
    for route, served in routes.of_one_referral():
        for method in set(routes.METHODS) - served:
            same_work(caller, method, route, story.id, None)


def same_work(caller: Caller, method: str, route: str, one: str, body: Any) -> Any:
    """The answer for one that is hidden, and the statements: as for a random id."""
    asked(caller, method, route, uuid4(), body)  # fills the caches
    real, random = (
        work(lambda one=one: asked(caller, method, route, one, body)) for one in (one, uuid4())
    )
    assert real == random, (method, route)
    return real


def asked(caller: Caller, method: str, route: str, referral_id: Any, body: Any) -> Any:
    headers = routes.preconditions(method, route)
    return routes.ask(caller, method, routes.at(route, referral_id), body, **headers)


@in_both_forms
@pytest.mark.parametrize("hidden", HIDDEN)
def test_every_page_does_so_too(
    story: Story, api: Any, superuser: Any, hidden: str, short: bool
) -> None:
    who, make = HIDDEN[hidden]
    make(story, api, superuser)
    http = at_the_desk(who, csrf=False).http
    session = http.session
    session[SEEN] += 600  # else every 20 s one request notes in the session that it is used
    session.save()
    pages = [
        "/" + route.replace("<uuid:referral_id>", "{id}")
        for route, _ in routes.served()
        if route.startswith("desk/") and "<uuid:referral_id>" in route
    ]
    for route in in_turn(pages, hidden, short):
        for method in ("GET", "POST"):
            http.generic(method, routes.at(route, uuid4()))  # fills the caches
            real, random = (
                work(lambda one=one: http.generic(method, routes.at(route, one)))  # noqa: B023
                for one in (story.id, uuid4())
            )
            assert real[1] == random[1], (method, route)
            assert real[0].status_code == random[0].status_code, (method, route)


SAVEPOINT = re.compile(r"(?<=SAVEPOINT )\S+")  # each has a name of its own
LOOKING = re.compile(r"sec\.(visible_referral_id|visible_release_id|has_opened_packet)\(")

# Each way by which an id that a caller gives is looked up, and how many statements that takes.
LOOK_UPS = {
    "GET /v1/referrals/{id}": 1,
    "GET /v1/referrals/{id}/releases": 1,
    "POST /v1/referrals/{id}/call_me": 1,
    "POST /v1/referrals/{id}/stop": 1,
    "POST /v1/referrals/{id}/open_packet": 1,
    "POST /v1/referrals/{id}/open_notes": 1,
}


def without_dead_rows(superuser: Any) -> None:
    """Leave no page of rows that other tests removed, or these changed, to be read."""
    tables = "referral, referral_side, conflict_block, permissions_membership, credential"
    with superuser.cursor() as cursor:
        cursor.execute(f"VACUUM (FULL, ANALYZE) {tables}, release, packet_grant, access_entry")


@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_look_up_reads_as_many_pages_of_a_hidden_row_as_of_none(
    story: Story, api: Any, superuser: Any, hidden: str
) -> None:
    """Not one more: what decides has one function, which reads the same for both."""
    who, make = HIDDEN[hidden]
    make(story, api, superuser)
    without_dead_rows(superuser)
    caller = api(who)
    principal = resolve_credential(caller.secret)

    def pages_read(method: str, route: str, one: Any, body: Any, looks: int) -> list[int]:
        asked(caller, method, route, one, body)  # fills what a connection keeps
        with plans.statements() as seen:
            answer = asked(caller, method, route, one, body)
        assert answer[0] == 404, answer
        reading = [each for each in seen if LOOKING.search(each.query)]
        assert len(reading) == looks, [each.name for each in seen]
        return [plans.explain_both(superuser, principal, each)[0].buffers for each in reading]

    for asked_for, looks in LOOK_UPS.items():
        method, route = asked_for.split()
        body = None if method == "GET" else routes.body_for(route)
        # A page more for one measurement may be another's: a row that was just removed, or an index
        # that grew. What is read each time is read because of the row.
        for _ in range(3):
            pages = [
                pages_read(method, route, one, body, looks) for one in (story.id, uuid4(), uuid7())
            ]
            if pages[0] == pages[1] == pages[2]:
                break
            without_dead_rows(superuser)
        assert pages[0] == pages[1] == pages[2], asked_for


@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_release_of_a_hidden_referral_is_looked_up_as_none(
    story: Story, api: Any, superuser: Any, hidden: str
) -> None:
    """FHIR reads a Consent by the id of its release alone."""
    who, make = HIDDEN[hidden]
    make(story, api, superuser)
    with superuser.cursor() as cursor:
        cursor.execute("SELECT id FROM release WHERE referral_id = %s", [story.id])
        ((release_id,),) = cursor.fetchall()
    without_dead_rows(superuser)
    caller, route = api(who), "/fhir/Consent/{id}"
    principal = resolve_credential(caller.secret)
    found = []
    for one in (release_id, uuid7()):
        asked(caller, "GET", route, uuid4(), None)  # fills the caches
        answer, sent = work(lambda one=one: asked(caller, "GET", route, one, None))
        with plans.statements() as seen:
            asked(caller, "GET", route, one, None)
        reading = [each for each in seen if LOOKING.search(each.query)]
        pages = [plans.explain_both(superuser, principal, each)[0].buffers for each in reading]
        found.append((answer, sent, pages))
    assert found[0] == found[1]
    assert found[0][0][0] == 404
    assert len(found[0][2]) == 2, "the release, then what would be its referral"


def test_an_id_in_a_body_is_looked_up_alike(api: Any, superuser: Any) -> None:
    """The caller worked on that one, and opened it, until it barred them."""
    own, other = two(api, service_of("ywca"))
    for one in (own, other):
        one.answers("assign", to("ywca.worker2"))
        opened = api("ywca.worker2").act(one.id, "open_packet", {"purpose": "intake"})
        assert opened.status_code == 200, opened.content
    other.answers("block", to("ywca.worker2"))
    without_dead_rows(superuser)
    caller = api("ywca.worker2")
    principal = resolve_credential(caller.secret)
    for route, body in routes.naming_one_in_the_body(own.id, service_of("sarc")):
        found = []
        for one in (other.id, str(uuid7())):
            there = {name: one if text == "{id}" else text for name, text in body.items()}
            routes.ask(caller, "POST", route, there)
            answer, sent = work(lambda there=there: routes.ask(caller, "POST", route, there))  # noqa: B023
            with plans.statements() as seen:
                routes.ask(caller, "POST", route, there)
            reading = [each for each in seen if LOOKING.search(each.query)]
            pages = [plans.explain_both(superuser, principal, each)[0].buffers for each in reading]
            found.append((answer, [SAVEPOINT.sub("", sql) for sql in sent], pages))
        assert found[0][:2] == found[1][:2], route
        # Whether they opened it is looked for month by month of the log until an entry is found:
        # as the pages lie, one more or one less. tests/slow/test_barred_times.py compares times.
        assert len(found[0][2]) == len(found[1][2])
        assert all(abs(a - b) <= 1 for a, b in zip(found[0][2], found[1][2], strict=True)), route
        assert found[0][0][0] in (404, 409), route
        assert found[0][2], [each.name for each in seen]


def test_no_other_body_names_a_referral() -> None:
    """What is named so is `replaces`, `draft_id`, or an id of a referral."""
    naming = {
        (path, name)
        for path, method, name in body_fields()
        if re.fullmatch(r"replaces|draft_id|referral_ids?", name) and method != "get"
    }
    own = "/v1/referrals/{referral_id}/same_person_as"
    assert naming == {
        *((own, "referral_id"), ("/v1/referrals", "replaces"), ("/v1/agreement-tally", "draft_id"))
    }


def body_fields() -> Iterator[tuple[str, str, str]]:
    """Each field of each request's body, as the contract has it."""
    said = contract()
    for path, operations in said["paths"].items():
        for method, operation in operations.items():
            shapes = operation.get("requestBody", {}).get("content", {}).values()
            for shape in shapes:
                name = shape["schema"].get("$ref", "").rpartition("/")[2]
                fields = said["components"]["schemas"].get(name, shape["schema"])
                for field in fields.get("properties", {}):
                    yield path, method, field


@pytest.mark.parametrize("hidden", HIDDEN)
def test_who_may_not_see_it_waits_for_no_one_who_works_with_it(
    story: Story, api: Any, superuser: Any, hidden: str
) -> None:
    """Nor does anyone wait for them: they take no lock of it."""
    who, make = HIDDEN[hidden]
    make(story, api, superuser)
    caller = api(who)
    number = lock_number(UUID(story.id))
    acts = [act for act in CLOSING if act in routes.BODIES]
    acts += ["open_notes", "account_disclosures"]
    assert {"stop", "block", "revoke_release"} <= set(acts)
    with superuser.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [number])
        try:
            for act in acts:  # one that waited would end with the statement's time: 503
                answer = caller.act(story.id, act, routes.body_for(f"/{act}"))
                assert answer.status_code == 404, (act, answer.content)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


def test_one_place_turns_what_is_not_there_into_an_answer() -> None:
    """No other module sets the status 404, or raises the framework's own."""
    saying = re.compile(r"status(_code)?=404|Http404|get_object_or_404|HttpResponseNotFound")
    found = {
        name
        for name, _ in sources("permissions", "directory", "referrals", "api")
        if saying.search((REPOSITORY / name).read_text())
    }
    # /metrics is no one's but the operator's: for others there is no such address, row or not.
    # security.txt is there where a setting names someone.
    found -= {"api/health/views.py", "api/http/middleware.py", "api/discovery.py"}
    assert found == {"api/http/problem_details.py"}
