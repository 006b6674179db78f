"""An agency's webhook, and what its pages and its mailbox say of it."""

from typing import Any

import pytest

from referrals.notifications import message_queue
from tests.support.people.notifications import keep, template_of
from tests.support.people.webhooks import receiver as receiver  # a fixture
from tests.support.servers.message_servers import MailServer
from tests.support.servers.webhook_receiver import Receiver


def made(api: Any, receiver: Receiver, who: str = "ywca.admin") -> dict[str, Any]:
    answer = api(who).post("/v1/webhooks", {"url": receiver.url})
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def shown(api: Any, hook: dict[str, Any], who: str = "ywca.admin") -> dict[str, Any]:
    answer = api(who).get(f"/v1/webhooks/{hook['id']}")
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def deliveries(api: Any, hook: dict[str, Any], who: str = "ywca.admin") -> list[dict[str, Any]]:
    answer = api(who).get(f"/v1/webhooks/{hook['id']}/deliveries")
    assert answer.status_code == 200, answer.content
    return list(answer.json()["items"])


def events(api: Any, who: str) -> list[dict[str, Any]]:
    return list(api(who).get("/v1/events", {"limit": "100"}).json()["items"])


def resume(api: Any, hook: dict[str, Any], **change: Any) -> dict[str, Any]:
    path = f"/v1/webhooks/{hook['id']}"
    caller = api("ywca.admin")
    seen = caller.get(path)
    answer = caller.patch(path, change, If_Match=seen["ETag"])
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def told(mails: MailServer) -> list[tuple[str, str]]:
    """(address, words) of what was mailed since the last look."""
    while message_queue.mail_step():
        pass
    found = [(to, template_of(str(mail.get_payload()))) for to, mail in mails.received]
    mails.received.clear()
    return sorted(found)


@pytest.fixture
def kept(api: Any, mails: MailServer) -> MailServer:
    """The administrator has a mailbox and a number, the agency a duty mailbox, a worker her own."""
    keep(api, "ywca.admin", "mail", "admin@ywca.invalid", language="es")
    keep(api, "ywca.admin", "sms", "406-555-0163")
    keep(api, "ywca.admin", "mail", "duty@ywca.invalid", use="duty")
    keep(api, "ywca.worker", "mail", "worker@ywca.invalid")
    return mails
