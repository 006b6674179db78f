"""Real input: a legal-aid database and a county sample are imported, found in, referred to, called.

The data are not ours and not in the repository: HSDS_SAMPLES names their folder.
"""

import os
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.support.people.callers import agency_id
from tests.support.people.hsds_source import forget, import_by_command
from tests.support.people.stories import NOTICE, release_body

SAMPLES = os.environ.get("HSDS_SAMPLES")

pytestmark = pytest.mark.skipif(
    not SAMPLES, reason="HSDS_SAMPLES names no folder of real directory data"
)


@pytest.fixture
def real_directory() -> Iterator[None]:
    data = Path(str(SAMPLES)) / "data"
    for path, source in (
        (data / "ilao-hsds-1.1", "real-legal-aid"),
        (data / "ohana-sample" / "sample-csv", "real-county"),
    ):
        import_by_command(path, source)
    yield
    for source in ("real-legal-aid", "real-county"):
        forget(source)


def find(api: Any, who: str | None, words: str) -> list[dict[str, Any]]:
    answer = api(who).get("/v1/directory/services", {"search": words, "per_page": "100"})
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["contents"]
    return found


def test_a_referral_to_a_bound_organization_is_carried_through(real_directory, api):
    services = find(api, "police.worker", "order of protection domestic violence")
    assert services, "the legal-aid database has services for protection orders"
    service = next(one for one in services if not one.get("answered_by"))  # not of the demo's
    organization = service["organization"]["id"]
    call_command("directory", "bind", organization, str(agency_id("ywca")), stdout=StringIO())

    officer, advocate = api("police.worker"), api("ywca.worker")
    made = officer.post("/v1/referrals", NOTICE | {"service_id": service["id"]})
    assert made.status_code == 201, made.content
    referral = made.json()["id"]
    assert made.json()["service"]["name"] == service["name"]
    for who, act, body in (
        (officer, "send", {"agreement": "agrees"}),
        (advocate, "acknowledge", {}),
        (advocate, "accept", {}),
        (officer, "put_release", release_body("name")),
        (officer, "put_packet", {"packet": {"name": "Invented Person"}}),
        (advocate, "open_packet", {"purpose": "intake"}),
        (advocate, "start_handoff", {"mode": "phone"}),
        (advocate, "complete", {"outcome": "served"}),
    ):
        answer = who.act(referral, act, body)
        assert answer.status_code == 200, (act, answer.content)
    assert advocate.get(f"/v1/referrals/{referral}").json()["status"] == "completed"
    assert officer.get(f"/v1/referrals/{referral}").json()["status"] == "accepted"


def test_another_stays_phone_only_and_the_call_is_recorded(real_directory, api):
    services = find(api, "police.worker", "food")
    service = next(one for one in services if not one.get("answered_by"))
    officer = api("police.worker")
    refused = officer.post("/v1/referrals", NOTICE | {"service_id": service["id"]})
    assert refused.status_code == 409
    assert refused.json()["code"] == "phone_only"
    call = {"service_id": service["id"], "outcome": "reached", "put_through": True}
    assert officer.post("/v1/call-records", call).status_code == 201
    records = officer.get("/v1/call-records").json()["items"]
    assert [(one["service_id"], one["outcome"]) for one in records] == [(service["id"], "reached")]
    assert api("police.worker2").get("/v1/call-records").json()["items"] == []
    assert api("ywca.worker").get("/v1/call-records").json()["items"] == []
