"""The police's card, switched on; an officer without an account; and the station's telephone."""

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from twilio.request_validator import RequestValidator

from permissions.enrollment import registered_numbers
from referrals.notifications import sealed_messages, transports
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import Pages, at_the_desk, text_of
from tests.support.people.stories import service_of
from tests.support.servers.message_servers import PhoneProvider

STATION = "+14065550111"
CALLBACK = re.compile(r'action="([^"]+)"')
CODE = re.compile(r'<p class="reference">(\d{3}) (\d{3})</p>')

LEAVE = """
    DELETE FROM permissions_sealedmessage;
    DELETE FROM permissions_cardnotice;
    DELETE FROM permissions_card;
    DELETE FROM credential WHERE client_id IN
        (SELECT id FROM permissions_client WHERE client_id LIKE 'card-%');
    DELETE FROM row_mac WHERE kind = 'client' AND row_id IN
        (SELECT id FROM permissions_client WHERE client_id LIKE 'card-%');
    DELETE FROM permissions_client WHERE client_id LIKE 'card-%';
    DELETE FROM permissions_registerednumber;
    DELETE FROM recent_count;
"""


@pytest.fixture(autouse=True)
def no_card_stays(superuser: Any) -> Any:
    """A card that was switched on in a test has never been there."""
    yield
    with superuser.cursor() as cursor:
        cursor.execute(LEAVE)
    superuser.commit()


def give_number(key: str = "police") -> None:
    """The agency's registered number, as two of its people and a lead of another agency give it."""
    change(f"{key}.admin", "/desk/number", what="propose", address=STATION)
    change(f"{key}.lead", "/desk/number", what="accept", number=STATION)
    which = {"which": str(agency_id(key)), "number": STATION}
    change("hospital.lead", "/desk/numbers", **which)
    assert registered_numbers.callable_number(agency_id(key)) == STATION


def change(who: str, path: str, **given: str) -> Any:
    answer = at_the_desk(who, csrf=False).http.post(path, given)
    assert answer.status_code == 302, text_of(answer.content)
    return answer


def switch(who: str = "police.admin", **given: str) -> Any:
    """Press a button of the card's page."""
    return at_the_desk(who, csrf=False).http.post("/desk/agency/card", given)


def switch_on(lead: str = "police.lead") -> None:
    assert switch(what="on", lead=str(member_id(lead))).status_code == 302


def address_of_card(who: str = "police.admin") -> str:
    """The path that is printed on the card."""
    page = at_the_desk(who).get("/desk/agency/card/print").content.decode()
    found = re.search(r"<code>[^<]*(/card/[A-Z-]+)</code>", page)
    assert found, text_of(page)
    return found[1]


@pytest.fixture
def card(network: Any) -> str:
    """The police's card, switched on; its path."""
    give_number()
    switch_on()
    return address_of_card()


@dataclass
class Officer:
    """An officer's phone, which has the card's address and nothing else."""

    path: str
    http: Pages = field(default_factory=Pages)
    notice: str = ""  # the path of their notice

    def taps(self, service: str, urgency: str = "urgent", agreement: str = "agrees") -> Any:
        """The first three taps; returns the page of the fourth."""
        body = self._form(self.http.get(self.path))
        for name, value in (
            ("service", service),
            ("urgency", urgency),
            ("agreement", agreement),
        ):
            answer = self.http.http.post(self.path, body | {name: value})
            assert answer.status_code == 200, text_of(answer.content)
            if value == "no":
                break  # it ends there
            body = self._form(answer)
        return answer

    def calls(self, service: str = "", urgency: str = "urgent", agreement: str = "agrees") -> Any:
        """All four taps; returns what the fourth leads to."""
        page = self.taps(service or service_of("ywca"), urgency, agreement)
        answer = self.http.http.post(self.path, self._form(page))
        if answer.status_code == 302:
            self.notice = answer["Location"]
        return answer

    def page(self) -> Any:
        return self.http.get(self.notice)

    def code(self) -> str:
        found = CODE.search(self.page().content.decode())
        assert found, text_of(self.page().content)
        return found[1] + found[2]

    def press(self, what: str) -> Any:
        body = self._form(self.page()) | {"what": what}
        return self.http.http.post(self.notice, body)

    def end(self, act: str, code: str) -> Any:
        path = f"{self.notice}/{act}"
        return self.http.submit(path, {"code": code}, follow=False)

    def sees(self) -> str:
        return text_of(self.page().content)

    @staticmethod
    def _form(answer: Any) -> dict[str, str]:
        page = answer.content.decode()
        main = page[page.index("<main") :]
        form = re.search(r'<form method="post" action="/card/[^>]*>(.*?)</form>', main, re.S)
        assert form, text_of(page)
        hidden = r'<input type="hidden" name="([^"]+)" value="([^"]*)"'
        return {name: unescape(value) for name, value in re.findall(hidden, form[1])}

    @property
    def id(self) -> UUID:
        return UUID(self.notice.rsplit("/", 1)[1])

    @property
    def secret(self) -> str:
        return str(self.http.http.cookies[settings.CARD_COOKIE_NAME].value)


@dataclass
class Station:
    """The telephone at the registered number: which calls come, and what is keyed."""

    provider: PhoneProvider

    def rings(self) -> list[dict[str, str]]:
        """The calls that came to the station, the newest last."""
        while sealed_messages.step():
            pass
        return [form for kind, form in self.provider.to(STATION) if kind == "voice"]

    def callback(self) -> str:
        """Where the newest call's answer goes."""
        found = CALLBACK.search(self.rings()[-1]["Twiml"])
        assert found, self.rings()[-1]
        return unescape(found[1])

    def keys(self, digits: str, link: str = "") -> Any:
        """The provider's callback, signed as the provider signs."""
        return post_signed(link or self.callback(), {"Digits": digits, "CallSid": "CA0"})


def post_signed(link: str, given: dict[str, str], token: str = "") -> Any:
    signer = RequestValidator(token or transports.provider_token())
    signature = signer.compute_signature(link, given)
    path = link.removeprefix(settings.BASE_URL.rstrip("/"))
    return Pages().http.post(path, given, headers={"X-Twilio-Signature": signature})


@pytest.fixture
def station(phones: PhoneProvider) -> Station:
    return Station(phones)


@pytest.fixture
def officer(station: Station, card: str) -> Officer:
    return Officer(card)


def sent(superuser: Any) -> list[tuple[Any, ...]]:
    """Every referral that left the police: state, callback, agreement, what is wanted."""
    return rows(
        superuser,
        "SELECT status, callback, agreement, wanted FROM referral WHERE from_agency_id = %s"
        " AND status <> 'draft' ORDER BY created_at",
        [str(agency_id("police"))],
    )


def entries(superuser: Any, act: str) -> list[tuple[Any, ...]]:
    return rows(
        superuser,
        "SELECT decision, rule, agency_id, member_id, client_id, fields FROM access_entry"
        " WHERE act = %s ORDER BY xact, id",
        [act],
    )
