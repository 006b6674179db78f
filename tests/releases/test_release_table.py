"""The table basis × duties × field, cell by cell, beside the statutes it comes from. Pure: what is
held against it is `complete_terms` (referrals/releases/terms.py) alone, without a database."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from permissions.errors import BadRequest, NotPossible
from permissions.models import DUTIES
from permissions.principal import Principal
from referrals.packet_fields import PACKET_FIELDS
from referrals.releases.terms import Consenter, ReleaseContext, Terms, complete_terms

pytestmark = pytest.mark.no_database

NOW = datetime(2026, 3, 1, 2, 45, tzinfo=UTC)
ME = UUID(int=1)
FIELDS = (
    *("name", "alias", "pronouns", "date_of_birth", "phone", "email", "address", "safe_contact"),
    *("emergency_contact", "circumstances", "screening", "health", "substance_use", "legal"),
    *("case_number", "children", "needs_detail"),
)
BASES = ("written_release", "hipaa_authorization", "hipaa_agreement", "stated_agreement")
# What the sender has → the bases it may name, written here from the statutes, not from the code.
ALLOWED: dict[tuple[str, ...], tuple[str, ...]] = {
    (): ("stated_agreement",),
    ("cjis",): ("stated_agreement",),
    ("ferpa",): ("stated_agreement",),
    ("mandated_reporter",): ("stated_agreement",),
    ("part2",): ("stated_agreement",),
    ("victim_services",): ("written_release",),  # 34 U.S.C. 12291(b)(2)(B)
    ("privilege",): ("written_release",),
    ("victim_services", "privilege"): ("written_release",),
    ("hipaa",): ("hipaa_authorization", "hipaa_agreement"),  # 45 CFR 164.508, 164.512(c)(1)(ii)
    ("hipaa", "part2"): ("hipaa_authorization", "hipaa_agreement"),
    # the stricter of two duties comes first
    ("victim_services", "hipaa"): ("written_release",),
    ("privilege", "hipaa", "mandated_reporter"): ("written_release",),
}
SIGNED = {"written_release", "hipaa_authorization"}
TOLD = (
    *("risks_explained", "alternatives_offered", "not_a_condition_of_service"),
    *("platform_explained", "right_to_revoke_told", "may_be_redisclosed_told"),
)


def principal(
    duties: tuple[str, ...] = (), kind: str = "legal", roles: tuple[str, ...] = ("worker",)
) -> Principal:
    return Principal(
        agency_id=UUID(int=9),
        member_id=ME,
        person_id=None,
        client_id=None,
        roles=frozenset(roles),
        scopes=frozenset(),
        agency_kind=kind,
        duties=frozenset(duties),
        system_of_record=False,
        token_hash="",
    )


def terms(**changed: Any) -> Terms:
    return Terms(
        **{
            "basis": "stated_agreement",
            "purpose": "receive_service",
            "fields": ("name",),
            "form": "written",
            "signed_at": NOW,
            "expires_at": NOW + timedelta(days=3),
            "attestations": (*TOLD, "police_may_have_to_disclose"),
            "consenters": (Consenter("self", NOW, True),),
            "promptly_informed": "told",
        }
        | changed
    )


def judged(terms: Terms, by: Principal, to: str = "social_service", **about: Any) -> str | Terms:
    """The release as it would be recorded, or the code of the refusal."""
    facts = {"urgency": "routine", "age": "adult", "now": NOW} | about
    try:
        return complete_terms(terms, ReleaseContext(by, to, **facts))
    except (NotPossible, BadRequest) as refusal:
        return refusal.code


def cells() -> Iterator[tuple[tuple[str, ...], str, str, str]]:
    yield from product(ALLOWED, BASES, FIELDS, ("social_service", "law_enforcement"))


def test_every_cell_of_duties_basis_and_field() -> None:
    count = 0
    for duties, basis, field, to in cells():
        got = judged(terms(basis=basis, fields=("name", field)), principal(duties), to)
        cell = (duties, basis, field, to)
        if basis not in ALLOWED[duties]:
            assert got == "basis", cell
        elif field == "substance_use" and to == "law_enforcement":
            assert got == "part2", cell
        else:
            assert isinstance(got, Terms), (cell, got)
            part2 = field == "substance_use" or "part2" in duties
            assert got.redisclosure_notice == ("part2" if part2 else "network"), cell
        count += 1
    assert count == len(ALLOWED) * 4 * 17 * 2 == 1632
    assert set(FIELDS) == set(PACKET_FIELDS)
    assert {duty for duties in ALLOWED for duty in duties} == set(DUTIES)


@pytest.mark.parametrize("form", ["written", "e_signature", "oral_witnessed"])
def test_a_signature_is_hers_wherever_the_basis_or_part_2_asks_for_one(form: str) -> None:
    """42 CFR 2.31: a written consent with her signature, whatever the sender's duties allow."""
    for duties, bases in ALLOWED.items():
        for basis, fields in product(bases, (("name",), ("name", "substance_use"))):
            told = (*TOLD, "signed_on_screen")
            hers = terms(basis=basis, fields=fields, form=form, attestations=told)
            got = judged(hers, principal(duties))
            part2 = "part2" in duties or "substance_use" in fields
            if form == "oral_witnessed" and (basis in SIGNED or part2):
                assert got == "form", (duties, basis, fields)
            else:
                assert isinstance(got, Terms), (duties, basis, fields, got)
                # before whom, and when: the worker herself unless another is named
                seen = (ME, NOW) if form != "written" else (None, None)
                assert (got.witnessed_by, got.witnessed_at) == seen


