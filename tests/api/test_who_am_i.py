"""An integrator asks first of all: who am I here, and what may I do?"""

from typing import Any
from uuid import uuid5

import pytest

from api.accounts.oauth import SCOPES
from api.dev import demo
from permissions.identity import credentials
from permissions.models import Agency, Client
from permissions.policy import disclosure
from tests.support.ground.stored_rows import rows
from tests.support.people.binding import changed
from tests.support.people.callers import Caller, agency_id, member_id, scoped
from tests.support.people.staff_numbers import Give
from tests.support.people.staff_numbers import give_number as give_number  # a fixture
from tests.support.people.stories import PACKET, Story, bar, release_body

AGENCIES = ("police", "hospital", "ywca")


def me(caller: Any) -> Any:
    answer = caller.get("/v1/me")
    assert answer.status_code == 200, answer.content
    return answer.json()


def packet_bases(found: Any) -> dict[str, Any]:
    return {one["basis"]: one for one in found["releases"] if one["covers"] == "packet"}


def test_a_system_reads_its_agency_itself_and_its_scopes(api: Any) -> None:
    found = me(scoped(api, "directory:read"))
    agency = Agency.objects.using("jobs").get(id=agency_id("ywca"))
    assert found["agency"] == {
        "id": str(agency.id),
        "name": agency.name,
        "kind": agency.kind,
        "duties": agency.duties,
    }
    assert found["client"] == {
        "id": str(uuid5(demo.NAMESPACE, "client ywca")),
        "client_id": "demo-ywca",
        "name": Client.objects.get(client_id="demo-ywca").name,
        "system_of_record": True,
    }
    assert found["member"] is None
    assert found["scopes"] == ["directory:read"]


@pytest.mark.parametrize("scope", list(SCOPES))
def test_every_scope_may_ask(api: Any, scope: str) -> None:
    assert me(scoped(api, scope))["scopes"] == [scope]


def test_a_system_reads_whom_it_named(api: Any, give_number: Give) -> None:
    give_number("ywca.lead", "4711")
    found = me(api("ywca.client", "ywca.lead"))
    assert found["member"]["id"] == str(member_id("ywca.lead"))
    assert "lead" in found["member"]["roles"]
    assert found["member"]["staff_ref"] == "4711"
    assert found["client"]["client_id"] == "demo-ywca"


@pytest.mark.parametrize(
    "who", ["police.worker", "ywca.admin", "ywca.auditor", "taskforce.coordinator"]
)
def test_a_member_reads_themselves_and_has_no_quota(api: Any, who: str) -> None:
    found = me(api(who))
    assert found["member"]["id"] == str(member_id(who))
    assert found["agency"]["id"] == str(agency_id(who.split(".")[0]))
    assert (found["client"], found["quota"], found["scopes"]) == (None, None, [])
    assert found["limits"]["openings_a_day"] is found["limits"]["token_seconds"] is None


# -- The law, from its one table -------------------------------------------------------------------


def test_the_bases_are_those_of_the_law_for_each_kind_of_recipient(api: Any) -> None:
    """Asked one by one, the table gives the same as `me` laid out."""
    for key in AGENCIES:
        agency = Agency.objects.using("jobs").get(id=agency_id(key))
        found, duties = packet_bases(me(api(f"{key}.client"))), frozenset(agency.duties)
        for kind in (*(one.kind for one in disclosure.RECIPIENTS), "community_advocate"):
            allowed = disclosure.allowed_bases(duties, kind)
            said = [
                name
                for name, one in found.items()
                if not one["recipient_kinds"] or kind in one["recipient_kinds"]
            ]
            assert sorted(said) == sorted(allowed), (key, kind)
            for basis in allowed:
                row = disclosure.row_for(duties, kind, basis, "adult")
                one = found[basis]
                assert one["ages"] == list(row.ages)
                for form in one["forms"]:
                    needed = disclosure.attestations_for(row, agency.kind, kind, form)
                    assert needed == {
                        *one["attestations"],
                        *one["attestations_by_recipient_kind"].get(kind, []),
                        *one["attestations_by_form"].get(form, []),
                    }, (key, kind, basis, form)


