"""A client of the field over a real HTTP server: scim2-client, and the checks of scim2-tester."""

from collections.abc import Iterator
from typing import Any

import pytest
from httpx2 import Client as Http
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import PatchOp, PatchOperation, SearchRequest
from scim2_tester import Status, check_server

from permissions.models import Membership
from tests.enrollment.links import NEW, joined
from tests.enrollment.links import no_one_new_stays as no_one_new_stays  # a fixture
from tests.scim.provider import link_sent, make_token
from tests.support.ground.live_server import Server

# The other checks write random roles and times of life, which no provider may.
CHECKED = {"discovery", "misc", "crud:create", "crud:read", "crud:delete"}
NAME = "nia@newcomer.invalid"


@pytest.fixture
def client(server: Server) -> Iterator[Any]:
    headers = {"Authorization": f"Bearer {make_token()}"}
    with Http(base_url=f"{server.base_url}/scim/v2", headers=headers) as http:
        scim = SyncSCIMClient(http)
        scim.discover()
        yield scim


def test_the_fields_own_checks_pass(client: Any) -> None:
    found = check_server(client, include_tags=CHECKED, exclude_tags={"crud:read:attributes"})
    tried = [one for one in found if one.status is not Status.SKIPPED]
    assert len(tried) >= 19
    assert [(one.title, one.reason) for one in tried if one.status is not Status.SUCCESS] == []


def test_a_person_from_the_invitation_to_the_end(client: Any) -> None:
    seen: Any = client.get_resource_model("User")
    given = {
        "userName": NAME,
        "externalId": "ext-1",
        "displayName": "Nia Newcomer",
        "emails": [{"value": NAME, "primary": True}],
    }
    made = client.create(seen(**given))
    assert (made.user_name, made.active) == (NAME, True)
    asked = SearchRequest(filter=f'userName eq "{NAME}"')
    assert [one.id for one in client.query(seen, query_parameters=asked).resources] == [made.id]
    joined(link_sent())
    assert client.query(seen, made.id).active is True
    step = PatchOperation(op=PatchOperation.Op.replace_, path="active", value=False)
    ended = client.modify(seen, made.id, PatchOp[seen](operations=[step]))
    assert ended.active is False
    assert not Membership.objects.using("signin").get(person__username=NEW).live
    client.delete(seen, made.id)
    assert client.query(seen, query_parameters=asked).total_results == 0
