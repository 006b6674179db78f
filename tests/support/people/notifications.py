"""Numbers and mailboxes of the cast, and helpers that do the background work and say who was
notified.

They are for tests of messages and deadlines. The servers that receive are in message_servers.py.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from django.db import connection
from django.utils import translation
from django.utils.translation import gettext

from permissions.identity import contact_channels
from referrals.notifications import escalation, message_queue, message_texts, triggers
from tests.support.ground.cluster import own_cluster
from tests.support.servers.message_servers import MailServer, PhoneProvider

MARK = "Zyxwv"
PEOPLE = {  # who keeps which own number, by short name of the cast
    "police.worker": "406-555-0171",
    "police.worker2": "406-555-0172",
    "police.lead": "406-555-0173",
    "ywca.worker": "406-555-0181",
    "ywca.worker2": "406-555-0182",
    "ywca.lead": "406-555-0183",
    "solo.all": "406-555-0191",
}
YWCA_PHONES = ("ywca.worker", "ywca.worker2", "ywca.lead")
DUTY = {"police": "duty@police.invalid", "ywca": "duty@ywca.invalid"}


def add(api: Any, who: str, kind: str, address: str, **more: Any) -> str:
    """A channel that is not proven."""
    answer = api(who).post("/v1/channels", {"kind": kind, "address": address} | more)
    assert answer.status_code == 201, answer.content
    return str(answer.json()["id"])


def prove(*channels: str) -> None:
    """As if each had been proven: by no code, and none is sent."""
    with closing(own_cluster().connect_superuser(connection.settings_dict["NAME"])) as session:
        session.cursor().execute(
            "DELETE FROM channel_code WHERE channel_id = ANY (%(ids)s::uuid[]);"
            " UPDATE channel SET proven_at = sec.clock()"
            " WHERE proven_at IS NULL AND id = ANY (%(ids)s::uuid[])",
            {"ids": list(channels)},
        )


def keep(api: Any, who: str, kind: str, address: str, **more: Any) -> str:
    """A channel that is proven."""
    kept = add(api, who, kind, address, **more)
    prove(kept)
    return kept


STEPS = (
    escalation.step,
    triggers.step,
    message_queue.mail_step,
    message_queue.sms_step,
    message_queue.voice_step,
)


def work() -> None:
    """What the background work does until nothing is left."""
    triggers.alert_step()
    while sum(step() for step in STEPS):
        pass


def number(who: str) -> str:
    return contact_channels.normalize_address("sms", PEOPLE[who])


def notified(phones: PhoneProvider, mails: MailServer) -> set[tuple[str, str]]:
    """(who, words) of all that arrived since the last look."""
    names = {number(who): who for who in PEOPLE} | {address: key for key, address in DUTY.items()}
    found = {(names[form["To"]], form["Body"]) for _, form in phones.received}
    found |= {(names[address], str(mail.get_payload()).strip()) for address, mail in mails.received}
    phones.received.clear()
    mails.received.clear()
    return {(who, template_of(words)) for who, words in found}


def told_by_phone_too(template: str, *others: tuple[str, str]) -> set[tuple[str, str]]:
    """What the YWCA is sent about an emergency: its first line is a mailbox, so its phones too."""
    return {(who, template) for who in ("ywca", *YWCA_PHONES)} | {*others}


def template_of(words: str) -> str:
    said = [
        name
        for name in message_texts.SAYS
        if any(f". {one} " in words for one in _in_both_languages(name))
    ]
    assert len(said) == 1, words
    return said[0]


def _in_both_languages(name: str) -> Iterator[str]:
    for language in contact_channels.LANGUAGES:
        with translation.override(language):
            yield gettext(message_texts.SAYS[name])


def off_duty(api: Any, *who: str, duty: str = "off_duty") -> None:
    for one in who:
        assert api(one).post("/v1/duty", {"duty": duty}).status_code == 200


def states(api: Any, who: str) -> list[tuple[str, str | None, int]]:
    items = api(who).get("/v1/messages").json()["items"]
    return [(one["state"], one["outcome"], one["tries"]) for one in items]