def test_what_it_says_is_enough_for_a_release(story: Story, api: Any) -> None:
    """And with one attestation less it is refused."""
    story.accept()
    one = packet_bases(me(api("police.client")))["stated_agreement"]
    told = [*one["attestations"], *one["attestations_by_form"].get("oral_witnessed", [])]
    story.release(attestations=told)
    short = api("police.worker").act(story.id, "put_release", release_body(attestations=told[1:]))
    assert (short.status_code, short.json()["code"]) == (409, "attestation_missing")


def test_only_who_is_bound_reads_of_a_release_of_the_notice(api: Any) -> None:
    for key, bound in (("police", False), ("hospital", False), ("ywca", True)):
        covers = {one["covers"] for one in me(api(f"{key}.client"))["releases"]}
        assert covers == {"packet", "outcome", *(["notice"] if bound else [])}


def test_spoken_permission_is_not_offered_where_part_2_applies(api: Any) -> None:
    agencies = Agency.objects.using("jobs").filter(id=agency_id("police"))
    before = agencies.get().duties
    agencies.update(duties=["part2"])
    try:
        for one in me(api("police.client"))["releases"]:
            assert "oral_witnessed" not in one["forms"]
    finally:
        agencies.update(duties=before)
    assert "oral_witnessed" in packet_bases(me(api("police.client")))["stated_agreement"]["forms"]


# -- Limits and quota ------------------------------------------------------------------------------


def test_the_quota_falls_with_each_other_referral_that_is_opened(
    story: Story, api: Any, shift_clock: Any
) -> None:
    story.accept().release(*PACKET).packet(**PACKET)
    system = api("ywca.client", "ywca.worker")
    before = me(system)
    most = before["limits"]["openings_a_day"]
    assert before["quota"]["openings_left"] <= most
    for _again in range(2):
        assert system.act(story.id, "open_packet", {"purpose": "intake"}).status_code == 200
        assert me(system)["quota"]["openings_left"] == before["quota"]["openings_left"] - 1
    shift_clock("25 hours")
    later = api("ywca.client", "ywca.worker")
    assert me(later)["quota"]["openings_left"] == most


def test_the_quota_is_that_of_a_network_without_what_bars_the_member(
    story: Story, api: Any
) -> None:
    """R3: a number must not tell the barred that there is something."""
    story.accept().release(*PACKET).packet(**PACKET)
    left = me(api("ywca.client", "ywca.worker2"))["quota"]
    bar(api, "ywca.worker", story, "ywca.worker2")
    system = api("ywca.client", "ywca.worker")
    before = me(system)["quota"]["openings_left"]
    assert system.act(story.id, "open_packet", {"purpose": "intake"}).status_code == 200
    assert me(system)["quota"]["openings_left"] == before - 1
    assert me(api("ywca.client", "ywca.worker2"))["quota"] == left


def test_the_limits_are_those_of_the_system(api: Any) -> None:
    clients = Client.objects.using("signin").filter(client_id="demo-ywca")
    changed(clients, networks=["127.0.0.0/8", "203.0.113.0/24"], openings_a_day=7)
    try:
        found = me(api("ywca.client"))
        limits = found["limits"]
        assert (limits["networks"], limits["openings_a_day"]) == (2, 7)
        assert 0 <= found["quota"]["openings_left"] <= 7
        assert (limits["page_size"], limits["token_seconds"]) == (100, 300)
    finally:
        changed(clients, networks=None, openings_a_day=100)
    assert me(api("ywca.client"))["limits"]["networks"] is None


# -- Who is not answered ---------------------------------------------------------------------------


def test_a_caller_who_is_not_live_is_no_one(api: Any) -> None:
    assert api(None).get("/v1/me").status_code == 401
    gone = api("ywca.client")
    credentials.end_credential(gone.secret)
    assert gone.get("/v1/me").status_code == 401
    assert Caller("stranger", "x" * 43).get("/v1/me").status_code == 401
    assert api("ywca.client").get("/v1/me", {"agency": "police"}).status_code == 400


def test_it_is_an_entry_as_every_read_is(api: Any, superuser: Any) -> None:
    answer = api("ywca.client", "ywca.worker").get("/v1/me")
    found = rows(
        superuser,
        "SELECT act, decision, member_id::text, fields FROM access_entry WHERE request_id = %s",
        [answer["X-Request-Id"]],
    )
    superuser.rollback()
    assert found == [("caller.read", "allowed", str(member_id("ywca.worker")), None)]
