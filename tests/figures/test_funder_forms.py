"""Funders' forms: each file is one, and its numbers are those of the agency's own cells."""

import csv
import io
import re
from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from directory.models import Training
from directory.trainings import trainings
from directory.trainings.trainings import Facts
from permissions.models.agencies import AGENCY_KINDS
from referrals import codes
from referrals.numbers import funder_forms
from referrals.numbers.funder_forms import Form
from tests.figures.past_cells import past, referrals
from tests.support.people.callers import agency_id, principal
from tests.support.people.desk_pages import at_the_desk, text_of

FORMS = funder_forms.forms()
KNOWN = {
    "concern": set(codes.CONCERN),
    "age_band": set(codes.AGE_BAND),
    "urgency": set(codes.URGENCY),
    "need": set(codes.NEEDS),
    "declined": set(codes.DECLINE),
    "outcome": {
        *("waiting", "accepted", "declined", "withdrawn", "stopped", "expired"),
        *("completed", "unable"),
    },
    "kind": set(AGENCY_KINDS),
}


@pytest.mark.parametrize("form", FORMS, ids=lambda one: one.id)
def test_each_item_has_a_number_from_known_codes_or_a_reason(form: Form) -> None:
    assert re.fullmatch(r"[a-z0-9_]+", form.id)
    assert form.source.startswith(("https://", "http://"))
    assert set(form.for_kinds) <= KNOWN["kind"]
    items = [item for section in form.sections for item in section.items]
    assert any(item.figure for item in items)
    assert any(item.reason for item in items)
    for item in items:
        assert 3 <= len(item.asks) <= 90
        figure = item.figure or {}
        if "items" in figure:
            assert figure["side"] in ("from", "to")
            named = [one.split(":") for one in figure["items"]]
            assert len({family for family, _code in named}) == 1, "no referral is counted twice"
            assert len({tuple(one) for one in named}) == len(named)
            assert all(code in KNOWN[family] for family, code in named), figure
        elif "trainings" in figure:
            assert figure["trainings"] in ("number", "people")
            assert set(figure.get("audiences", ())) <= set(Training.AUDIENCES)
            assert set(figure.get("sectors", ())) <= set(Training.SECTORS)
            assert set(figure.get("topics", ())) <= set(Training.TOPICS)
        elif "calls" in figure:
            assert set(figure["calls"]) <= set(codes.CALL_OUTCOME)
        elif figure:
            assert figure.get("referrals") is True


def test_the_five_forms_are_there() -> None:
    assert {one.id for one in FORMS} == {
        *("bja_ecm", "otip_dvht_tvap", "ovc_pmt_victim_assistance", "ovc_tims", "ovw_semiannual"),
    }


def test_a_form_has_the_numbers_of_the_agency_under_its_own_headings(api: Any) -> None:
    march = date(2026, 3, 1)
    referrals("ywca", "to", march, 6, declined__no_capacity=2)
    past("ywca", "to", date(2026, 6, 1), {"concern:stalking": 3, "urgency:routine": 3})
    referrals("ywca", "to", date(2026, 7, 1), 40)
    facts = Facts(agency_id("ywca"), date(2026, 4, 2), "frontline", "health", "trauma", 17, "")
    trainings.add(principal(api("ywca.lead")), uuid4(), facts)
    pages = at_the_desk("ywca.lead")
    listed = text_of(pages.get("/desk/reports/forms").content)
    assert "For agencies like yours" in listed
    at = "/desk/reports/forms/ovw_semiannual"
    shown = text_of(pages.get(f"{at}?period=2026-H1").content)
    assert "first half of 2026" in shown
    assert "All who sought services 9 Counts referrals: a person may be in it twice." in shown
    assert "All who sought services: stalking 3" in shown
    assert "Reason not served: the program was full 2" in shown
    assert "People trained: health care 17" in shown
    assert "Secondary victims served – It counts people." in shown
    answer = pages.get(f"{at}/figures.csv?period=2026-H1")
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [line[3] for line in lines if line[2] == "All who sought services"] == ["9"]
    assert pages.get("/desk/reports/forms/none").status_code == 404
    assert at_the_desk("ywca.worker").get(at).status_code == 403
