"""Every number and every time that a route shows is the same for a person whom a referral bars and
in a world without that referral (R3, R12, ADR 0071).

Their own acts are the same in both. In one of them, others write, send, open and end a referral
that bars them. A new route is compared the day it is added. In short: one day of one of them.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from permissions.database.uuid7 import uuid7
from tests.support.ground.cleaning import TableCleaner
from tests.support.people.access_log import two_months
from tests.support.people.notifications import DUTY, PEOPLE, keep, work
from tests.support.people.stories import NOTICE, PACKET, Story, to
from tests.support.people.webhooks import receiver as receiver  # a fixture
from tests.support.people.webhooks import work as send_webhooks
from tests.support.proofs.routes import BODIES
from tests.support.proofs.two_worlds import World, difference, within_half_an_hour
from tests.support.servers.message_servers import MailServer, PhoneProvider
from tests.support.servers.webhook_receiver import Receiver
from tests.webhooks.endpoints import made

# Sizes of the log's tree, which counts the entries of the whole network. Auditors read them by
# duty; members do not (tests/seals/test_receipts.py).
SEALS = {
    *("v1/access-log/seals", "v1/access-log/checkpoints", "v1/access-log/<uuid:entry_id>/proof"),
    "desk/access-log/seals",
}
LEFT_OUT = SEALS | {
    # All that the log has of this month, of earlier tests too: compared as a difference below.
    *("v1/access-log/counts", "desk/access-log", "desk/access-log/export"),
    *("desk/access-log/counts", "v1/access-log/export"),
    "desk/agency/changes",  # the agency's own administration, of earlier tests too
    "accounts/app",  # a new random secret, each time as a picture
    # Of everyone: on one machine, for a demonstration.
    *("demo", "demo/clock", "demo/messages", "demo/webhooks"),
    # Whether the machine answers in time: another on a busy one, for every caller alike.
    *("healthz", "health/ready"),
    "metrics",  # the whole server's, for its operator: for anyone else there is no such page
    *("accounts/logout", "leave", "desk/agency"),  # end the session
}
QUERIES = {
    "v1/referrals": ["", "box=in&limit=1", "box=out", "unheld=true"],
    "v1/events": ["", "limit=1"],
    "v1/access-log": ["since={since}", "since={since}&decision=refused"],
    "v1/messages": ["", "state=waiting", "state=dead"],
}
POSTS = ("open_packet", "open_notes", "account_disclosures", "call_me", "add_note")

# Whom a referral bars, and by which act of which side, before it is sent or once it is taken. What
# bars the same person in several ways is several referrals in one world.
BARRED = {
    "a colleague at the recipient": (
        "ywca.worker2",
        (("to", "block"), ("from", "leads_only"), ("from", "block_agency")),
    ),
    "a lead at the recipient": ("ywca.lead", (("to", "block"),)),
    "an administrator there": ("ywca.admin", (("to", "block"),)),
    "an auditor there": ("ywca.auditor", (("to", "block"),)),
    "a system with a colleague": ("ywca.client", (("to", "block"),)),
    "a colleague at the sender": ("police.worker2", (("from", "block"),)),
}


@pytest.fixture
def live(
    api: Any,
    empty_tables: TableCleaner,
    mails: MailServer,
    phones: PhoneProvider,
    receiver: Receiver,
) -> Callable[[str, bool, list[str]], dict[str, Any]]:
    """Live the days, and return all that the person was answered."""

    months = two_months()  # of both worlds

    def days(kind: str, exists: bool, lived: list[str]) -> dict[str, Any]:
        empty_tables()
        who, ways = BARRED[kind]

        def grown() -> Counter[tuple[Any, ...]]:
            return counted(api, months) - before

        before = counted(api, months)
        world = World(api, who)
        world.step("before")
        for one, number in PEOPLE.items():
            keep(api, one, "sms", number)
        for key, address in DUTY.items():
            keep(api, f"{key}.admin", "mail", address, use="duty")
        world.step("own")
        world.begin(made(api, receiver)["id"])
        own = world.try_out.story
        if who in ("ywca.worker2", "ywca.lead"):
            own.answers("assign", to(who))
        elif who == "police.worker2":
            own.sends("assign", to(who))
        hidden = [
            Story(api, world.try_out.service, id="" if exists else str(uuid7())) for _ in ways
        ]
        world.step("begins")
        for one, (side, how) in zip(hidden, ways, strict=True):
            if exists:
                begins(one, who, side, how)
        background_work()
        found = {}
        for day in lived:
            world.step(day)
            for name, answer in works(world, [one.id for one in hidden]).items():
                found[f"{name}, {day} day"] = answer
            world.step(f"after the {day}")
            for one, (_, how) in zip(hidden, ways, strict=True):
                if exists:
                    goes_on(one, how, day)
            background_work()
        world.step("looks")
        found |= world.answers(LEFT_OUT, QUERIES)
        return found | {"entries": grown() if who == "ywca.auditor" else None}

    return days


def background_work() -> None:
    work()
    send_webhooks()


def begins(hidden: Story, whom: str, side: str, how: str) -> None:
    body: Any = {"leads_only": None, "block_agency": {"other_agency": True}}.get(
        how, to("ywca.worker2" if whom == "ywca.client" else whom)
    )
    act = how.removesuffix("_agency")
    hidden.create().release(*PACKET).packet(**PACKET)
    if how == "block_agency":  # after it: else no one there could answer, and it is not sent
        hidden.send().sends(act, body)
    elif side == "from":
        hidden.sends(act, body).send()
    else:
        hidden.send().answers("acknowledge").answers(act, body)


def goes_on(hidden: Story, how: str, day: str) -> None:
    hidden.sends("call_me").sends("add_note", {"text": "an invented note"})
    if how == "block_agency":  # no one there may answer
        return
    hidden.recipient = "ywca.lead" if how == "leads_only" else "ywca.worker"
    if day == "first":
        hidden.answers("accept").answers("open_packet", {"purpose": "intake"})
        hidden.answers("start_handoff", {"mode": "phone"})
    else:
        hidden.answers("record_attempt", {"result": "connected", "interpreter": "none"})
        hidden.answers("complete", {"outcome": "connected"})


def works(world: World, hidden: list[str]) -> dict[str, Any]:
    """What the person does with what is theirs, and what they ask of the others."""
    asked = {
        f"{act} of their own": (f"/v1/referrals/{world.try_out.story.id}/{act}", act)
        for act in POSTS
    }
    asked |= {
        f"{act} of number {number}": (f"/v1/referrals/{one}/{act}", act)
        for number, one in enumerate(hidden)
        for act in POSTS
    }
    found = {
        name: world.said(lambda caller, path=path, act=act: caller.post(path, BODIES.get(act)))
        for name, (path, act) in asked.items()
    }
    body = NOTICE | {"service_id": world.elsewhere}
    found["create"] = world.said(lambda caller: caller.post("/v1/referrals", body))
    for number, one in enumerate(hidden):
        for route in ("", "/history", "/releases"):
            path = f"/v1/referrals/{one}{route}"
            found[f"GET {route} of number {number}"] = world.said(
                lambda caller, path=path: caller.get(path)
            )
    return found


def counted(api: Any, months: list[str]) -> Counter[tuple[Any, ...]]:
    """The entries of the agency's people in these months, as its auditor reads them, without those
    of these very questions."""
    found: Counter[tuple[Any, ...]] = Counter()
    for month in months:
        answer = api("ywca.auditor").get("/v1/access-log/counts", {"month": month})
        items = [one for one in answer.json()["items"] if one["act"] != "access_log.counts"]
        for one in items:
            found[one["agency_id"], one["act"], one["decision"], one["rule"]] += one["entries"]
    return found


@pytest.mark.parametrize(
    ("kind", "days"),
    [
        (next(iter(BARRED)), ["first"]),
        *(pytest.param(kind, ["first", "second"], marks=pytest.mark.whole) for kind in BARRED),
    ],
)
def test_no_number_and_no_time_tells_the_barred_that_it_exists(
    live: Callable[..., dict[str, Any]], kind: str, days: list[str]
) -> None:
    without, with_it = within_half_an_hour(
        lambda: (live(kind, False, days), live(kind, True, days))
    )
    assert without.keys() == with_it.keys()
    told = {asked: difference(without[asked], with_it[asked]) for asked in without}
    assert {asked: words for asked, words in told.items() if words} == {}
