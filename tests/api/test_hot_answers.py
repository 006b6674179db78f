"""Answers that are made without their serializer are what the serializer would have made."""

from uuid import UUID

import orjson
import pytest
from django.db import connection

from api.http.json_bodies import as_json
from api.v1.referrals import packets as packet_answers
from api.v1.referrals import referral_shapes
from permissions.database import db_identity
from permissions.errors import NotVisible
from permissions.identity.credentials import resolve_credential
from permissions.models import Agency, Membership
from referrals.models import Assignment, Referral, Release, Side
from referrals.packets import packet
from referrals.queries import details, lists, seen
from referrals.queries.line_json import line_json
from referrals.queries.live_blocks import live_blocks
from tests.support.people.callers import member_id
from tests.support.people.stories import PACKET, Story, service_of


@pytest.fixture
def many(api, story):
    """Referrals in several states, seen from both their sides: each optional member is set on
    one line and null on another."""
    Story(api, story.service_id).create().sends("set_external_ref", {"ref": "CASE-0001"})
    Story(api, story.service_id).send()
    Story(api, story.service_id).send().answers("acknowledge")
    Story(api, story.service_id).send().answers("decline", {"code": "no_capacity"})
    story.accept().answers("start_handoff", {"mode": "phone"})
    back = Story(api, service_of("hospital"), sender="ywca.worker", recipient="hospital.worker")
    return back.send()


@pytest.mark.parametrize("who", ["police.worker", "ywca.worker", "hospital.lead"])
def test_a_line_of_the_list_is_what_its_serializer_makes_of_it(api, many, who):
    caller = api(who)
    principal = resolve_credential(caller.secret)
    lines, _place = lists.list_page(principal, limit=100)
    assert lines
    items = [line_json(line) for line in lines]
    page = {"items": items, "next": None}
    made = as_json(referral_shapes.ReferralPageOut(page).data)
    assert as_json(page) == made
    assert caller.get("/v1/referrals", {"limit": "100"}).content == made


@pytest.mark.parametrize("who", ["police.worker", "ywca.worker"])  # without a release, and with one
def test_an_opened_packet_is_what_its_serializer_makes_of_it(api, story, who):
    story.accept().release(*PACKET).packet(**PACKET)
    opened = packet.open_packet(resolve_credential(api(who).secret), UUID(story.id), "intake")
    shown = packet_answers.packet_json(opened)
    assert shown["packet"] == PACKET
    made = as_json(packet_answers.PacketOut(shown).data)
    assert as_json(shown) == made


def test_times_are_written_alike_with_and_without_microseconds(api, story):
    story.create()
    principal = resolve_credential(api(story.sender).secret)
    with db_identity.identified_transaction(principal), connection.cursor() as cursor:
        cursor.execute("UPDATE referral SET sent_at = '2026-01-02 03:04:05+00', ack_by = NULL")
    [line], _place = lists.list_page(principal)
    shown = orjson.loads(as_json(line_json(line)))
    assert shown["sent_at"] == "2026-01-02T03:04:05Z"
    assert shown == orjson.loads(orjson.dumps(referral_shapes.LineOut(line_json(line)).data))


def test_a_referral_is_what_its_serializer_makes_of_it(api, many, story):
    for caller in (api("police.lead"), api("ywca.lead"), api("ywca.worker"), api("hospital.lead")):
        principal = resolve_credential(caller.secret)
        lines, _place = lists.list_page(principal, limit=100)
        assert lines
        for line in lines:
            shown = referral_shapes.referral_json(details.read_detail(principal, UUID(line.id)))
            made = as_json(referral_shapes.ReferralOut(shown).data)
            assert orjson.loads(as_json(shown)) == orjson.loads(made)
            assert caller.get(f"/v1/referrals/{line.id}").content == as_json(shown)


def test_what_is_first_seen_of_a_referral_is_what_the_querysets_find(api, story):
    story.accept()
    principal = resolve_credential(api("ywca.worker").secret)
    colleague = resolve_credential(api("ywca.worker2").secret)
    with db_identity.identified_transaction(principal):
        for find in (seen.find, seen.find_locked):
            found = find(principal, UUID(story.id))
            row = Referral.objects.visible_to(principal).get(id=story.id)
            assert whole(found.referral) == whole(row)
            side = Side.objects.get(referral=row, agency_id=principal.agency_id)
            assert whole(found.own) == whole(side)
            assert side.holder_id == principal.member_id
            assert found.assigned
            assert found.relation(principal).holder
        with pytest.raises(NotVisible):
            seen.find(principal, principal.agency_id)
        with pytest.raises(NotVisible):
            seen.find_locked(principal, principal.agency_id, closing=True)
    with db_identity.identified_transaction(colleague):
        assert not seen.find(colleague, UUID(story.id)).assigned


def test_what_a_side_is_shown_is_what_the_querysets_find(api, story):
    """Of the statement that reads all of it at once (referrals/queries/details.py)."""
    story.accept().release(*PACKET).packet(**PACKET)
    story.sends("set_external_ref", {"ref": "CASE-0002"})
    barred = {"member_id": str(member_id("ywca.worker2"))}
    assert api("ywca.lead").act(story.id, "block", barred).status_code == 200
    blocks = {"police.worker": 0, "police.lead": 0, "ywca.worker": 1, "ywca.lead": 1}
    for who in blocks:
        principal = resolve_credential(api(who).secret)
        with db_identity.identified_transaction(principal) as now:
            first = seen.find(principal, UUID(story.id))
            shown = details.show(principal, first.referral, first.own, now)
            releases = Release.objects.filter(referral_id=story.id, direction="outbound")
            newest = releases.order_by("-created_at", "-id").first()
            assert (shown.release and whole(shown.release)) == (newest and whole(newest))
            assert shown.release is not None
            for agency in (shown.from_agency, shown.to_agency):
                assert whole(agency) == whole(Agency.objects.get(id=agency.id))
            own = Membership.objects.filter(agency_id=principal.agency_id).order_by("name", "id")
            assert list(shown.names.items()) == list(own.values_list("id", "name"))
            assert shown.blocks == live_blocks(principal, first.referral)
            assert len(shown.blocks) == blocks[who]
            assigned = Assignment.objects.filter(
                content_object_id=story.id, agency_id=principal.agency_id
            )
            assert shown.assigned == list(
                assigned.order_by("id").values_list("membership_id", flat=True)
            )
            assert shown.external_ref == ("CASE-0002" if who == "police.worker" else None)


def whole(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
