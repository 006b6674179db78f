"""Two administrators, or one who presses twice, change the same system at once."""

import json
from typing import Any

import pytest

from permissions.identity import row_macs
from permissions.identity.client_keys import keys_of
from permissions.models import Client
from tests.support.ground.races import Race
from tests.support.ground.races import race as race  # a fixture
from tests.support.ground.waiting import SOON
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import at_the_desk
from tests.support.people.own_systems import NEW, SYSTEMS, added, form_of, log_of, pair, public
from tests.support.people.own_systems import as_before as as_before  # a fixture

pytestmark = pytest.mark.usefixtures("as_before")


def posts(path: str, given: dict[str, Any] | None = None) -> Any:
    """The request of an administrator who is signed in before the race begins."""
    pages = at_the_desk("ywca.admin", csrf=False)
    return lambda: pages.http.post(path, given or {})


def in_order(race: Race, system: Client, *calls: Any) -> list[int]:
    """All wait for the system's row, one behind the other; then all are let go."""
    row = "SELECT FROM permissions_client WHERE id = %s FOR UPDATE"
    with race.held(row, [str(system.id)]):
        futures = [race.start_and_wait(call) for call in calls]
    return [future.result(SOON).status_code for future in futures]


def test_two_keys_that_are_removed_at_once_leave_one(race: Race, superuser: Any) -> None:
    both = [pair(), pair()]
    keys = json.dumps({"keys": [json.loads(public(one)) for one in both]})
    system = added(at_the_desk("ywca.admin"), both[0], keys=keys)
    calls = [posts(f"{SYSTEMS}/{system.id}/keys/{one.thumbprint()}/remove") for one in both]
    assert in_order(race, system, *calls) == [302, 409]
    kept = Client.objects.get(id=system.id)
    assert [one.thumbprint for one in keys_of(kept.public_keys)] == [both[1].thumbprint()]
    assert row_macs.is_bound(kept)
    assert [one["act"] for one in log_of(superuser, system)] == [
        "partner.add",
        "partner.remove_key",
    ]


def test_two_keys_that_are_added_at_once_are_both_there(race: Race) -> None:
    system = added(at_the_desk("ywca.admin"), pair())
    more = [pair(), pair()]
    calls = [posts(f"{SYSTEMS}/{system.id}/keys", {"keys": public(one)}) for one in more]
    assert in_order(race, system, *calls) == [302, 302]
    kept = Client.objects.get(id=system.id)
    assert {one.thumbprint() for one in more} < {
        one.thumbprint for one in keys_of(kept.public_keys)
    }
    assert row_macs.is_bound(kept)


def test_an_end_at_the_same_time_as_a_new_key_stays(race: Race) -> None:
    system = added(at_the_desk("ywca.admin"), pair())
    one = f"{SYSTEMS}/{system.id}"
    calls = posts(f"{one}/end"), posts(f"{one}/keys", {"keys": public(pair())})
    assert in_order(race, system, *calls) == [302, 302]
    kept = Client.objects.get(id=system.id)
    assert not kept.active
    assert row_macs.is_bound(kept)


def test_the_same_form_sent_twice_at_once_adds_one(race: Race) -> None:
    given = form_of(pair())
    lock = "SELECT pg_advisory_xact_lock(7011, %s)"
    number = (agency_id("ywca").int & (2**32 - 1)) - 2**31
    with race.held(lock, [number]):
        futures = [race.start_and_wait(posts(NEW, given)) for _ in range(2)]
    assert sorted(one.result(SOON).status_code for one in futures) == [302, 409]
    assert Client.objects.filter(name="Campus records").count() == 1