SELF = (Consenter("self", NOW, True),)
WITH_A_PARENT = (*SELF, Consenter("parent", NOW, True))
BY_A_COURT = (Consenter("court_appointed", NOW, True),)


@pytest.mark.parametrize(
    ("age", "consenters", "said", "code"),
    [
        ("adult", SELF, (), None),
        ("minor", SELF, (), "consenter_missing"),
        ("minor", SELF, ("minor_may_consent_alone",), None),
        ("minor", WITH_A_PARENT, (), None),
        # who consents alone says which of the two she is, where the notice does not
        ("not_stated", SELF, (), "age_not_stated"),
        ("not_stated", SELF, ("adult",), None),
        ("not_stated", SELF, ("minor_may_consent_alone",), None),
        ("not_stated", WITH_A_PARENT, (), None),
        ("not_stated", BY_A_COURT, (), None),
        # and is not both
        ("minor", SELF, ("adult",), "age_contradicted"),
        ("minor", WITH_A_PARENT, ("adult",), "age_contradicted"),
        ("not_stated", SELF, ("adult", "minor_may_consent_alone"), "age_contradicted"),
    ],
)
def test_her_age_is_stated_before_she_consents_alone(
    age: str, consenters: tuple[Consenter, ...], said: tuple[str, ...], code: str | None
) -> None:
    """R6; 28 CFR 94.115(a)(2)."""
    got = judged(terms(consenters=consenters, **dict.fromkeys(said, True)), principal(), age=age)
    if code:
        assert got == code
    else:
        assert isinstance(got, Terms), got
        assert got.adult == ("adult" in said)


@pytest.mark.parametrize(
    ("sender", "recipient", "form", "more"),
    [
        ("legal", "social_service", "written", set()),
        ("law_enforcement", "social_service", "written", {"told_no_effect_on_case"}),
        ("legal", "law_enforcement", "written", {"police_may_have_to_disclose"}),
        ("legal", "social_service", "e_signature", {"signed_on_screen"}),
        (
            *("law_enforcement", "law_enforcement", "e_signature"),
            {"told_no_effect_on_case", "police_may_have_to_disclose", "signed_on_screen"},
        ),
    ],
)
def test_what_she_was_told_by_kind_of_sender_and_recipient(
    sender: str, recipient: str, form: str, more: set[str]
) -> None:
    needed = {*TOLD, *more}
    by = principal(kind=sender)
    told = judged(terms(attestations=tuple(needed), form=form), by, recipient)
    assert isinstance(told, Terms)
    for one in needed:
        left = terms(attestations=tuple(needed - {one}), form=form)
        assert judged(left, by, recipient) == "attestation_missing", one


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"promptly_informed": None}, "promptly_inform"),
        ({"promptly_informed": "will_be_told"}, None),
        ({"promptly_informed": "perhaps"}, "unknown_code"),
        ({"redisclosure_notice": "none"}, None),
        ({"redisclosure_notice": "none", "fields": ("substance_use",)}, "part2_notice"),
        ({"redisclosure_notice": "part2", "fields": ("substance_use",)}, None),
        ({"redisclosure_notice": "part2"}, None),
        ({"purpose": "curiosity"}, "unknown_code"),
        ({"form": "telepathy"}, "unknown_code"),
        ({"fields": ()}, "unknown_field"),
        ({"fields": ("name", "shoe_size")}, "unknown_field"),
        ({"attestations": (*TOLD, "all_is_well")}, "unknown_code"),
        ({"consenters": ()}, "unknown_code"),
        ({"consenters": (Consenter("neighbour", NOW, True),)}, "unknown_code"),
        # from the first signature, whoever's it is
        (
            {
                "consenters": (
                    Consenter("self", NOW, True),
                    Consenter("parent", NOW - timedelta(days=29), True),
                )
            },
            "too_long",
        ),
        ({"consenters": (Consenter("self", NOW + timedelta(hours=1), True),)}, "signed_later"),
        ({"witnessed_at": NOW + timedelta(hours=1)}, "signed_later"),
        ({"signed_at": NOW - timedelta(days=40)}, "too_long"),
    ],
)
def test_every_field_of_a_release_is_judged(changed: dict[str, Any], code: str | None) -> None:
    got = judged(terms(basis="hipaa_agreement", **changed), principal(("hipaa",)))
    assert (got if isinstance(got, str) else None) == code


@pytest.mark.parametrize(
    ("urgency", "roles", "days"),
    [
        ("emergency", ("worker",), 3),
        ("urgent", ("worker",), 7),
        ("routine", ("worker",), 30),
        ("emergency", ("lead",), 90),
        ("routine", ("lead",), 90),
    ],
)
def test_how_long_by_urgency_and_by_whom(urgency: str, roles: tuple[str, ...], days: int) -> None:
    by = principal(roles=roles)
    for more, refused in ((timedelta(0), None), (timedelta(seconds=1), "too_long")):
        got = judged(terms(expires_at=NOW + timedelta(days=days) + more), by, urgency=urgency)
        assert (got if isinstance(got, str) else None) == refused
