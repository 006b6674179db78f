"""Channels: members see and manage their own numbers, administrators the agency's; tests of a
number; on call or off duty; by the API and at the desk."""

from typing import Any

import pytest

from referrals.notifications import channel_checks
from tests.support.ground.database import as_app
from tests.support.people.callers import member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.notifications import add, keep, prove, work
from tests.support.servers.message_servers import MailServer, PhoneProvider


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
    for acting in ("ywca.worker", None):  # no system reads it, whichever member it names
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
    """Not even by a number that is removed and added again each time."""
    worker = api("ywca.worker")
    answers = []
    for _ in range(channel_checks.MOST_TESTS + 1):
        kept = keep(api, "ywca.worker", "voice", "406-555-0181")
        answers.append(worker.post(f"/v1/channels/{kept}/ring").status_code)
        assert worker.delete(f"/v1/channels/{kept}").status_code == 204
    assert answers == [*[202] * channel_checks.MOST_TESTS, 409]
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
    assert "Enter a phone number, such as 406-555-0111." in text_of(wrong.content)
    kept = pages.submit(page, given | {"address": "406-555-0181"})
    assert "Saved. A code is on its way there." in text_of(kept.content)
    assert "Whose" not in text_of(kept.content)  # the agency's are not hers to keep
    (one,) = shown(api, "ywca.worker")["own"]
    prove(one["id"])  # by its code: test_channel_codes.py
    again = pages.submit(page, given | {"address": "406-555-0181"})
    assert "Saved. Send a test." in text_of(again.content)
    assert "406-555-0181 Text message Not tested yet" in text_of(again.content)
    asked = pages.submit(page, {"what": "ring", "which": one["id"]})
    assert "A test is on its way" in text_of(asked.content)
    phones.refuse["+14065550181"] = 400
    work()
    failed = text_of(pages.get(page).content)
    assert "The test could not be sent: check the address" in failed
    assert "Could not be sent Text message" in failed
    phones.refuse.clear()
    (dead,) = api("ywca.worker").get("/v1/messages", {"state": "dead"}).json()["items"]
    assert "It is being tried again." in text_of(
        pages.submit(page, {"what": "retry", "which": dead["id"]}).content
    )
    work()
    assert len(phones.to("+14065550181")) == 1
    arrived = pages.submit(page, {"what": "arrived", "which": one["id"]})
    assert "The test arrived" in text_of(arrived.content)
    off = pages.submit(page, {"what": "duty", "which": "off_duty"})
    assert "Saved." in text_of(off.content)
    assert shown(api, "ywca.worker")["duty"] == "off_duty"
    assert pages.submit(page, {"what": "remove", "which": one["id"]}).status_code == 400
    gone = pages.submit(f"{page}/{one['id']}/remove")
    assert "Removed." in text_of(gone.content)
    assert pages.get(f"{page}/{one['id']}/remove").status_code == 404
    assert pages.submit(page, {"what": "no such thing", "which": one["id"]}).status_code == 400
    assert pages.submit(page, {"what": "ring", "which": "no id"}).status_code == 400


def test_an_administrator_keeps_her_agencys_at_the_desk(api: Any) -> None:
    pages = at_the_desk("ywca.admin")
    given = {"what": "add", "kind": "voice", "address": "406-555-0101", "language": "es"}
    kept = pages.submit("/desk/channels", given | {"use": "escalation"})
    assert "used when no one answers" in text_of(kept.content)
    (one,) = shown(api, "ywca.admin")["agencys"]
    assert (one["use"], one["language"], one["address"]) == ("escalation", "es", "+14065550101")


NIGHT = "you are not called or texted at night"
DUTY_NIGHT = "on-call line is not called at night"


def before_removal(who: str, channel: str) -> str:
    return text_of(at_the_desk(who).get(f"/desk/channels/{channel}/remove").content)


def test_what_follows_is_said_before_a_number_is_removed(api: Any) -> None:
    who = "ywca.worker"
    call = keep(api, who, "voice", "406-555-0181")
    text = keep(api, who, "sms", "406-555-0182")
    mail = keep(api, who, "mail", "w@ywca.invalid")
    unproven = add(api, who, "sms", "406-555-0183")
    asked = before_removal(who, call)
    assert "No one is called at this number from now on." in asked
    stay = "2 others stay: w@ywca.invalid (Email), 406-555-0182 (Text message)"
    assert stay in asked or "406-555-0182 (Text message), w@ywca.invalid (Email)" in asked
    assert NIGHT not in asked
    at_the_desk(who).submit(f"/desk/channels/{call}/remove")
    assert NIGHT in before_removal(who, text), "mail wakes no one"
    assert NIGHT not in before_removal(who, mail)
    assert NIGHT not in before_removal(who, unproven), "nothing went there before"
    assert [one["id"] for one in shown(api, who)["own"]] == [text, mail, unproven], "only asked"


def test_the_last_line_of_an_agency_is_another_alarm(api: Any) -> None:
    keep(api, "ywca.admin", "sms", "406-555-0181")
    duty = keep(api, "ywca.admin", "voice", "406-555-0101", use="duty")
    other = keep(api, "ywca.admin", "sms", "406-555-0102", use="duty")
    outside = keep(api, "ywca.admin", "voice", "406-555-0103", use="escalation")
    assert DUTY_NIGHT not in before_removal("ywca.admin", duty)
    assert "no one else is called" in before_removal("ywca.admin", outside)
    at_the_desk("ywca.admin").submit(f"/desk/channels/{other}/remove")
    assert DUTY_NIGHT in before_removal("ywca.admin", duty), "an own number is another line"


def test_a_number_of_anothers_is_neither_shown_nor_removed(api: Any) -> None:
    theirs = keep(api, "ywca.worker", "voice", "406-555-0181")
    path = f"/desk/channels/{theirs}/remove"
    for who in ("ywca.worker2", "ywca.admin", "police.worker"):
        pages = at_the_desk(who, csrf=False)
        assert pages.get(path).status_code == 404
        assert pages.http.post(path).status_code == 404
    assert [one["id"] for one in shown(api, "ywca.worker")["own"]] == [theirs]
