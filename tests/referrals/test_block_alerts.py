"""An assignee keeps their own leads, or everyone, from what they do. Others learn that they did:
another lead, else the administrator, else the outside reviewer, and no one who is barred."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.referrals.blocked_referrals import made
from tests.referrals.blocked_referrals import opened as opened  # a fixture
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.notifications import keep, notified, work
from tests.support.people.stories import Story, bar
from tests.support.servers.message_servers import MailServer, PhoneProvider

EVERYONE = ("worker", "worker2", "lead", "admin", "editor", "auditor")
OUTSIDE = "406-555-0185"


def alerts(api: Any, who: str) -> list[tuple[str, str | None, str | None]]:
    items = api(who).get("/v1/block-alerts").json()["items"]
    return [(one["bars"], one["member_id"], one["referral_id"]) for one in items]


def told(api: Any) -> set[str]:
    """Who of the agency is shown any, by the API and at the desk alike."""
    found = {short for short in EVERYONE if alerts(api, f"ywca.{short}")}
    for short in ("worker", "worker2", "lead", "admin"):
        page = at_the_desk(f"ywca.{short}").get("/desk/told")
        assert page.status_code == 200, short
        assert ("was kept out" in text_of(page.content)) == (short in found), short
    return found


@pytest.fixture
def reviewed_by_sarc(superuser: Any) -> Iterator[None]:
    name = "UPDATE permissions_agency SET outside_reviewer_id = %s WHERE id = %s"
    with superuser.cursor() as cursor:
        cursor.execute(name, [str(member_id("sarc.lead")), str(agency_id("ywca"))])
    yield
    with superuser.cursor() as cursor:
        cursor.execute(name, [None, str(agency_id("ywca"))])


def test_an_assignee_who_bars_her_lead_is_told_of_to_the_other_lead_alone(
    opened: Story,
    api: Any,
    superuser: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
) -> None:
    work()
    notified(phones, mails)
    with made(superuser, opened, "ywca.worker2", ["lead"]):
        bar(api, "ywca.worker", opened, "ywca.lead")
        work()
        assert notified(phones, mails) == {("ywca.worker2", "review")}
        assert told(api) == {"worker2"}
        worker = str(member_id("ywca.worker"))
        assert alerts(api, "ywca.worker2") == [("lead", worker, opened.id)]
        bar(api, "ywca.worker", opened, "ywca.worker2")
        assert "worker2" not in told(api), "she is barred now, too"
    for who in ("police.lead", "outsider.lead", "sarc.lead"):
        assert alerts(api, who) == [], who


def test_an_assignee_who_bars_her_only_lead_is_told_of_to_the_administrator(
    opened: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    keep(api, "ywca.admin", "sms", OUTSIDE)
    work()
    phones.received.clear()
    bar(api, "ywca.worker", opened, "ywca.lead")
    work()
    ((number, words),) = {(form["To"], form["Body"]) for _, form in phones.received}
    assert number == "+1" + OUTSIDE.replace("-", "")
    assert "There is something for you to review." in words
    assert told(api) == {"admin"}
    assert alerts(api, "ywca.admin") == [("lead", str(member_id("ywca.worker")), None)]


@pytest.mark.usefixtures("reviewed_by_sarc")
def test_an_assignee_who_bars_everyone_is_told_of_to_the_outside_reviewer(
    opened: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    keep(api, "sarc.lead", "sms", OUTSIDE)
    for whom in ("ywca.admin", "ywca.worker2", "ywca.lead"):
        bar(api, "ywca.worker", opened, whom)
    work()
    assert {form["To"] for _, form in phones.received} >= {"+1" + OUTSIDE.replace("-", "")}
    assert told(api) == set()
    assert alerts(api, "sarc.lead") == [("everyone", None, None)]
    answer = api("sarc.lead").get("/v1/block-alerts").json()["items"][0]
    assert answer["agency_id"] == str(agency_id("ywca"))
    assert api("sarc.lead").get(f"/v1/referrals/{opened.id}").status_code == 404


def test_a_block_of_one_colleague_is_told_of_to_no_one(
    opened: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    work()
    notified(phones, mails)
    bar(api, "ywca.worker", opened, "ywca.worker2")
    work()
    assert told(api) == set()
    assert notified(phones, mails) == set()


def test_a_partner_system_is_not_told(opened: Story, api: Any) -> None:
    bar(api, "ywca.worker", opened, "ywca.lead")
    assert api("ywca.client").get("/v1/block-alerts").status_code == 403
    assert api("ywca.client", "ywca.admin").get("/v1/block-alerts").status_code == 403
