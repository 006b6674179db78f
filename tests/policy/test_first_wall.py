"""The first wall alone: what Python asks, tried as a role that no row security applies to.

The policies would hide a forgotten filter; here they cannot. So each of these goes red when
`visible_to`, an agency's filter or `policy.require` is taken away.
"""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections

from directory.demo import loader as directory_demo
from directory.importing.parsing import id_of
from permissions.database.uuid7 import uuid7
from permissions.identity import credentials
from permissions.models import Client
from tests.support.ground.database import forget_edits, full_story
from tests.support.people.callers import Caller, member_id
from tests.support.people.stories import PACKET, Story, service_of
from tests.support.proofs import routes
from tests.support.proofs.routes import everything

ALIASES = ("default", "auditor", "editor")


@pytest.fixture
def no_policies(superuser: Any) -> Iterator[Callable[[], None]]:
    """`no_policies()`: from now on the requests run as the cluster's superuser."""
    exempt = {"USER": superuser.info.user, "PASSWORD": superuser.info.password}
    kept = {alias: dict(connections[alias].settings_dict) for alias in ALIASES}

    def lift() -> None:
        for alias in ALIASES:
            connections[alias].close()
            connections[alias].settings_dict.update(exempt)
            with connections[alias].cursor() as cursor:
                cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
                assert cursor.fetchone() == (True,)

    yield lift
    for alias, settings in kept.items():
        connections[alias].close()
        connections[alias].settings_dict.update(
            {name: settings[name] for name in ("USER", "PASSWORD")}
        )


@pytest.fixture
def told(story: Story, api: Any, no_policies: Callable[[], None]) -> Story:
    """Accepted, with packet, notes, a call, another draft and an emergency; and the policies are
    gone."""
    full_story(story, api)
    no_policies()
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT (SELECT count(*) FROM referral), (SELECT count(*) FROM note)")
        assert cursor.fetchone() == (3, 4), "the role sees everything, with no identity at all"
    return story


@pytest.mark.parametrize(
    ("who", "acting"),
    [
        ("outsider.worker", None),
        ("outsider.lead", None),
        ("outsider.client", "outsider.worker"),
        ("outsider.client", None),
        ("police.admin", None),
        ("police.auditor", None),
        ("ywca.admin", None),
        ("ywca.auditor", None),
        ("taskforce.coordinator", None),
        ("taskforce.auditor", None),
    ],
)
def test_who_has_no_part_in_a_referral_finds_nothing(
    told: Story, api: Any, who: str, acting: str | None
) -> None:
    caller = api(who, acting)
    assert everything(caller, told.id) == everything(caller, uuid4())
    assert caller.get("/v1/referrals").json() == {"items": [], "next": None}


def test_a_client_without_the_scope_finds_nothing(told: Story, api: Any) -> None:
    caller = client_with(api, "ywca", ["referrals:write", "packets:read"], "ywca.worker")
    one, other = (caller.get(f"/v1/referrals/{id_}") for id_ in (told.id, uuid4()))
    assert (one.status_code, one.json()["code"]) == (403, "scope_missing")
    assert one.content == other.content
    listed = caller.get("/v1/referrals")
    assert (listed.status_code, listed.json()["code"]) == (403, "scope_missing")
    assert caller.act(told.id, "open_packet", {"purpose": "intake"}).status_code == 404


def client_with(api: Any, key: str, scopes: list[str], acting: str | None = None) -> Caller:
    caller: Caller = api(f"{key}.client", acting)
    caller.secret = f"a token of fewer scopes {uuid4()}".replace(" ", "-")
    client = Client.objects.get(client_id=f"demo-{key}")
    credentials.open_for_client(client, caller.secret, scopes)
    return caller


def test_a_draft_is_the_senders_alone(api: Any, story: Story, no_policies: Any) -> None:
    story.create()
    no_policies()
    caller = api("ywca.worker")
    assert everything(caller, story.id) == everything(caller, uuid4())
    assert caller.get("/v1/referrals").json()["items"] == []


