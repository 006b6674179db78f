"""The weekly tests of phone lines, as tests bring them about: the clock set to an hour of the
agencies' week, the jobs' work done, and what the phones were sent."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from functools import cache
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from twilio.request_validator import RequestValidator

from referrals.notifications import message_queue, transports
from referrals.notifications.line_tests import cover, hours, lines, weekly
from tests.support.people.desk_pages import Pages
from tests.support.servers.message_servers import PhoneProvider

DENVER = ZoneInfo("America/Denver")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DAY, WEEK = timedelta(days=1), timedelta(days=7)
BUTTON = re.compile(r"https?://\S+/line/\S+")
CALLBACK = re.compile(r'action="([^"]+/line/call/[^"]+)"')

Shift = Callable[[str], None]


def monday(weeks: int = 0) -> datetime:
    """A Monday to come at midnight in the agencies' zone, or so many weeks later. The clocks do not
    change in the six weeks after it: a day has 24 hours here."""
    return _first_monday() + weeks * WEEK


@cache
def _first_monday() -> datetime:
    """Chosen once, and more than a day ahead: midnight may pass while the tests run."""
    tomorrow = datetime.now(DENVER).date() + DAY
    found = datetime.combine(tomorrow + (7 - tomorrow.weekday()) * DAY, time(), DENVER)
    while (found + 6 * WEEK).utcoffset() != found.utcoffset():
        found += WEEK
    return found.astimezone(UTC)


def set_clock(shift_clock: Shift, moment: datetime) -> None:
    shift_clock(f"{(moment - datetime.now(UTC)).total_seconds()} seconds")


def work() -> None:
    """What the background work does about tests until nothing is left."""
    send()
    cover.step()


def early_number() -> str:
    """A number whose test is due before Friday noon: its minute depends on the server's secret."""
    days = [monday() + day * DAY for day in range(5)]
    week = [(day + 10 * HOUR, day + 18 * HOUR) for day in days]
    for number in range(20, 60):
        address = f"+140655501{number}"
        slot = hours.slot(lines.number_of(address), week)
        if slot is not None and slot < monday() + 4 * DAY + 12 * HOUR:
            return address
    raise AssertionError


def send() -> None:
    """Queue and send the tests that are due now."""
    weekly.step()
    while message_queue.line_test_step():
        pass


def pass_week(shift_clock: Shift, weeks: int = 0) -> None:
    """Queue and send what is due at the last minutes of the hours of each day: by then whatever is
    due on it is."""
    for day in range(7):
        for hour in (11, 17, 18, 21):
            set_clock(shift_clock, monday(weeks) + day * DAY + hour * HOUR - MINUTE)
            send()


def calls(phones: PhoneProvider, number: str) -> list[str]:
    """Where the answer of each test call to this number goes, the newest last."""
    found = [CALLBACK.search(form["Twiml"]) for kind, form in phones.to(number) if kind == "voice"]
    return [unescape(one[1]) for one in found if one]


def links(phones: PhoneProvider, number: str) -> list[str]:
    """The links of the test messages to this number."""
    found = [BUTTON.search(form["Body"]) for kind, form in phones.to(number) if kind == "sms"]
    return [one[0] for one in found if one]


def press(link: str, key: str = "1", token: str = "") -> Any:
    """The provider's callback, signed as the provider signs."""
    given = {"Digits": key, "CallSid": "CA0"}
    signer = RequestValidator(token or transports.provider_token())
    signature = signer.compute_signature(link, given)
    path = link.removeprefix(settings.BASE_URL.rstrip("/"))
    return Pages().http.post(path, given, headers={"X-Twilio-Signature": signature})


def open_link(link: str) -> Any:
    return Pages().get(path_of(link))


def tap(link: str) -> Any:
    """The button behind the link, without cookies."""
    return Pages().http.post(path_of(link))


def path_of(link: str) -> str:
    return link.removeprefix(settings.BASE_URL.rstrip("/"))
