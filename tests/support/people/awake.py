"""An emergency at the YWCA, its members' telephones and devices, and what is keyed there."""

import re
from html import unescape
from typing import Any

from django.conf import settings
from twilio.request_validator import RequestValidator

from permissions.identity import credentials
from permissions.models import Membership
from referrals.notifications import transports
from referrals.push import sending
from tests.support.people.callers import Caller, member_id
from tests.support.people.desk_pages import Pages, at_the_desk
from tests.support.people.notifications import PEOPLE, keep, number, prove, work
from tests.support.people.stories import Story
from tests.support.servers.message_servers import PhoneProvider
from tests.support.servers.push_service import Browser

ASKED = re.compile(r"key these two digits: (\d), (\d)")
LINK = re.compile(r'action="([^"]+)"')


def own_calls(phones: PhoneProvider, who: str) -> list[str]:
    """What was said in the calls to this member's own number."""
    return [form["Twiml"] for kind, form in phones.to(number(who)) if kind == "voice"]


def voices(api: Any, *members: str) -> None:
    """These members are called, too."""
    for who in members:
        keep(api, who, "voice", PEOPLE[who])


def asked(twiml: str) -> tuple[str, str]:
    """The digits that a call asks for, and where what is keyed goes."""
    digits, link = ASKED.search(twiml), LINK.search(twiml)
    assert digits, twiml
    assert link, twiml
    return digits[1] + digits[2], unescape(link[1])


def other(digits: str) -> str:
    return f"{(int(digits) + 1) % 100:02}"


def keys(link: str, digits: str, token: str = "") -> Any:
    """The provider's callback, signed as the provider signs."""
    given = {"Digits": digits, "CallSid": "CA0"}
    signature = RequestValidator(token or transports.provider_token()).compute_signature(
        link, given
    )
    path = link.removeprefix(settings.BASE_URL.rstrip("/"))
    return Pages().http.post(path, given, headers={"X-Twilio-Signature": signature})


def said(answer: Any) -> str:
    """What the voice answers."""
    assert answer.status_code == 200, answer.content
    found = re.search(r"<Say[^>]*>([^<]*)</Say>", answer.content.decode())
    assert found, answer.content
    return found[1]


THANKS, WRONG, OVER = "Thank you.", "These are not the digits.", "It waits for no one"


def rings(story: Story, phones: PhoneProvider, who: str = "ywca.worker2") -> tuple[str, str]:
    """Send an emergency and do the work; what the call to this member asks for."""
    story.create(urgency="emergency").send()
    work()
    return asked(own_calls(phones, who)[-1])


def at_desk(who: str, story: Story, **more: str) -> Any:
    """Press the button at the desk; the answer."""
    reference = story.api(who).get(f"/v1/referrals/{story.id}").json()["reference"]
    given = {"reference": reference} | more
    return at_the_desk(who, csrf=False).http.post("/desk/awake", given)


def claims(superuser: Any, story: Story) -> list[tuple[Any, ...]]:
    """(how, seconds that it holds) of each claim, in order."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT how, extract(epoch FROM until - at)::int FROM awake_claim"
            " WHERE referral_id = %s ORDER BY at",
            [story.id],
        )
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def subscribe(who: str, browser: Browser, *, proven: bool = True, language: str = "en") -> str:
    """Add a device at the desk, as its script does; the channel's id."""
    pages = at_the_desk(who, csrf=False)
    answer = pages.http.post("/desk/channels", device_of(browser, language=language))
    assert answer.status_code == 302, answer.content
    items = [one for one in own_lines(who) if one["kind"] == "push"]
    if proven:
        prove(items[-1]["id"])
    return str(items[-1]["id"])


def device_of(browser: Browser, name: str = "My phone", language: str = "en") -> dict[str, str]:
    return {
        "what": "device",
        "device-name": name,
        "device-language": language,
        "device-endpoint": browser.endpoint,
        "device-key": browser.key,
        "device-secret": browser.secret,
    }


def own_lines(who: str) -> list[dict[str, Any]]:
    member = Membership.objects.using("signin").get(id=member_id(who))
    caller = Caller(who, credentials.open_for_member(member))
    found: list[dict[str, Any]] = caller.get("/v1/channels").json()["own"]
    return found


def push() -> None:
    """What the job of devices does until nothing is left."""
    while sending.step():
        pass
