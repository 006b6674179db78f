"""Channels: her own number is hers to see and to keep, the agency's its administrator's; "does it
ring?"; on call or off duty; by the API and at the desk."""

from typing import Any

import pytest

from referrals.notifications import message_queue
from tests.support.callers import member_id
from tests.support.database import as_app
from tests.support.desk_pages import at_the_desk, text_of
from tests.support.message_servers import MailServer, PhoneProvider
from tests.support.notifications import keep, work


def shown(api: Any, who: str) -> dict[str, Any]:
    answer = api(who).get("/v1/channels")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_a_number_is_seen_by_whom_it_belongs_to_and_by_nobody_else(api: Any) -> None:
    keep(api, "ywca.worker", "sms", "(406) 555-0181")
    keep(api, "ywca.admin", "mail", "duty@ywca.invalid", use="duty")
    keep(api, "ywca.admin", "voice", "406-555-0101", use="escalation")
    assert [one["address"] for one in shown(api, "ywca.worker")["own"]] == ["+14065550181"]
    assert shown(api, "ywca.worker")["agencys"] is None
    admin = shown(api, "ywca.admin")
    assert [one["use"] for one in admin["agencys"]] == ["duty", "escalation"]
    assert admin["own"] == []
    for who in ("ywca.lead", "ywca.worker2", "ywca.auditor", "police.admin", "police.worker"):
        found = shown(api, who)
        assert (found["own"], found["agencys"] or []) == ([], []), who
        with as_app(api(who)) as cursor:
            cursor.execute("SELECT count(*) FROM channel")
            assert cursor.fetchone() == (0,), who
    for acting in ("ywca.worker", None):  # no system reads it, whomever it names
        assert api("ywca.client", acting).get("/v1/channels").status_code == 403
        with as_app(api("ywca.client", acting)) as cursor:
            cursor.execute("SELECT count(*) FROM channel")
            assert cursor.fetchone() == (0,)


@pytest.mark.parametrize(
    ("who", "body", "status", "code"),
    [
        ("ywca.worker", {"kind": "sms", "address": "duty@ywca.invalid"}, 400, "address"),
        ("ywca.worker", {"kind": "voice", "address": "911"}, 400, "address"),
        ("ywca.worker", {"kind": "sms", "address": "call 406-555-0181"}, 400, "address"),
        ("ywca.worker", {"kind": "mail", "address": "406-555-0181"}, 400, "address"),
        ("ywca.worker", {"kind": "mail", "address": "a@b.invalid\nBcc: c@d.invalid"}, 400, None),
        ("ywca.worker", {"kind": "fax", "address": "406-555-0181"}, 400, None),
        ("ywca.worker", {"kind": "sms", "address": "406-555-0181", "use": "duty"}, 403, None),
        ("ywca.lead", {"kind": "sms", "address": "406-555-0181", "use": "escalation"}, 403, None),
        ("ywca.worker", {"kind": "sms", "address": "406-555-0181", "member_id": "x"}, 400, None),
    ],
)
def test_what_is_no_address_or_not_hers_to_set_is_refused(
    api: Any, who: str, body: dict[str, str], status: int, code: str | None
) -> None:
    answer = api(who).post("/v1/channels", body)
    assert answer.status_code == status, answer.content
    assert code is None or answer.json()["code"] == code
    assert body["address"] not in answer.content.decode()
    assert shown(api, who)["own"] == []


def test_the_same_once_more_is_the_same_and_there_are_twenty_at_most(api: Any) -> None:
    first = keep(api, "ywca.worker", "sms", "406-555-0181")
    again = api("ywca.worker").post(
        "/v1/channels", {"kind": "sms", "address": "+1 (406) 555-0181", "language": "es"}
    )
    assert (again.json()["id"], again.json()["language"]) == (first, "es")
    for number in range(19):
        keep(api, "ywca.worker", "voice", f"406-555-01{number:02}")
    over = api("ywca.worker").post("/v1/channels", {"kind": "mail", "address": "a@b.invalid"})
    assert (over.status_code, over.json()["code"]) == (409, "too_many_channels")


def test_only_who_keeps_it_takes_it_off(api: Any) -> None:
    own = keep(api, "ywca.worker", "sms", "406-555-0181")
    duty = keep(api, "ywca.admin", "mail", "duty@ywca.invalid", use="duty")
    for who, which in (
        ("ywca.lead", own),
        ("ywca.admin", own),
        ("ywca.worker", duty),
        ("police.admin", duty),
        ("ywca.client", own),
    ):
        acting = "ywca.worker" if who.endswith("client") else None
        assert api(who, acting).delete(f"/v1/channels/{which}").status_code == 404, who
    for who, which in (("ywca.worker", own), ("ywca.admin", duty)):
        assert api(who).delete(f"/v1/channels/{which}").status_code == 204
        assert api(who).delete(f"/v1/channels/{which}").status_code == 404
    assert shown(api, "ywca.admin")["agencys"] == []


def test_nobody_is_rung_all_night_by_tests(api: Any, shift_clock: Any) -> None:
    """Nor by a number that is taken off and kept anew each time."""
    worker = api("ywca.worker")
    answers = []
    for _ in range(message_queue.MOST_TESTS + 1):
        kept = keep(api, "ywca.worker", "voice", "406-555-0181")
        answers.append(worker.post(f"/v1/channels/{kept}/ring").status_code)
        assert worker.delete(f"/v1/channels/{kept}").status_code == 204
    assert answers == [*[202] * message_queue.MOST_TESTS, 409]
    other = keep(api, "ywca.lead", "sms", "406-555-0183")
    assert api("ywca.lead").post(f"/v1/channels/{other}/ring").status_code == 202
    shift_clock("61 minutes")
    kept = keep(api, "ywca.worker", "voice", "406-555-0181")
    assert worker.post(f"/v1/channels/{kept}/ring").status_code == 202


