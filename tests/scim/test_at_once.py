"""An identity provider that asks twice at the same time, and one whose token ends meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from permissions.models import Invitation, Membership, Person, ScimUser, SealedMessage
from tests.enrollment.links import NEW, joined, ywca
from tests.enrollment.links import no_one_new_stays as no_one_new_stays  # a fixture
from tests.scim.provider import (
    NIA,
    USERS,
    Provider,
    active,
    link_sent,
    make_token,
    remove_token,
    system,
)
from tests.support.ground.races import Race
from tests.support.people.desk_pages import at_the_desk


def together(*calls: Any) -> list[Any]:
    def run(call: Any) -> Any:
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_two_new_users_of_one_external_id_make_one(network: Any) -> None:
    token = make_token()

    def one(number: int) -> Any:
        return Provider(token).invite(userName=f"n{number}@newcomer.invalid")

    answers = together(*[lambda n=n: one(n) for n in range(6)])
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201] + [409] * 5
    assert Invitation.objects.using("signin").filter(used_at=None).count() == 1
    assert ScimUser.objects.using("signin").count() == 1
    assert SealedMessage.objects.count() == 1, "no one else gets a link"


def test_two_ends_at_once_end_once(network: Any) -> None:
    token = make_token()
    user = Provider(token).invite().json()
    joined(link_sent())
    ends = [lambda: Provider(token).patch(user["id"], active(False)) for _ in range(4)]
    assert [one.status_code for one in together(*ends)] == [200] * 4
    assert not Membership.objects.using("signin").get(person__username=NEW).live


def test_two_administrators_are_not_both_ended(network: Any) -> None:
    token = make_token()
    user = Provider(token).invite().json()
    joined(link_sent())
    member = Membership.objects.using("signin").get(person__username=NEW)
    admin = at_the_desk("ywca.admin")
    admin.submit(f"/desk/members/{member.id}/roles", {"roles": ["agency_admin"]})
    first = next(
        one
        for one in Provider(token).found()
        if one["id"] != user["id"] and {"value": "agency_admin"} in one["roles"]
    )
    ends = [
        lambda one=one: Provider(token).patch(one, active(False))
        for one in (user["id"], first["id"])
    ]
    try:
        codes = sorted(one.status_code for one in together(*ends))
        assert codes == [200, 409]
        live = Membership.objects.using("signin").filter(agency_id=ywca(), live=True)
        assert live.filter(roles__contains=["agency_admin"]).count() == 1
    finally:
        _back(first["id"])


def _back(member_id: str) -> None:
    kept = Membership.objects.using("signin").get(id=member_id)
    kept.active = True
    kept.save(using="signin", update_fields=["active"])


@pytest.fixture
def race(superuser: Any) -> Any:
    with ThreadPoolExecutor(4) as pool:
        yield Race(superuser, pool)


def test_an_act_that_waits_while_its_token_ends_is_refused(network: Any, race: Race) -> None:
    provider = Provider(make_token())
    held = "SELECT FROM permissions_client WHERE scopes = '{scim}' FOR UPDATE"
    with race.held(held):
        ended = race.start_and_wait(remove_token)
        asked = race.start_and_wait(provider.invite)
    ended.result()
    assert asked.result().status_code == 401
    assert not Invitation.objects.using("signin").filter(invited_by_system_id=system().id).exists()


def test_who_joins_while_their_invitation_is_ended_is_in_one_state(network: Any) -> None:
    token = make_token()
    user = Provider(token).invite().json()
    link = link_sent()

    def come() -> None:
        try:
            joined(link)
        except (AssertionError, Person.DoesNotExist):
            return  # the link ended first

    together(come, lambda: Provider(token).delete(user["id"]))
    found = Membership.objects.using("signin").filter(person__username=NEW)
    used = Invitation.objects.using("signin").get()
    assert (used.used_at is None) != (used.ended_at is None)
    assert found.exists() is (used.used_at is not None)
    assert Provider(token).get(f"{USERS}/{user['id']}").status_code == 404
    assert NIA["userName"] not in str(Provider(token).found())
