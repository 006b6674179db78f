"""Who is asking, inside the database: one look at the credential, true at every statement.

Triggers copy what depends on others (person, membership, agency, client) into the credential. Each
of them is tried here, within an open transaction, and rolled back.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
import pytest
from django.db import connections
from psycopg2.errors import InsufficientPrivilege

from tests.support.ground.database import as_app, identify, turned_off, without
from tests.support.people.callers import Caller, agency_id, member_id
from tests.support.people.stories import Story


def client_id(superuser: Any) -> Any:
    return one(superuser, "SELECT id FROM permissions_client WHERE client_id = 'demo-ywca'")


def person_id(superuser: Any) -> Any:
    return one(superuser, "SELECT person_id FROM permissions_membership WHERE id = %s", [OFFICER])


def one(superuser: Any, question: str, parameters: Any = None) -> Any:
    with superuser.cursor() as cursor:
        cursor.execute(question, parameters)
        return cursor.fetchone()[0]


OFFICER = str(member_id("police.worker"))


@contextmanager
def membership_ends(superuser: Any) -> Iterator[None]:
    with turned_off("jobs", "permissions_membership", "active", OFFICER):
        yield


@contextmanager
def person_is_locked(superuser: Any) -> Iterator[None]:
    with turned_off("signin", "permissions_person", "is_active", person_id(superuser)):
        yield


@contextmanager
def agency_leaves(superuser: Any) -> Iterator[None]:
    with turned_off("jobs", "permissions_agency", "active", agency_id("police")):
        yield


@contextmanager
def role_is_taken(superuser: Any) -> Iterator[None]:
    statement = "UPDATE permissions_membership SET roles = %s WHERE id = %s"
    with connections["jobs"].cursor() as cursor:
        cursor.execute(statement, [["agency_admin"], OFFICER])
    try:
        yield
    finally:
        with connections["jobs"].cursor() as cursor:
            cursor.execute(statement, [["worker"], OFFICER])


@contextmanager
def client_is_disabled(superuser: Any) -> Iterator[None]:
    with turned_off("signin", "permissions_client", "active", client_id(superuser)):
        yield


@contextmanager
def staff_ends(superuser: Any) -> Iterator[None]:
    with turned_off("jobs", "permissions_membership", "active", member_id("ywca.worker")):
        yield


@contextmanager
def staff_is_locked(superuser: Any) -> Iterator[None]:
    person = one(
        superuser,
        "SELECT person_id FROM permissions_membership WHERE id = %s",
        [str(member_id("ywca.worker"))],
    )
    with turned_off("signin", "permissions_person", "is_active", person):
        yield


Change = Callable[[Any], Any]
MEMBER, CLIENT = ("police.worker", None), ("ywca.client", "ywca.worker")
CHANGES: list[tuple[tuple[str, str | None], Change, list[str]]] = [
    # who, what happens, and the triggers that carry it into the credential
    (MEMBER, membership_ends, ["permissions_membership.ask_again"]),
    (MEMBER, membership_ends, ["permissions_membership.is_live"]),
    (MEMBER, role_is_taken, ["permissions_membership.ask_again"]),
    (MEMBER, person_is_locked, ["permissions_person.ask_again"]),
    (MEMBER, person_is_locked, ["permissions_membership.ask_again"]),
    (MEMBER, agency_leaves, ["permissions_agency.ask_again"]),
    (MEMBER, agency_leaves, ["credential.is_live"]),
    (CLIENT, client_is_disabled, ["permissions_client.ask_again"]),
    (CLIENT, staff_ends, ["permissions_membership.is_live"]),
    (CLIENT, staff_is_locked, ["permissions_person.ask_again"]),
]
ONCE = list({(who, change.__name__): (who, change) for who, change, _ in CHANGES}.values())


def sees(cursor: Any) -> bool:
    cursor.execute("SELECT id FROM referral")
    return cursor.fetchone() is not None


@pytest.mark.parametrize(("who", "change"), ONCE, ids=lambda one: getattr(one, "__name__", None))
def test_it_cuts_off_at_the_next_statement_and_what_ended_stays_ended(
    api: Any, story: Story, superuser: Any, who: tuple[str, str | None], change: Change
) -> None:
    """A role that is given back counts again, and so does the staff that a system names; a member,
    person, agency or client that returns has to sign in again."""
    story.send()
    with as_app(api(*who)) as cursor:
        assert sees(cursor)
        with change(superuser):
            assert not sees(cursor), "within the same transaction"
        assert sees(cursor) == (change in (role_is_taken, staff_ends, staff_is_locked))


@pytest.mark.parametrize(
    ("who", "change", "triggers"), CHANGES, ids=lambda one: getattr(one, "__name__", None)
)
def test_each_trigger_matters(
    api: Any,
    story: Story,
    superuser: Any,
    who: tuple[str, str | None],
    change: Change,
    triggers: list[str],
) -> None:
    story.send()
    caller: Caller = api(*who)
    with without(superuser, *triggers), change(superuser), as_app(caller) as cursor:
        assert sees(cursor), "another one does its work too: say so here"
    repair(superuser)


def repair(superuser: Any) -> None:
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE permissions_membership SET live = live")


def test_a_system_that_is_no_longer_the_agencys_own_opens_nothing(api: Any, superuser: Any) -> None:
    question = "SELECT (sec.identity()).system_of_record"
    with as_app(api("ywca.client", "ywca.worker")) as cursor:
        cursor.execute(question)
        assert cursor.fetchone() == (True,)
        client = client_id(superuser)
        with turned_off("signin", "permissions_client", "system_of_record", client):
            cursor.execute(question)
            assert cursor.fetchone() == (False,)


def test_a_token_is_held_to_the_networks_that_are_named_since(api: Any, superuser: Any) -> None:
    client = client_id(superuser)
    kept = "UPDATE permissions_client SET networks = %s WHERE id = %s"
    with as_app(api("ywca.client", "ywca.worker")) as cursor, superuser.cursor() as door:
        try:
            for networks in (["203.0.113.0/24"], ["192.0.2.0/24"], None):
                door.execute(kept, [networks, client])
                cursor.execute("SELECT networks FROM sec.identity()")
                assert cursor.fetchone() == (networks,)
        finally:
            door.execute(kept, [None, client])


def test_the_signin_writes_none_of_it_by_itself(api: Any, superuser: Any) -> None:
    caller: Caller = api("police.worker")
    with connections["signin"].cursor() as cursor, membership_ends(superuser):
        cursor.execute(
            "UPDATE credential SET live = true, left_roles = '{lead}', system_of_record = true,"
            " networks = '{0.0.0.0/0}'"
        )
        cursor.execute("SELECT live, left_roles, system_of_record, networks FROM credential")
        assert cursor.fetchall() == [(False, [], False, None)]
        with as_app(caller) as asked:
            asked.execute("SELECT agency_id FROM sec.identity()")
            assert asked.fetchone() == (None,)


def test_a_role_that_came_later_is_not_in_an_older_credential(api: Any, superuser: Any) -> None:
    """She chose an agency with the roles of that hour; a new one counts from the next sign-in."""
    with as_app(api("police.worker")) as cursor, connections["jobs"].cursor() as jobs:
        statement = "UPDATE permissions_membership SET roles = %s WHERE id = %s"
        jobs.execute(statement, [["worker", "lead"], OFFICER])
        try:
            cursor.execute("SELECT roles FROM sec.identity()")
            assert cursor.fetchone() == (["worker"],)
        finally:
            jobs.execute(statement, [["worker"], OFFICER])


@pytest.mark.parametrize("role", ["app", "signin", "editor", "auditor"])
def test_no_session_reads_in_another_whose_token_it_carries(
    api: Any, role: str, running_as: Callable[[str], Any]
) -> None:
    """Otherwise an injected query could act as any other caller who is being served."""
    with running_as(role) as hers, running_as(role) as injected:
        identify(hers, api("ywca.worker"))
        injected.execute(
            "SELECT count(*), count(*) FILTER (WHERE query <> '') FROM pg_stat_activity"
            " WHERE usename = current_user"
        )
        sessions, shown = injected.fetchone()
        assert sessions >= 2
        assert shown == 0
        with pytest.raises(InsufficientPrivilege):
            hers.execute("SET track_activities = on")


@pytest.fixture
def running_as(django_db_setup: str) -> Callable[[str], Any]:
    """A session of its own as `role`, in a transaction that leaves nothing behind."""

    @contextmanager
    def running(role: str) -> Iterator[Any]:
        alias = "default" if role == "app" else role
        given = connections[alias].get_connection_params()
        names = ("dbname", "user", "password", "host", "port")
        with closing(psycopg2.connect(**{k: v for k, v in given.items() if k in names})) as session:
            yield session.cursor()

    return running