def test_does_my_channel_ring(
    api: Any, mails: MailServer, phones: PhoneProvider, shift_clock: Any
) -> None:
    own = keep(api, "ywca.worker", "sms", "406-555-0181")
    duty = keep(api, "ywca.admin", "mail", "duty@ywca.invalid", use="duty", language="es")
    lost = keep(api, "ywca.admin", "voice", "406-555-0189", use="duty")
    phones.refuse["+14065550189"] = 400
    assert api("ywca.lead").post(f"/v1/channels/{own}/ring").status_code == 404
    for who, which in (("ywca.worker", own), ("ywca.admin", duty), ("ywca.admin", lost)):
        early = api(who).post(f"/v1/channels/{which}/arrived", {"arrived": True})
        assert (early.status_code, early.json()["code"]) == (409, "not_tested")
        asked = api(who).post(f"/v1/channels/{which}/ring")
        assert (asked.status_code, asked.json()["test_outcome"]) == (202, "waiting")
        again = api(who).post(f"/v1/channels/{which}/ring")
        assert (again.status_code, again.json()["code"]) == (409, "tested_just_now")
    work()
    assert "This is a test" in phones.to("+14065550181")[0][1]["Body"]
    assert "Esto es una prueba" in str(mails.of("duty@ywca.invalid")[0].get_payload())
    outcomes = {one["id"]: one["test_outcome"] for one in shown(api, "ywca.admin")["agencys"]}
    assert outcomes == {duty: "handed_over", lost: "failed"}
    for said, outcome in ((False, "not_arrived"), (True, "arrived"), (True, "arrived")):
        answer = api("ywca.worker").post(f"/v1/channels/{own}/arrived", {"arrived": said})
        assert answer.json()["test_outcome"] == outcome
    shift_clock("2 minutes")
    assert api("ywca.worker").post(f"/v1/channels/{own}/ring").status_code == 202


def test_each_says_of_herself_whether_she_is_on_call(api: Any, superuser: Any) -> None:
    for duty in ("on_call", "on_call", "off_duty"):
        assert api("ywca.worker").post("/v1/duty", {"duty": duty}).json() == {"duty": duty}
    assert shown(api, "ywca.worker")["duty"] == "off_duty"
    assert api("ywca.worker").post("/v1/duty", {"duty": "asleep"}).status_code == 400
    assert (
        api("ywca.client", "ywca.worker").post("/v1/duty", {"duty": "on_call"}).status_code == 403
    )
    with as_app(api("ywca.lead")) as cursor:
        cursor.execute(
            "UPDATE permissions_membership SET duty = 'off_duty' WHERE id = %s",
            [member_id("ywca.worker2")],
        )
        assert cursor.rowcount == 0
    with superuser.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM permissions_membership WHERE duty <> 'reachable'")
        assert cursor.fetchone() == (1,)


def test_at_the_desk(api: Any, mails: MailServer, phones: PhoneProvider) -> None:
    pages = at_the_desk("ywca.worker")
    page = "/desk/channels"
    given = {"what": "add", "kind": "sms", "address": "nonsense", "language": "en"}
    wrong = pages.submit(page, given)
    assert wrong.status_code == 400
    assert "A phone number, such as 406-555-0111." in text_of(wrong.content)
    kept = pages.submit(page, given | {"address": "406-555-0181"})
    assert "Kept. Try now whether it rings." in text_of(kept.content)
    assert "+14065550181 Text message Not tested yet" in text_of(kept.content)
    assert "Whose" not in text_of(kept.content)  # the agency's are not hers to keep
    (one,) = shown(api, "ywca.worker")["own"]
    asked = pages.submit(page, {"what": "ring", "which": one["id"]})
    assert "A test is on its way" in text_of(asked.content)
    phones.refuse["+14065550181"] = 400
    work()
    failed = text_of(pages.get(page).content)
    assert "The test could not be sent: check the address" in failed
    assert "Could not be sent Text message" in failed
    phones.refuse.clear()
    (dead,) = api("ywca.worker").get("/v1/messages", {"state": "dead"}).json()["items"]
    assert "It is tried again." in text_of(
        pages.submit(page, {"what": "retry", "which": dead["id"]}).content
    )
    work()
    assert len(phones.to("+14065550181")) == 1
    arrived = pages.submit(page, {"what": "arrived", "which": one["id"]})
    assert "The test arrived" in text_of(arrived.content)
    off = pages.submit(page, {"what": "duty", "which": "off_duty"})
    assert "Kept." in text_of(off.content)
    assert shown(api, "ywca.worker")["duty"] == "off_duty"
    gone = pages.submit(page, {"what": "remove", "which": one["id"]})
    assert "Taken off." in text_of(gone.content)
    assert pages.submit(page, {"what": "remove", "which": one["id"]}).status_code == 404
    assert pages.submit(page, {"what": "no such thing", "which": one["id"]}).status_code == 400
    assert pages.submit(page, {"what": "ring", "which": "no id"}).status_code == 400


def test_an_administrator_keeps_her_agencys_at_the_desk(api: Any) -> None:
    pages = at_the_desk("ywca.admin")
    given = {"what": "add", "kind": "voice", "address": "406-555-0101", "language": "es"}
    kept = pages.submit("/desk/channels", given | {"use": "escalation"})
    assert "rung when nobody answers" in text_of(kept.content)
    (one,) = shown(api, "ywca.admin")["agencys"]
    assert (one["use"], one["language"], one["address"]) == ("escalation", "es", "+14065550101")
