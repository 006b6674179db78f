"""Strict field types for request bodies; every shape is made of these (ADR 0046).

DRF alone accepts a number as text, text as a number or as true, and a time without a zone as UTC.
"""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.utils.dateparse import parse_datetime
from rest_framework import serializers

from permissions import displayed_text
from referrals.deadlines import timestamps

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[-+]\d\d:\d\d)", re.ASCII)


def moment_of(text: str) -> datetime | None:
    """Parse a time with a zone and return it in UTC; None for any other text."""
    if not RFC_3339.fullmatch(text):
        return None
    try:
        found = parse_datetime(text.upper())
        return found.astimezone(UTC) if found else None
    except (ValueError, OverflowError):
        return None


class Moment(serializers.DateTimeField):
    """A moment with its zone, of these centuries."""

    default_error_messages = {"datetime": "A moment with its zone.", "year": timestamps.DETAIL}

    def to_internal_value(self, value: Any) -> datetime:
        moment = moment_of(value) if isinstance(value, str) else None
        if moment is None:
            self.fail("datetime")
        if not timestamps.is_of_our_time(moment):
            self.fail("year")
        return moment


class Text(serializers.CharField):
    """A text that people can see, without the white space around it. `lines`: of how many lines its
    box is at the desk; one: it takes no line break."""

    default_error_messages = {"hidden": displayed_text.HIDDEN, "one_line": displayed_text.ONE_LINE}

    def __init__(self, *, lines: int = 1, **options: Any) -> None:
        self.lines = lines
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        text = displayed_text.normalized(str(super().to_internal_value(data)))
        if fault := displayed_text.fault_of(text, lines=self.lines > 1):
            self.fail("one_line" if fault == displayed_text.ONE_LINE else "hidden")
        return text


class Code(serializers.ChoiceField):
    """One of a closed list."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=data)
        return super().to_internal_value(data)


class Id(serializers.UUIDField):
    """A UUID, as text."""

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return UUID(str(super().to_internal_value(data)))


class Whole(serializers.IntegerField):
    """A whole number."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool | str):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class Flag(serializers.BooleanField):
    """true or false."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data
