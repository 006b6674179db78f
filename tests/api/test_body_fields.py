"""What a member of a body may be, and a moment of a query: of its own type, with its zone, of these
centuries. One class a type, and no shape that goes around it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone as django_timezone
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from api.desk.referral.accounting_paper import paper_time
from api.desk.times import clock_time
from api.http import fields
from permissions.errors import BadRequest
from referrals.acts.legal_records import Record
from referrals.notices import Notice
from tests.support.ground.repository import contract
from tests.support.people.callers import Caller
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import NOTICE, Story
from tests.support.proofs.body_shapes import LEAVES, shapes

NO_MOMENTS = [
    "2026-11-27T03:00:00",
    "2026-11-27",
    "2026-11-27T03:00Z",
    "20261127T030000Z",
    "2026-W48-5T03:00:00Z",
    "2026-11-27T03:00:00+24:00",
    "2026-02-30T03:00:00Z",
    "٢026-11-27T03:00:00Z",
    " 2026-11-27T03:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "now",
]
NOT_OURS = ["0001-01-01T00:00:00Z", "1999-12-31T23:59:59Z", "2201-01-01T00:00:00Z"]
NOT_OURS += ["9999-12-31T23:59:59.999999-12:00"]
BEYOND = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


# -- Every shape -----------------------------------------------------------------------------------


STRICT = {
    fields.Moment: str,
    fields.Text: str,
    fields.Code: str,
    fields.Id: str,
    fields.Whole: (int, float),
    fields.Flag: bool,
}
VALUES = [True, False, 0, 1, 5, 1.5, 10**30, "5", "true", "null", "text", [], ["5"], {}, {"a": 1}]


@pytest.mark.no_database
def test_every_shape_is_made_of_our_own_fields() -> None:
    assert len(LEAVES) > 100
    assert {
        where: type(field) for where, field in LEAVES.items() if type(field) not in STRICT
    } == {}


@pytest.mark.no_database
def test_a_shape_has_no_rule_beyond_those_of_its_fields() -> None:
    """Endpoint.body would not ask for it."""
    ruled = [
        shape
        for shape in shapes()
        if shape.validate is not serializers.Serializer.validate or shape().validators
    ]
    assert ruled == []


@pytest.mark.no_database
def test_no_field_takes_what_is_of_another_type() -> None:
    taken = {}
    for where, field in LEAVES.items():
        own = STRICT[type(field)]
        for value in VALUES:
            if isinstance(value, own) and not (own == (int, float) and isinstance(value, bool)):
                continue
            try:
                taken[where, str(value)] = field.run_validation(value)
            except ValidationError:
                continue
    assert taken == {}


def test_a_wrong_type_is_pointed_at(story: Story, api: Any) -> None:
    story.accept()
    worker, lead = api("ywca.worker"), api("ywca.lead")
    for answer, pointer in (
        (worker.act(story.id, "add_note", {"text": 12345}), "/text"),
        (worker.act(story.id, "set_callback", {"callback": 4065550111}), "/callback"),
        (worker.act(story.id, "hand_over", {"member_id": 5}), "/member_id"),
        (worker.act(story.id, "complete", {"outcome": ["served"]}), "/outcome"),
        (lead.act(story.id, "take_over", {"reason": "holder_away", "keep": "true"}), "/keep"),
        (lead.act(story.id, "take_over", {"reason": "holder_away", "keep": 1}), "/keep"),
        (api("police.worker").act(story.id, "put_packet", {"packet": {"name": 1}}), "/packet/name"),
        (worker.post("/v1/channels", CHANNEL | {"position": "2"}), "/position"),
    ):
        assert (answer.status_code, answer.json()["pointer"]) == (400, pointer)


CHANNEL = {"kind": "mail", "address": "someone@example.org"}


@pytest.mark.parametrize("number", [10**30, -(10**30), 2**63, -(2**63) - 1])
def test_a_whole_number_beyond_64_bits_is_refused(number: int, story: Story, api: Any) -> None:
    story.accept()
    worker = api("ywca.worker")
    for body in ({"text": number}, {"text": [{"a": number}]}):
        for headers in ({}, {"Idempotency_Key": "k"}):
            answer = worker.act(story.id, "add_note", body, **headers)
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert api(None).post("/v1/directory/services", {"search": number}).status_code == 400
    assert (
        worker.act(story.id, "add_note", {"text": "kept"}, Idempotency_Key="k").status_code == 201
    )


# -- Moments ---------------------------------------------------------------------------------------


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-11-27T03:00:00Z", 3),
        ("2026-11-27t03:00:00.123456789z", 3),
        ("2026-11-26 20:00:00-07:00", 3),
        ("2026-11-27T03:00:00-00:00", 3),
    ],
)
def test_a_moment_of_rfc_3339_is_read_in_utc(text: str, hour: int) -> None:
    read = fields.Moment().run_validation(text)
    assert (read.day, read.hour, read.tzinfo) == (27, hour, UTC)


def moments_of_acts(api: Any, story: Story, text: str) -> Iterator[tuple[Any, str]]:
    """Answers of whatever takes a moment, and where the text stood."""
    worker, lead, police = api("ywca.worker"), api("ywca.lead"), api("police.worker")
    notice = NOTICE | {"with_worker_until": text}
    yield (
        police.post("/v1/referrals", notice | {"service_id": story.service_id}),
        "with_worker_until",
    )
    yield worker.act(story.id, "start_handoff", {"mode": "phone", "at": text}), "at"
    told = {"survivor_told": "told_before"}
    report = told | {"basis": "child_abuse", "to": "child_protection", "at": text}
    yield worker.act(story.id, "record_report", report), "at"
    yield lead.act(story.id, "set_hold", {"until": text}), "until"
    yield police.act(story.id, "narrow_release", {"expires_at": text}), "expires_at"


@pytest.mark.parametrize("text", NO_MOMENTS + NOT_OURS)
def test_no_act_takes_a_moment_without_its_zone_or_beyond_our_time(
    text: str, story: Story, api: Any
) -> None:
    story.accept().release()
    for answer, name in moments_of_acts(api, story, text):
        assert (answer.status_code, answer.json()["pointer"]) == (400, f"/{name}"), answer.content
        assert "time" in answer.json()["detail"]


def asked_for_moments() -> Iterator[tuple[str, str]]:
    for path, operations in contract()["paths"].items():
        for one in operations.get("get", {}).get("parameters", []):
            if one["schema"].get("format") == "date-time" or one["name"] == "open_at":
                yield path, one["name"]


@pytest.mark.parametrize(("path", "name"), list(asked_for_moments()))
def test_nor_does_a_query(path: str, name: str, api: Any) -> None:
    caller: Caller = api("ywca.auditor" if "access-log" in path else "ywca.worker")
    soon = f"{datetime.now(UTC) + timedelta(1):%Y-%m-%dT03:00:00Z}"
    assert caller.get(path, {name: soon}).status_code == 200
    if name != "open_at":  # its hours are known of days; "since the epoch" is how a copy begins
        assert caller.get(path, {name: "1970-01-01T00:00:00Z"}).status_code == 200
    dates = ["2026-11-27"] if "directory" in path else []  # HSDS has it so
    for text in set(NO_MOMENTS) - set(dates) - {"now"}:
        answer = caller.get(path, {name: text})
        assert (answer.status_code, answer.json()["pointer"]) == (400, name), text
    for text in NOT_OURS:
        assert caller.get(path, {name: text}).status_code < 500, text


@pytest.mark.no_database
@pytest.mark.parametrize("moment", BEYOND)
def test_nor_does_the_domain_whoever_calls_it(moment: datetime) -> None:
    plain = NOTICE | {"needs": ("shelter",)}
    with pytest.raises(BadRequest) as refused:
        Notice(**plain, with_worker_until=moment)
    assert refused.value.pointer == "/with_worker_until"
    record = Record("child_abuse", "child_protection", moment, "told_before")
    with pytest.raises(BadRequest) as refused:
        record.check("report_basis", "report_to")
    assert refused.value.pointer == "/at"


@pytest.mark.parametrize("text", ["0001-01-01T00:00", "1999-12-01T00:00", "9999-12-31T23:59"])
def test_nor_do_the_forms_of_the_desk(text: str, story: Story, api: Any) -> None:
    story.accept()
    desk, page = at_the_desk("ywca.worker"), f"/desk/referrals/{story.id}"
    told = {"basis": "child_abuse", "to": "child_protection", "survivor_told": "told_before"}
    for act, fields_ in (
        ("start_handoff", {"mode": "phone", "at": text}),
        ("record_report", told | {"at": text}),
    ):
        again = desk.submit(f"{page}/{act}", fields_)
        assert "A time of the years 2000 to 2200 is needed." in text_of(again.content)
    seen = api("ywca.worker").get(f"/v1/referrals/{story.id}").json()
    assert seen["status"] == "accepted"


def test_the_page_of_a_referral_opens_whatever_stands_in_the_row(
    story: Story, superuser: Any
) -> None:
    story.send()
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE referral SET with_worker_until = '0001-01-01 00:00+00' WHERE id = %s",
            [story.id],
        )
    page = at_the_desk("ywca.worker").get(f"/desk/referrals/{story.id}")
    assert page.status_code == 200
    assert "the worker stayed until Jan 1, 1, 12:00 a.m. UTC" in text_of(page.content)


@pytest.mark.no_database
@pytest.mark.parametrize("zone", ["America/Denver", "Pacific/Kiritimati", "UTC"])
def test_times_in_words_know_no_end_of_the_calendar(zone: str) -> None:
    now = datetime(2026, 11, 26, 10, tzinfo=UTC)
    with django_timezone.override(ZoneInfo(zone)):
        for moment in BEYOND:
            assert str(moment.year) in clock_time(moment, now)
            assert str(moment.year) in paper_time(moment, "es")