def test_a_colleague_who_is_not_assigned_is_refused_whatever_is_sealed(
    told: Story, api: Any
) -> None:
    for who in ("police.worker2", "police.lead", "ywca.worker2", "ywca.lead"):
        for act in ("open_packet", "open_notes", "add_note"):
            answer = api(who).act(told.id, act, routes.BODIES[act])
            assert (answer.status_code, answer.json()["code"]) == (403, "not_assigned"), (who, act)
    for who, act in (
        ("ywca.worker2", "complete"),
        ("ywca.lead", "start_handoff"),
        ("police.worker2", "put_packet"),
        ("police.lead", "put_release"),
        ("ywca.worker2", "revoke_release"),
        ("police.worker2", "withdraw"),
        ("police.worker2", "stop"),
    ):
        answer = api(who).act(told.id, act, routes.body_for(f"/{act}"))
        assert (answer.status_code, answer.json()["code"]) == (403, "not_assigned"), (who, act)
    client = api("ywca.client").act(told.id, "open_packet", {"purpose": "intake"})
    assert (client.status_code, client.json()["code"]) == (403, "acting_member_needed")
    narrow = client_with(api, "ywca", ["referrals:read"], "ywca.worker")
    answer = narrow.act(told.id, "open_packet", {"purpose": "intake"})
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


@pytest.mark.parametrize("accepted", [False, True])
def test_a_detail_shows_the_rest_to_those_who_answer_for_it(
    accepted: bool, story: Story, api: Any, no_policies: Callable[[], None]
) -> None:
    """The permission and the blocks: assigned members and leads, the recipient's after the accept.
    The plan and the own number: the sender's assigned members."""
    story.create().release(*PACKET).packet(**PACKET).sends("set_external_ref", {"ref": "CASE-0003"})
    plan = [service_of("sarc")]
    story.sends("set_plan", {"services": plan}).send().answers("acknowledge")
    barred = {"member_id": str(member_id("ywca.admin"))}
    assert api("ywca.lead").act(story.id, "block", barred).status_code == 200
    if accepted:
        story.answers("accept")
    no_policies()
    nothing: tuple[bool, int, list[str], str | None] = (False, 0, [], None)
    shown = {
        "police.worker": (True, 0, plan, "CASE-0003"),
        "police.lead": (True, 0, [], None),
        "police.worker2": nothing,
        "ywca.worker": (accepted, 1, [], None),
        "ywca.lead": (accepted, 1, [], None),
        "ywca.worker2": nothing,
    }
    for who, expected in shown.items():
        seen = api(who).get(f"/v1/referrals/{story.id}").json()
        found = (
            *(seen["release"] is not None, len(seen["blocks"])),
            *(seen["plan"], seen["external_ref"]),
        )
        assert found == expected, who


def test_each_side_reads_its_own_notes_and_history_only(told: Story, api: Any) -> None:
    for who, text, hidden in (
        ("police.worker", "theirs", "acknowledge"),
        ("ywca.worker", "ours", "create"),
    ):
        notes = api(who).act(told.id, "open_notes", {"purpose": "review"}).json()["items"]
        assert [note["content"] for note in notes if note["kind"] == "note"] == [{"text": text}]
        rights = [note for note in notes if note["kind"] == "rights"]
        assert len(rights) == (who == "police.worker"), "the record is the sender's own"
        steps = api(who).get(f"/v1/referrals/{told.id}/history").json()["items"]
        acts = [step["act"] for step in steps]
        assert acts.count("add_note") == 1
        assert (hidden in acts) == (hidden == "acknowledge")


def test_the_sender_is_shown_nothing_of_the_recipients_acts(told: Story, api: Any) -> None:
    path = f"/v1/referrals/{told.id}"
    callers = [api("police.worker"), api("police.lead"), api("police.client")]
    views = [(c, p, c.get(p).content) for c in callers for p in (path, f"{path}/history")]
    told.answers("start_handoff", {"mode": "phone"}).answers("complete", {"outcome": "served"})
    for caller, asked, before in views:
        assert caller.get(asked).content == before


def test_a_release_is_shown_to_those_who_answer_for_it_only(
    story: Story, api: Any, no_policies: Any
) -> None:
    story.send().release("name").packet(name=PACKET["name"])
    no_policies()
    path = f"/v1/referrals/{story.id}"

    def shown(who: str, acting: str | None = None) -> bool:
        return api(who, acting).get(path).json()["release"] is not None

    assert shown("police.worker")
    assert shown("police.lead")
    assert not shown("police.worker2")
    assert not shown("police.client")
    assert not shown("ywca.lead"), "not before the accept"
    story.answers("accept")
    assert shown("ywca.worker")
    assert shown("ywca.lead")
    assert shown("ywca.client", "ywca.worker")
    assert not shown("ywca.worker2")


def test_calls_and_replayed_keys_are_the_callers_own(told: Story, api: Any) -> None:
    assert len(api("police.worker").get("/v1/call-records").json()["items"]) == 1
    for who in ("police.worker2", "police.lead", "outsider.worker"):
        assert api(who).get("/v1/call-records").json()["items"] == []
    body = {
        "service_id": told.service_id,
        "urgency": "routine",
        "needs": ["advocacy"],
        "callback": "406-555-0111",
    }
    key = {"Idempotency_Key": "a key of the full story"}
    first = api("police.worker").post("/v1/referrals", body, **key).json()["id"]
    again = api("police.worker").post("/v1/referrals", body, **key).json()["id"]
    other = api("police.worker2").post("/v1/referrals", body, **key).json()["id"]
    assert first == again != other


