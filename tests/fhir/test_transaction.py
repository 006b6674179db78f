"""A hospital refers from its own record: one Bundle is one referral, sent, or nothing at all."""

import json
from copy import deepcopy
from typing import Any
from uuid import uuid4

import pytest

from tests.support.people import fhir_bundles as fhir
from tests.support.people.access_log import everything_stored
from tests.support.people.fhir_sent import (
    SENDER,
    WHOLE_NOTICE,
    id_of,
    issues,
    posted,
    sent,
    whole,
)
from tests.support.people.stories import PACKET, authorization, notice_release_body, release_body


def stored(superuser: Any, referral_id: str) -> dict[str, list[str]]:
    """What the tables hold of one referral, but for ids, times, sealed bytes and what is drawn at
    random."""
    own = {"id", "reference", "subject", "cell_key", "xact", "request_id", "key_bundle", "access"}
    own |= {"ciphertext", "mac", "bundle", "hash", "key", "fingerprint", "result_id", "caller_id"}
    found = {}
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT c.table_name, array_agg(c.column_name::text) FROM information_schema.columns c"
            " JOIN information_schema.columns o USING (table_schema, table_name)"
            " JOIN information_schema.tables t USING (table_schema, table_name)"
            " WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'"
            " AND o.column_name = 'referral_id' AND c.data_type IN ('text', 'boolean', 'integer',"
            " 'ARRAY') GROUP BY 1"
        )
        for table, columns in cursor.fetchall():
            kept = sorted({*columns} - own - {"referral_ids"})
            if kept and not table.startswith("access_entry_"):
                shown = ", ".join(f'"{one}"' for one in kept)
                cursor.execute(
                    f"SELECT ({shown})::text FROM {table} WHERE referral_id = %s ORDER BY 1",
                    [referral_id],
                )
                found[table] = [row for (row,) in cursor.fetchall()]
    return found


# -- It is done ------------------------------------------------------------------------------------


def test_one_bundle_is_one_referral_sent(api: Any) -> None:
    answer = posted(api, fhir.bundle(whole()))
    made = answer.json()
    assert (made["resourceType"], made["type"]) == ("Bundle", "transaction-response")
    assert [one["response"]["status"] for one in made["entry"]] == ["201 Created"] * 3
    order, task = (one["response"]["location"] for one in made["entry"][:2])
    assert order == f"{fhir.BASE}/ServiceRequest/{id_of(answer)}"
    assert task == f"{fhir.BASE}/Task/{id_of(answer)}"

    seen = api("ywca.worker").get(f"/v1/referrals/{id_of(answer)}").json()
    body = whole()
    assert {name: seen["notice"][name] for name in WHOLE_NOTICE if "until" not in name} == {
        name: body[name] for name in WHOLE_NOTICE if "until" not in name
    }
    assert seen["status"] == "sent"
    api("ywca.worker").act(id_of(answer), "accept")
    opened = api("ywca.worker").act(id_of(answer), "open_packet", {"purpose": "intake"}).json()
    assert opened["packet"] == PACKET


@pytest.mark.parametrize(
    ("who", "change"),
    [
        (SENDER, {}),
        (SENDER, {"release": None, "packet": None}),
        (SENDER, {"send": None, "external_ref": None}),
        (
            "sarc.worker",
            {
                "notice_release": notice_release_body(),
                "release": release_body(*PACKET, basis="written_release", form="written"),
            },
        ),
    ],
)
def test_a_native_sender_of_the_same_story_leaves_equal_rows(
    api: Any, superuser: Any, who: str, change: dict[str, Any]
) -> None:
    native = whole(**change)
    by_fhir = native | ({"external_ref": "MRN-ORDER-2"} if "external_ref" in native else {})
    sender = who.partition(".")[0]
    plain = api(who).post("/v1/referrals", native)
    assert plain.status_code == 201, plain.content
    answer = posted(api, fhir.bundle(by_fhir, sender=sender), who)
    ours, theirs = stored(superuser, id_of(answer)), stored(superuser, plain.json()["id"])
    assert ours == theirs
    assert ours["referral_event"]
    assert ours["access_entry"]


