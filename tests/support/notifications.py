"""Who is rung: the cast's numbers and mailboxes, and the background work, done.

For tests of messages and of the clocks that ring people; the far ends are message_servers.py.
"""

from typing import Any

from permissions.identity import contact_channels
from referrals.notifications import escalation, message_queue, message_texts, triggers
from tests.support.message_servers import MailServer, PhoneProvider

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
DUTY = {"police": "duty@police.invalid", "ywca": "duty@ywca.invalid"}


def keep(api: Any, who: str, kind: str, address: str, **more: Any) -> str:
    answer = api(who).post("/v1/channels", {"kind": kind, "address": address} | more)
    assert answer.status_code == 201, answer.content
    return str(answer.json()["id"])


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


def template_of(words: str) -> str:
    said = [
        name
        for name, both in message_texts.SAYS.items()
        if any(f". {one} " in words for one in both)
    ]
    assert len(said) == 1, words
    return said[0]


def off_duty(api: Any, *who: str, duty: str = "off_duty") -> None:
    for one in who:
        assert api(one).post("/v1/duty", {"duty": duty}).status_code == 200


def states(api: Any, who: str) -> list[tuple[str, str | None, int]]:
    items = api(who).get("/v1/messages").json()["items"]
    return [(one["state"], one["outcome"], one["tries"]) for one in items]
