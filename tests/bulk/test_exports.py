"""A lead asks for an export of their agency's referrals, a second lead confirms it, the background
work writes it, and the first one takes it."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from jwcrypto import jwe, jwk

from permissions.errors import NotPermitted, NotPossible, NotVisible
from permissions.identity import credentials
from referrals.bulk import exports, writing
from tests.bench import plans
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import member_id, narrow, principal
from tests.support.people.exports import (
    ASKED,
    PAIR,
    PATH,
    ask,
    lines,
    opened,
    ready,
    second_lead,
    state,
    work,
)
from tests.support.people.own_numbers import NUMBER, numbered
from tests.support.people.stories import PACKET, Story

LEAD = "police.lead"


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


# -- The whole way ---------------------------------------------------------------------------------


def test_a_lead_asks_another_confirms_and_the_first_takes_it(story: Story, api: Any) -> None:
    numbered(story).release(*PACKET).packet(**PACKET).send().accept()
    story.sends("add_note", {"text": "an invented note"})
    lead = api(LEAD)
    answer = lead.post(PATH, ASKED)
    assert answer.status_code == 202, answer.content
    made = answer.json()
    assert answer["Content-Location"] == f"{PATH}/{made['id']}"
    assert (made["state"], made["output"], made["confirmed_by"]) == ("asked", [], None)
    assert made["thumbprint"] == PAIR.thumbprint()

    waits = lead.get(answer["Content-Location"])
    assert (waits.status_code, waits["X-Progress"]) == (202, "asked, 0 referrals written")
    assert int(waits["Retry-After"]) >= 1
    work()  # it waits for the second lead, whatever the background work does
    assert state(lead, made["id"])["state"] == "asked"

    second_lead().confirms(made["id"])
    assert state(lead, made["id"])["state"] == "writing"
    work()
    done = lead.get(f"{PATH}/{made['id']}")
    assert done.status_code == 200
    assert "X-Progress" not in done
    found = done.json()
    assert (found["state"], found["confirmed_by"]) == ("ready", "Second Police Lead")
    assert found["transaction_time"] is not None
    url = f"{PATH}/{made['id']}/parts/1"
    assert found["output"] == [{"type": "Referral", "url": url, "count": 1}]

    part = lead.get(url)
    assert part["Content-Type"] == "application/jose"
    header = jwe.JWE()
    header.deserialize(part.content.decode())
    said = json.loads(header.objects["protected"])
    assert (said["alg"], said["enc"]) == ("ECDH-ES+A256KW", "A256GCM")
    assert said["kid"] == PAIR.thumbprint()
    [line] = opened(part.content.decode())
    [shown] = lead.get("/v1/referrals").json()["items"]
    assert line == {name: value for name, value in shown.items() if name != "external_ref"}
    assert lead.get(url).content == part.content, "again, as it is"


def test_no_packet_field_note_or_number_is_in_it(story: Story, api: Any) -> None:
    numbered(story).release(*PACKET).packet(**PACKET).send().accept()
    story.sends("add_note", {"text": "an invented note"})
    found = json.dumps(lines(*ready(api)))
    assert story.id in found
    for value in (*PACKET.values(), "an invented note", NUMBER, "406-555-0111"):
        assert value not in found


@pytest.mark.parametrize(
    "kind",
    [
        {"kty": "EC", "crv": "P-256"},
        {"kty": "EC", "crv": "P-384"},
        {"kty": "OKP", "crv": "X25519"},
        {"kty": "RSA", "size": 2048},
    ],
)
@pytest.mark.parametrize("pem", [False, True])
def test_it_is_sealed_to_each_kind_of_key(
    kind: dict[str, Any], pem: bool, story: Story, api: Any
) -> None:
    story.create()
    pair, lead = jwk.JWK.generate(**kind), api(LEAD)
    text = pair.export_to_pem().decode() if pem else pair.export_public()
    answer = lead.post(PATH, {"public_key": text})
    assert answer.status_code == 202, answer.content
    second_lead().confirms(answer.json()["id"])
    work()
    [part] = state(lead, answer.json()["id"])["output"]
    sealed = lead.get(part["url"]).content.decode()
    assert [one["id"] for one in opened(sealed, pair)] == [story.id]


def test_many_are_many_parts_in_the_order_of_the_list(
    api: Any, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "PART", 2)
    made = [Story(api, story.service_id).create().id for _ in range(5)]
    lead, export_id = ready(api)
    sizes = [one["count"] for one in state(lead, export_id)["output"]]
    assert sizes == [2, 2, 1]
    assert [one["id"] for one in lines(lead, export_id)] == made[::-1]


def test_an_agency_without_referrals_has_an_export_without_parts(api: Any) -> None:
    lead, export_id = ready(api)
    assert state(lead, export_id)["output"] == []


# -- Who may ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "who", ["police.worker", "police.admin", "police.auditor", "taskforce.coordinator"]
)
def test_who_is_no_lead_may_do_none_of_it(who: str, api: Any) -> None:
    lead, export_id = ready(api)
    caller = api(who)
    for one in (export_id, str(uuid4())):
        answers = [
            caller.get(PATH),
            caller.post(PATH, ASKED),
            caller.get(f"{PATH}/{one}"),
            caller.get(f"{PATH}/{one}/parts/1"),
            caller.delete(f"{PATH}/{one}"),
        ]
        assert {code_of(answer) for answer in answers} == {(403, "role_missing")}
    assert state(lead, export_id)["state"] == "ready"


def test_another_agencys_export_is_answered_like_one_that_never_was(api: Any) -> None:
    lead, export_id = ready(api)
    other = api("ywca.lead")
    for method, tail in (("get", ""), ("get", "/parts/1"), ("delete", "")):
        (known, work_), (random, same) = (
            _work(getattr(other, method), f"{PATH}/{one}{tail}") for one in (export_id, uuid4())
        )
        assert work_ == same, "as many statements, word for word"
        assert (known.status_code, known.content) == (random.status_code, random.content)
        assert known.status_code == 404
        assert set(known.headers) == set(random.headers)
    for one in (export_id, uuid4()):
        with pytest.raises(NotVisible):
            exports.confirm(principal(other), UUID(str(one)))
    assert other.get(PATH).json() == {"items": []}
    assert state(lead, export_id)["state"] == "ready"


def _work(ask: Callable[[str], Any], path: str) -> tuple[Any, list[str]]:
    with plans.statements() as seen:
        answer = ask(path)
    return answer, [one.sql for one in seen]


def test_no_one_confirms_their_own(api: Any, superuser: Any) -> None:
    lead = api(LEAD)
    export_id = ask(lead)
    with pytest.raises(NotPermitted) as refused:
        exports.confirm(principal(lead), UUID(export_id))
    assert refused.value.code == "second_person"
    assert state(lead, export_id)["state"] == "asked"
    [entry] = rows(
        superuser,
        "SELECT decision, rule FROM access_entry WHERE act = 'export.confirm'"
        " ORDER BY xact DESC LIMIT 1",  # not by `at`: a test before it may have moved the clock
    )
    assert entry == ("refused", "second_person")


def test_no_system_confirms_even_if_it_names_another_lead(api: Any) -> None:
    export_id = ask(second_lead().caller)
    system = api("police.client", LEAD)
    named = credentials.resolve_credential(system.secret, str(member_id(LEAD)))
    assert named is not None
    with pytest.raises(NotPermitted) as refused:
        exports.confirm(named, UUID(export_id))
    assert refused.value.code == "not_a_person"


def test_it_is_confirmed_once_and_not_after_its_end(api: Any) -> None:
    lead, second = api(LEAD), second_lead()
    export_id = ask(lead)
    second.confirms(export_id)
    with pytest.raises(NotPossible):
        second.confirms(export_id)
    assert lead.delete(f"{PATH}/{export_id}").status_code == 204
    with pytest.raises(NotPossible):
        second.confirms(export_id)


def test_a_system_asks_in_a_leads_name_and_its_token_may_end(story: Story, api: Any) -> None:
    story.create()
    system = api("police.client", LEAD)
    export_id = ask(system)
    assert state(system, export_id)["asked_by_system"] is not None
    second_lead().confirms(export_id)
    credentials.end_credential(system.secret)  # five minutes later
    work()
    again = api("police.client", LEAD)
    assert [one["id"] for one in lines(again, export_id)] == [story.id]


@pytest.mark.parametrize(
    ("acting", "scopes", "code"),
    [
        (LEAD, ["referrals:write"], "scope_missing"),
        (None, ["referrals:read"], "acting_member_needed"),
        ("police.worker", ["referrals:read"], "role_missing"),
    ],
)
def test_a_system_needs_the_scope_and_a_lead(
    acting: str | None, scopes: list[str], code: str, api: Any
) -> None:
    caller = narrow(api, "police", acting, *scopes)
    assert code_of(caller.post(PATH, ASKED)) == (403, code)
    assert code_of(caller.get(PATH)) == (403, code)


def test_the_log_has_an_export_of_its_own_and_no_lead_has_it(api: Any) -> None:
    assert code_of(api(LEAD).get("/v1/access-log/export")) == (403, "role_missing")
    answer = api("police.auditor").get("/v1/access-log/export")
    assert answer.status_code == 200
    answer.close()


# -- What is asked ---------------------------------------------------------------------------------


SIGNS = jwk.JWK.generate(kty="OKP", crv="Ed25519")
SHORT = (
    '{"kty":"RSA","e":"AQAB","n":"'
    "qFAzJ9vYyYtE0s1BlPH3GqR0bCwZ3DYQ0n1l8kH0p8Jc2zkKxKxO2H2sOtc9GQ2w5eBoYc7HqIu0g3u2XyE7Xw"
    '"}'
)
WITH_USE = json.loads(PAIR.export_public()) | {"use": "sig"}
OFF_CURVE = '{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}'


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (SIGNS.export_public(), "export_key"),
        (SHORT, "export_key"),
        (OFF_CURVE, "export_key"),
        (json.dumps(WITH_USE), "export_key"),
        (json.dumps({"keys": [json.loads(PAIR.export_public())] * 2}), "export_key"),
        (PAIR.export_private(), "private_key"),
        (PAIR.export_to_pem(private_key=True, password=None).decode(), "private_key"),
        (jwk.JWK.generate(kty="oct", size=256).export(), "private_key"),
        ("no key", "unreadable_keys"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "unreadable_keys"),
        ('{"keys": []}', "invalid"),
    ],
    # The keys are new in each process: no worker would find a case by its text.
    ids=["signs", "short", "off_curve", "use", "two", "private", "pem", "oct", "none", "cut", "no"],
)
def test_a_key_that_is_none_to_seal_to_is_refused_and_not_repeated(
    text: str, code: str, api: Any, superuser: Any
) -> None:
    answer = api(LEAD).post(PATH, {"public_key": text})
    assert code_of(answer) == (400, code)
    assert answer.json()["pointer"] == "/public_key"
    assert text not in answer.content.decode()
    assert rows(superuser, "SELECT id FROM bulk_export") == []


def test_a_lead_has_one_at_a_time_and_with_a_key_twice_is_one(api: Any) -> None:
    lead = api(LEAD)
    export_id = ask(lead, Idempotency_Key="once")
    again = lead.post(PATH, ASKED, Idempotency_Key="once")
    assert (again.status_code, again.json()["id"]) == (202, export_id)
    assert again["Idempotency-Replayed"] == "true"
    assert code_of(lead.post(PATH, ASKED)) == (409, "export_open")
    other = lead.post(PATH, {"public_key": SIGNS.export_public()}, Idempotency_Key="once")
    assert other.status_code == 400, "the key is read first"
    assert ask(second_lead().caller) != export_id, "another lead has their own"
    lead.delete(f"{PATH}/{export_id}")
    assert ask(lead) != export_id


def test_a_refused_question_leaves_no_credential_behind(api: Any, superuser: Any) -> None:
    lead = api(LEAD)
    ask(lead)
    live = "SELECT count(*) FROM credential WHERE live AND ended_at IS NULL"
    before = rows(superuser, live)
    assert lead.post(PATH, ASKED).status_code == 409
    assert rows(superuser, live) == before


def test_ten_a_day(api: Any) -> None:
    lead = api(LEAD)
    for _ in range(10):
        lead.delete(f"{PATH}/{ask(lead)}")
    assert code_of(lead.post(PATH, ASKED)) == (429, "too_often")


@pytest.mark.parametrize("number", ["0", "2", "99999999999999999999"])
def test_a_part_that_there_is_not_is_not_found(number: str, story: Story, api: Any) -> None:
    story.create()
    lead, export_id = ready(api)
    answer = lead.get(f"{PATH}/{export_id}/parts/{number}")
    assert code_of(answer) == (404, "not_found")


def test_a_part_is_not_taken_before_all_is_ready(story: Story, api: Any) -> None:
    story.create()
    lead = api(LEAD)
    export_id = ask(lead)
    answer = lead.get(f"{PATH}/{export_id}/parts/1")
    assert code_of(answer) == (409, "export_not_ready")


# -- The end ---------------------------------------------------------------------------------------


def test_a_day_after_it_is_ready_nothing_of_it_is_left(
    story: Story, api: Any, superuser: Any, shift_clock: Any
) -> None:
    story.create()
    lead, export_id = ready(api)
    shift_clock("23 hours 59 minutes")
    work()
    assert len(lines(api(LEAD), export_id)) == 1
    shift_clock("24 hours 1 minute")
    lead = api(LEAD)
    assert state(lead, export_id)["state"] == "ended", "before the work comes to it, too"
    assert lead.get(f"{PATH}/{export_id}/parts/1").status_code == 409
    work()
    found = state(lead, export_id)
    assert (found["end_reason"], found["output"]) == ("expired", [])
    assert rows(superuser, "SELECT count(*) FROM bulk_export_part") == [(0,)]
    shift_clock("8 days 2 hours")
    work()
    assert rows(superuser, "SELECT count(*) FROM bulk_export") == [(0,)]


def test_what_no_one_confirms_within_twelve_hours_ends(api: Any, shift_clock: Any) -> None:
    export_id = ask(api(LEAD))
    shift_clock("12 hours 1 minute")
    with pytest.raises(NotPossible):
        second_lead().confirms(export_id)
    work()
    assert state(api(LEAD), export_id)["end_reason"] == "expired"


@pytest.mark.parametrize(("by", "reason"), [("own", "deleted"), ("second", "refused")])
@pytest.mark.parametrize("at", ["asked", "writing", "ready"])
def test_each_lead_ends_it_at_any_time(
    by: str, reason: str, at: str, story: Story, api: Any, superuser: Any
) -> None:
    story.create()
    lead, second = api(LEAD), second_lead()
    export_id = ask(lead)
    if at != "asked":
        second.confirms(export_id)
    if at == "ready":
        work()
    assert state(lead, export_id)["state"] == at
    ends = lead if by == "own" else second.caller
    for _ in range(2):
        assert ends.delete(f"{PATH}/{export_id}").status_code == 204
    found = state(lead, export_id)
    assert (found["state"], found["end_reason"], found["output"]) == ("ended", reason, [])
    work()
    assert state(lead, export_id)["state"] == "ended"
    assert rows(superuser, "SELECT count(*) FROM bulk_export_part") == [(0,)]
    [left] = rows(superuser, "SELECT credential, after_at, after_id FROM bulk_export")
    assert left == (None, None, None)