def test_an_auditor_reads_the_own_agencys_entries_only(told: Story, api: Any) -> None:
    for key, other in (("police", "ywca"), ("ywca", "police"), ("taskforce", "ywca")):
        items = api(f"{key}.auditor").get("/v1/access-log", {"limit": "100"}).json()["items"]
        theirs = api(f"{other}.auditor").get("/v1/access-log", {"limit": "100"}).json()["items"]
        assert {one["id"] for one in items}.isdisjoint({one["id"] for one in theirs})


# -- The directory ---------------------------------------------------------------------------------


@pytest.fixture
def edited(api: Any, no_policies: Callable[[], None]) -> Iterator[dict[str, str]]:
    """A service, a confidential place and its sealed address, of ywca's; and the policies gone."""
    shelter = str(id_of(directory_demo.SOURCE, "organization", "shelter"))
    place, service = (f"/v1/directory/{kind}/{uuid7()}" for kind in ("locations", "services"))
    editor = api("ywca.editor")
    about = {"organization_id": shelter, "name": "Of a test"}
    assert editor.put(place, about | {"confidential": True}).status_code == 201
    assert editor.put(service, about | {"phones": [{"number": "406-555-0181"}]}).status_code == 201
    address = {"address_1": "1 Invented St", "city": "Missoula"}
    assert editor.put(f"{place}/confidential_address", address).status_code == 204
    no_policies()
    yield {"place": place, "service": service, "organization": shelter}
    forget_edits()


@pytest.mark.parametrize(
    ("who", "acting"),
    [
        ("sarc.editor", None),
        ("sarc.client", None),
        ("police.lead", None),
        ("ywca.worker", None),
        ("ywca.client", "ywca.worker"),
    ],
)
def test_no_one_else_changes_an_entry(
    edited: dict[str, str], api: Any, who: str, acting: str | None
) -> None:
    caller, service, place = api(who, acting), edited["service"], edited["place"]
    before = api(None).get(service)
    for answer, status in (
        (caller.patch(service, {"alert": "x"}, If_Match="*"), 403),
        (caller.put(service, before.json() | {"alert": "x"}, If_Match="*"), 403),
        (caller.delete(service, If_Match="*"), 403),
        (caller.get(place), 404),
        (caller.patch(place, {"name": "x"}, If_Match="*"), 404),
        (caller.delete(place, If_Match="*"), 404),
        (caller.delete(f"{place}/confidential_address"), 404),
        (caller.get(f"/v1/directory/organizations/{edited['organization']}/history"), 403),
    ):
        assert answer.status_code == status, answer.content
    assert api(None).get(service).content == before.content
    opened = caller.get(f"{place}/confidential_address")
    assert opened.status_code == (200 if who == "ywca.worker" else 404)


def test_an_editor_hangs_nothing_on_anothers_entry(edited: dict[str, str], api: Any) -> None:
    theirs = f"/v1/directory/services/{uuid7()}"
    campus = str(id_of(directory_demo.SOURCE, "organization", "campus"))
    sarc, ywca = api("sarc.editor"), api("ywca.editor")
    body = {"organization_id": campus, "name": "Theirs", "phones": [{"number": "406-555-0182"}]}
    made = sarc.put(theirs, body | {"contacts": [{"name": "Cal Invented"}]}).json()
    phone, contact = made["phones"][0]["id"], made["contacts"][0]["id"]
    place = id_of(directory_demo.SOURCE, "location", "campus-room")
    for change in (
        {"service_at_locations": [{"location_id": str(place)}]},
        {"phones": [{"id": phone, "number": "406-555-0183"}]},
        {"phones": [{"number": "406-555-0183", "service_id": theirs.rsplit("/", 1)[1]}]},
        {"phones": [{"number": "406-555-0183", "contact_id": contact}]},
        {"organization_id": campus},
    ):
        answer = ywca.patch(edited["service"], change, If_Match="*")
        assert answer.status_code == 400, answer.content
    new = f"/v1/directory/services/{uuid7()}"
    assert ywca.put(new, body).status_code == 403
    assert "0183" not in api(None).get(theirs).content.decode()
    agency = {"answered_by": str(uuid4())}
    assert ywca.patch(edited["service"], agency, If_Match="*").status_code == 403
