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

# What displayed_text refuses in a text of several lines, as the contract writes it. Not here: what
# depends on the sign before (the joiners), and signs beyond U+FFFF. A test compares the two.
_UNSEEN = (
    r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u0084\u0086-\u009f\u00ad\u034f\u0600-\u0605"
    r"\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e"
    r"\u2060-\u2064\u2066-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb"
)
_LINE_ENDS = r"\t\n\r\u0085\u2028\u2029"
_OF_OUR_TIME = (
    "^2(0[0-9][0-9]|1[0-9][0-9]|200)-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(\.[0-9]+)?([Zz]|[-+][0-9]{2}:[0-9]{2})$"
)
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

    contract = {"pattern": _OF_OUR_TIME}
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

    @property
    def contract(self) -> dict[str, Any]:
        """What the contract says of the text besides its greatest length."""
        if any(hasattr(one, "regex") for one in self.validators):
            return {}
        unseen = _UNSEEN if self.lines > 1 else f"{_LINE_ENDS}{_UNSEEN}"
        if self.allow_blank:
            return {"pattern": f"^[^{unseen}]*$"}
        return {"pattern": rf"^(?!\s*$)[^{unseen}]+$", "minLength": 1}

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
