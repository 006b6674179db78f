"""What the desk's templates need in addition to Django's own: labels, numbers to tap, times in
words."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from babel.numbers import format_decimal
from django import template
from django.utils.translation import get_language, gettext

from api.accounts import device_names
from api.desk import labels as desk_labels
from api.desk import log_labels
from api.desk.agency import role_labels
from api.desk.agency import words as agency_words
from api.desk.audit import reason_labels
from api.desk.directory import entry_summary
from api.desk.directory.own_entries import field_words
from api.desk.times import clock_time, day_and_time, localtime, log_time, long_day, time_of_day
from api.texts import StrOrPromise
from directory.listings import Phone

register = template.Library()
register.filter("as_dialed", desk_labels.as_dialed)
register.filter("done", desk_labels.act_label)
register.filter("logged", log_labels.log_act_label)
register.filter("log_time", log_time)
register.filter("day_and_time", day_and_time)
register.filter("outcome", desk_labels.outcome)
register.filter("purpose", desk_labels.purpose)
register.filter("reason", reason_labels.reason)
register.filter("role_names", role_labels.names_of)
register.filter("always", entry_summary.is_always)
register.filter("device", device_names.device_of)


@register.filter
def label(code: str | None, list_name: str) -> str:
    return desk_labels.label(list_name, code)


@register.filter
def labels(codes: list[str], list_name: str) -> list[str]:
    return desk_labels.labels(list_name, codes)


@register.filter
def field_name(code: str) -> str:
    if known := desk_labels.FIELDS.get(code):
        return str(known)
    return agency_words.code_words(code) if ":" in code else field_words(code)


register.filter("scope_words", agency_words.scope_words)
register.filter("key_words", agency_words.key_words)
register.filter("code_words", agency_words.code_words)


@register.filter
def tel(number: str) -> str:
    """Return a phone number as the address of a `tel:` link (RFC 3966)."""
    number, _, extension = number.partition("x")
    digits = re.sub(r"[^0-9+]", "", number)
    return f"tel:{digits};ext={extension.strip()}" if extension.strip() else f"tel:{digits}"


@register.filter
def spelled(reference: str) -> str:
    """Return a reference with non-breaking gaps, to be read out letter by letter."""
    return "\N{NO-BREAK SPACE}".join(reference)


@register.filter
def at(moment: datetime | None, now: datetime) -> str:
    """Return the moment in the agency's time zone, with the day if it is not today."""
    return clock_time(moment, now) if moment else ""


@register.filter
def day(when: date) -> str:
    """Return a day, or that of a moment in the agency's time zone, with its year."""
    return long_day(localtime(when) if isinstance(when, datetime) else when)


@register.filter
def clock(moment: datetime) -> str:
    """Return the time of day in the agency's time zone."""
    return time_of_day(localtime(moment))


@register.filter
def grouped(number: int) -> str:
    """Return a whole number as the active language writes it: "100,000"."""
    return str(format_decimal(number, locale=get_language() or "en"))


@register.filter
def of(key: Any, words: Mapping[Any, Any]) -> Any:
    """Return what these words are for the key, or the key itself."""
    return words.get(key, key)


@register.filter
def tel_of(phone: Phone) -> str:
    """Return the link of a directory number, which keeps the extension apart. A number for texts
    opens a message (RFC 5724)."""
    if is_text(phone):
        return tel(phone.number).replace("tel:", "sms:", 1)
    return tel(f"{phone.number}x{phone.extension}" if phone.extension else phone.number)


@register.filter
def ring_words(phone: Phone) -> str:
    """Return words such as "Call 406-555-0100 ext. 3" or "Text 233733"."""
    number = phone.number
    if phone.extension:
        number = gettext("{number} ext. {extension}").format(
            number=number, extension=phone.extension
        )
    words = gettext("Text {number}") if is_text(phone) else gettext("Call {number}")
    return words.format(number=number)


def is_text(phone: Phone) -> bool:
    return phone.type.lower() in ("text", "sms")


@register.filter
def channel_kind(kind: str) -> StrOrPromise:
    return desk_labels.CHANNEL_KINDS.get(kind, kind)


@register.filter
def channel_use(use: str) -> StrOrPromise:
    return desk_labels.CHANNEL_USES.get(use, use)


@register.filter
def channel_test(outcome: str) -> StrOrPromise:
    return desk_labels.CHANNEL_TESTS.get(outcome, outcome)
