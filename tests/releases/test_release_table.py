"""What a release must say, with the statutes it comes from: the form, who consents, what they were
told, times. It is compared with `complete_terms` (referrals/releases/terms.py) only, without a
database. The table of the consent law, cell by cell: test_consent_law.py."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from permissions.errors import BadRequest, NotPossible
from permissions.principal import Principal
from referrals.releases.terms import Consenter, ReleaseContext, Terms, complete_terms

pytestmark = pytest.mark.static

NOW = datetime(2026, 3, 1, 2, 45, tzinfo=UTC)
ME = UUID(int=1)
# What the sender has → the bases it may name, to law enforcement.
ALLOWED: dict[tuple[str, ...], tuple[str, ...]] = {
    (): ("stated_agreement",),
    ("part2",): ("stated_agreement",),
    ("victim_services",): ("written_release",),
    ("privilege",): ("written_release",),
    ("hipaa",): ("hipaa_authorization", "hipaa_agreement"),
    ("hipaa", "part2"): ("hipaa_authorization", "hipaa_agreement"),
}
SIGNED = {"written_release", "hipaa_authorization"}
AUTHORIZED = ("revocation_in_writing_told", "no_longer_protected_told", "copy_provided")
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
            "attestations": (
                *(*TOLD, *AUTHORIZED),
                *("police_may_have_to_disclose", "believed_victim"),
            ),
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


@pytest.mark.parametrize("form", ["written", "screen", "own_phone", "oral_witnessed"])
def test_a_signature_is_hers_wherever_the_basis_or_part_2_asks_for_one(form: str) -> None:
    """42 CFR 2.31: a written consent with her signature, whatever the sender's duties allow."""
    for duties, bases in ALLOWED.items():
        for basis, fields in product(bases, (("name",), ("name", "substance_use"))):
            to = "law_enforcement" if basis == "hipaa_agreement" else "social_service"
            if "substance_use" in fields and to == "law_enforcement":
                continue
            told = (*terms().attestations, "phone_is_safe")
            hers = terms(basis=basis, fields=fields, form=form, attestations=told)
            got = judged(hers, principal(duties), to)
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
        ("legal", "prosecution", "written", {"prosecution_may_have_to_disclose"}),
        ("legal", "child_protection", "written", {"child_protection_may_have_to_act"}),
        ("legal", "social_service", "screen", set()),
        ("legal", "social_service", "own_phone", {"phone_is_safe"}),
        (
            *("law_enforcement", "law_enforcement", "own_phone"),
            {"told_no_effect_on_case", "police_may_have_to_disclose", "phone_is_safe"},
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


@pytest.mark.parametrize("element", AUTHORIZED)
def test_an_authorization_lacks_none_of_its_statements(element: str) -> None:
    """45 CFR 164.508(c)(2)(i), (c)(2)(iii), (c)(4)."""
    told = {*TOLD, *AUTHORIZED}
    hers = {"basis": "hipaa_authorization", "attestations": tuple(told)}
    assert isinstance(judged(terms(**hers), principal(("hipaa",))), Terms)
    hers["attestations"] = tuple(told - {element})
    assert judged(terms(**hers), principal(("hipaa",))) == "attestation_missing"


@pytest.mark.parametrize(
    ("duties", "basis", "fields", "purpose", "code"),
    [
        ((), "stated_agreement", ("substance_use",), "legal_matter", None),
        ((), "stated_agreement", ("substance_use", "name"), "legal_matter", "part2_legal_alone"),
        ((), "stated_agreement", ("substance_use", "name"), "receive_service", None),
        ((), "stated_agreement", ("legal", "name"), "legal_matter", None),
        # to a program every field is such a record, and a release has one purpose
        (("part2",), "stated_agreement", ("legal", "name"), "legal_matter", None),
    ],
)
def test_a_consent_for_proceedings_stands_alone(
    duties: tuple[str, ...], basis: str, fields: tuple[str, ...], purpose: str, code: str | None
) -> None:
    """42 CFR 2.31(d)."""
    hers = terms(basis=basis, fields=fields, purpose=purpose)
    got = judged(hers, principal(duties), "legal")
    assert (got if isinstance(got, str) else None) == code


@pytest.mark.parametrize(
    ("age", "sent", "attested", "code"),
    [
        ("minor", True, True, None),
        ("minor", True, False, "age_contradicted"),
        ("minor", False, True, "age_contradicted"),  # a draft's notice can be corrected
        ("minor", False, False, "age_contradicted"),
        ("not_stated", True, False, None),
    ],
)
def test_an_adult_beside_a_minors_notice_came_of_age_since(
    age: str, sent: bool, attested: bool, code: str | None
) -> None:
    told = (*TOLD, "came_of_age") if attested else TOLD
    hers = terms(adult=True, attestations=told, consenters=SELF)
    got = judged(hers, principal(), age=age, sent=sent)
    assert (got if isinstance(got, str) else None) == code


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"promptly_informed": None}, "promptly_inform"),
        ({"promptly_informed": "will_be_told"}, None),
        ({"promptly_informed": "perhaps"}, "unknown_code"),
        ({"redisclosure_notice": "none"}, None),
        ({"redisclosure_notice": "none", "fields": ("substance_use",)}, "part2"),
        ({"redisclosure_notice": "part2"}, None),
        ({"purpose": "curiosity"}, "unknown_code"),
        ({"form": "telepathy"}, "unknown_code"),
        ({"fields": ()}, "unknown_field"),
        ({"fields": ("name", "shoe_size")}, "unknown_field"),
        ({"attestations": (*TOLD, "believed_victim")}, "attestation_missing"),
        ({"attestations": (*TOLD, "all_is_well")}, "unknown_code"),
        ({"consenters": ()}, "unknown_code"),
        ({"consenters": (Consenter("neighbour", NOW, True),)}, "unknown_code"),
        # from the first signature, whichever person signed it
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
    by = principal(("hipaa",))
    got = judged(terms(basis="hipaa_agreement", **changed), by, "law_enforcement")
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