def test_the_words_of_sdohcc_are_read(api: Any) -> None:
    """Its category of a Consent, HL7's word for the basis, and its sign that calling is no way."""
    bundle = fhir.bundle(whole(wanted=None, concern=None))
    order, consent = (bundle["entry"][place]["resource"] for place in (0, 2))
    codes = "http://hl7.org/fhir/us/sdoh-clinicalcare/CodeSystem/SDOHCC-CodeSystemTemporaryCodes"
    order["category"] += [
        {"coding": [{"system": codes, "code": "intimate-partner-violence"}]},
        {"coding": [{"system": "http://snomed.info/sct", "code": "410606002"}]},
    ]
    order["orderDetail"].append(
        {"coding": [{"system": codes, "code": "contacting-subject-prohibited"}]}
    )
    hl7 = "http://terminology.hl7.org/CodeSystem"
    consent["category"] = [{"coding": [{"system": f"{hl7}/v3-ActCode", "code": "IDSCL"}]}]
    consent["policyRule"] = {
        "coding": [{"system": f"{hl7}/consentpolicycodes", "code": "hipaa-auth"}]
    }
    id_ = id_of(posted(api, bundle))
    seen = api(SENDER).get(f"/v1/referrals/{id_}").json()
    assert (seen["notice"]["concern"], seen["notice"]["wanted"]) == ("domestic", "call_worker")
    assert seen["release"]["basis"] == "hipaa_authorization"


def test_a_patient_of_the_bundle_is_the_packet_and_no_more(api: Any) -> None:
    patient = {
        "identifier": [{"system": "urn:oid:1.2.3.4", "value": "MRN-SECRET"}],
        "gender": "female",
        "name": [
            {"family": "Person", "given": ["Invented", "Q."]},
            {"use": "nickname", "text": "Invie"},
        ],
        "telecom": [
            {"system": "phone", "value": "406-555-0199"},
            {"system": "email", "value": "invented@example.org"},
        ],
        "birthDate": "1999-04-05",
        "address": [{"line": ["1 Example St"], "city": "Missoula", "state": "MT"}],
    }
    fields = ("name", "alias", "phone", "email", "date_of_birth", "address")
    release = release_body(*fields, **authorization())
    bundle = fhir.bundle(whole(packet=None, release=release), patient=patient)
    answer = posted(api, bundle)
    api("ywca.worker").act(id_of(answer), "accept")
    opened = api("ywca.worker").act(id_of(answer), "open_packet", {"purpose": "intake"})
    assert opened.json()["packet"] == {
        "name": "Invented Q. Person",
        "alias": "Invie",
        "phone": "406-555-0199",
        "email": "invented@example.org",
        "date_of_birth": "1999-04-05",
        "address": "1 Example St\nMissoula\nMT",
    }


def test_the_number_of_the_patient_is_stored_nowhere(api: Any, superuser: Any) -> None:
    patient = {"identifier": [{"value": "MRN-SECRET"}], "gender": "female", "name": [{"text": "I"}]}
    release = release_body("name", **authorization())
    id_of(posted(api, fhir.bundle(whole(packet=None, release=release), patient=patient)))
    assert "MRN-SECRET" not in str(everything_stored(superuser))


def test_a_system_names_who_acts(api: Any) -> None:
    client = api("hospital.client", acting=SENDER)
    answer = client.post("/fhir/", fhir.bundle(whole()))
    holder = api(SENDER).get(f"/v1/referrals/{id_of(answer)}").json()["holder"]
    assert holder["name"] == "Hal Example"
    refused = posted(api, fhir.bundle(whole()), "hospital.client")
    assert (refused.status_code, issues(refused)[0][:2]) == (
        403,
        ("forbidden", "acting_member_needed"),
    )


# -- Twice -----------------------------------------------------------------------------------------


def test_if_none_exist_makes_it_once(api: Any) -> None:
    once = "identifier=urn:oid:1.2.3|MRN-ORDER-1"
    bundle = fhir.bundle(whole(), if_none_exist=once)
    first = posted(api, bundle)
    again = deepcopy(bundle)
    text = json.dumps(again).replace(
        fhir.ORDER, f"urn:uuid:{uuid4()}"
    )  # its entries have other names
    second = posted(api, json.loads(text))
    assert id_of(first) == id_of(second)
    assert [one["response"]["status"] for one in second.json()["entry"]] == ["200 OK"] * 3
    other = posted(api, fhir.bundle(whole(urgency="routine"), if_none_exist=once))
    assert (other.status_code, issues(other)) == (422, [("business-rule", "key_reused", None)])


def test_the_condition_is_one_of_the_tasks_own_identifiers(api: Any) -> None:
    for condition in ("identifier=urn:oid:1.2.3|another", "status=requested"):
        refused = posted(api, fhir.bundle(whole(), if_none_exist=condition))
        assert (refused.status_code, issues(refused)[0][1]) == (400, "not_supported")
    spared = fhir.bundle(whole())
    keyed = sent(api(SENDER), "post", "", spared, Idempotency_Key="one")
    assert (keyed.status_code, issues(keyed)[0][1]) == (400, "idempotency_key_unused")
