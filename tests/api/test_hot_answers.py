"""Answers that are made without their serializer are what the serializer would have made."""

from uuid import UUID

import orjson
import pytest
from django.db import connection

from api.http.json_bodies import as_json
from api.v1.referrals import packets as packet_answers
from api.v1.referrals import referral_shapes
from permissions import assignments
from permissions.database import db_identity
from permissions.identity.credentials import resolve_credential
from referrals.models import Referral, Side, side_kept
from referrals.packets import packet
from referrals.queries import lists
from referrals.queries.line_json import line_json
from tests.support.stories import PACKET, Story, service_of


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


def test_a_query_worded_once_finds_what_the_queryset_finds(api, story):
    story.accept()
    principal = resolve_credential(api("ywca.worker").secret)
    colleague = resolve_credential(api("ywca.worker2").secret)
    with db_identity.identified_transaction(principal):
        referral = Referral.objects.visible_to(principal).get(id=story.id)
        agency = principal.agency_id
        side = side_kept(principal, referral.id)
        assert side == Side.objects.get(referral=referral, agency_id=agency)
        assert side.holder_id == principal.member_id
        assert side_kept(principal, principal.agency_id) is None
        assert assignments.is_assigned(referral, agency, principal.member_id)
        assert not assignments.is_assigned(referral, agency, colleague.member_id)
        assert not assignments.is_assigned(referral, agency, None)
