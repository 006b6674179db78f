"""A file of shifts (iCalendar): what is understood, and each fault by its event."""

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from permissions.errors import BadRequest
from referrals.on_call import calendar_files
from referrals.on_call.who_is_on import OnCall, Shift, Span

A, B, C = (UUID(int=number) for number in (1, 2, 3))
NAMES = {A: "Yve Example", B: "Yoko Specimen", C: "Yoko Specimen"}
DENVER = ZoneInfo("America/Denver")
NOW = datetime(2026, 11, 1, tzinfo=UTC)
TIMES = "DTSTART:20261102T080000Z\nDTEND:20261103T080000Z"
SHIFT = (datetime(2026, 11, 2, 8, tzinfo=UTC), datetime(2026, 11, 3, 8, tzinfo=UTC))


def file(*events: str) -> str:
    body = "".join(f"BEGIN:VEVENT\n{one}\nEND:VEVENT\n" for one in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//y//EN\n{body}END:VCALENDAR\n"


def lines(*events: str) -> list[calendar_files.Line]:
    return calendar_files.read(file(*events), NAMES, DENVER, NOW)


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Yve Example", "first"),
        ("On call: Yve Example", "first"),
        ("FIRST:  yve   example", "first"),
        ("Second: Yve Example", "second"),
        ("Away: Yve Example", "away"),
    ],
)
def test_a_title_is_a_name_alone_or_after_its_place(title: str, kind: str) -> None:
    (line,) = lines(f"SUMMARY:{title}\n{TIMES}")
    assert (line.shift, line.fault) == (Shift(A, kind, *SHIFT), "")


def test_times_without_a_zone_are_the_agencys_and_a_day_is_its_day() -> None:
    plain, day, zoned = lines(
        "SUMMARY:Yve Example\nDTSTART:20261102T010000\nDTEND:20261102T090000",
        "SUMMARY:Yve Example\nDTSTART;VALUE=DATE:20261102\nDTEND;VALUE=DATE:20261103",
        "SUMMARY:Yve Example\nDTSTART;TZID=America/New_York:20261102T030000\n"
        "DTEND;TZID=America/New_York:20261102T110000",
    )
    assert plain.shift is not None
    assert day.shift is not None
    assert plain.shift == zoned.shift
    assert plain.shift.begins_at == datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert day.shift.begins_at == datetime(2026, 11, 2, 7, tzinfo=UTC)
    assert day.shift.ends_at - day.shift.begins_at == timedelta(days=1)


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        (f"SUMMARY:Someone Else\n{TIMES}", "name of one"),
        (f"SUMMARY:Yoko Specimen\n{TIMES}", "name of one"),  # there are two
        (TIMES, "name of one"),
        (f"SUMMARY:Third: Yve Example\n{TIMES}", "begins with none"),
        (f"SUMMARY:Yve Example\nRRULE:FREQ=WEEKLY\n{TIMES}", "repeats"),
        ("SUMMARY:Yve Example\nDTEND:20261102T080000Z", "no beginning or no end"),
        ("SUMMARY:Yve Example\nDTSTART:2026\nDTEND:x", "no beginning or no end"),
        (
            "SUMMARY:Yve Example\nDTSTART:20261003T080000Z\nDTEND:20261004T080000Z",
            "over",
        ),
        (
            "SUMMARY:Yve Example\nDTSTART:20261104T080000Z\nDTEND:20261104T080000Z",
            "after the beginning",
        ),
        (
            "SUMMARY:Yve Example\nDTSTART:20261104T080000Z\nDTEND:20270804T080000Z",
            "three months",
        ),
    ],
)
def test_each_fault_is_named_with_its_event_and_the_others_are_read(event: str, fault: str) -> None:
    good = f"SUMMARY:Yve Example\n{TIMES}"
    first, second, third = lines(good, event, good)
    assert (first.shift is None, third.shift is None) == (False, False)
    assert (second.number, second.shift) == (2, None)
    assert fault in second.fault


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        file(),
        "BEGIN:VCALENDAR\n" * 3,
        "\x00",
        "x" * 200_001,
        file(*["SUMMARY:x"] * 501),
    ],
)
def test_what_is_no_calendar_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        calendar_files.read(text, NAMES, DENVER, NOW)


def test_what_is_written_is_read_again_as_it_was() -> None:
    spans = [
        Span(SHIFT[0], SHIFT[1], OnCall(A, B)),
        Span(SHIFT[1], SHIFT[1] + timedelta(days=1), OnCall(B, None)),
    ]
    names = {A: "Yve Example", B: "Ana Núñez; the 2nd, \\ “quoted”"}
    text = calendar_files.written("Demo", C, spans, names).decode()
    found = [one.shift for one in calendar_files.read(text, names, DENVER, NOW)]
    assert found == [
        Shift(A, "first", *SHIFT),
        Shift(B, "second", *SHIFT),
        Shift(B, "first", SHIFT[1], SHIFT[1] + timedelta(days=1)),
    ]
