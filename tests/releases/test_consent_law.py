"""Every cell of the consent law: sender's duty × recipient's kind × basis × age, and what may go.

The table below was written from the statutes, with the section next to each line, and not from
permissions/policy/disclosure.py, which it is the second opinion of. It decides each cell by itself;
`complete_terms` (referrals/releases/terms.py) must answer the same. It needs no database.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

import pytest

from permissions.errors import BadRequest, NotPossible
from permissions.models import AGENCY_KINDS, DUTIES
from permissions.policy import disclosure
from permissions.principal import Principal
from referrals import codes
from referrals.packet_fields import PACKET_FIELDS
from referrals.releases.terms import Consenter, ReleaseContext, Terms, complete_terms

pytestmark = pytest.mark.static

NOW = datetime(2026, 3, 1, 2, 45, tzinfo=UTC)

# -- The second table ------------------------------------------------------------------------------

KINDS = (
    *("law_enforcement", "healthcare", "community_advocate", "system_advocate", "legal"),
    *("social_service", "child_protection", "prosecution", "oversight"),
)
BASES = ("written_release", "hipaa_authorization", "hipaa_agreement", "stated_agreement")

# Who is bound by what. Of two duties the stricter counts.
BOUND_BY: dict[tuple[str, ...], str] = {
    (): "nothing",
    ("cjis",): "nothing",  # it protects criminal history, not the survivor's own word
    ("ferpa",): "nothing",
    ("mandated_reporter",): "nothing",
    ("part2",): "nothing",  # 42 CFR 2.31 asks a signature, on top of whatever the basis asks
    ("victim_services",): "vawa",  # 34 U.S.C. 12291(b)(2); 28 CFR 94.115(a)
    ("privilege",): "vawa",  # Mont. Code 26-1-812(2): express consent
    ("victim_services", "privilege"): "vawa",
    ("hipaa",): "hipaa",  # 45 CFR 164.502(a)
    ("hipaa", "part2"): "hipaa",
    ("victim_services", "hipaa"): "vawa",
    ("privilege", "hipaa", "mandated_reporter"): "vawa",
}

WRITTEN = {"written", "screen", "own_phone"}
ORAL = {*WRITTEN, "oral_witnessed"}
# (bound by, basis) → the recipients, ages, forms and statements. Nothing else is allowed.
EVERYONE, EVERY_AGE = set(KINDS), {"adult", "minor", "not_stated"}
SECOND: dict[tuple[str, str], tuple[set[str], set[str], set[str], set[str]]] = {
    # "informed, written, reasonably time-limited consent": 34 U.S.C. 12291(b)(2)(B)(ii)
    ("vawa", "written_release"): (EVERYONE, EVERY_AGE, WRITTEN, set()),
    # core elements 164.508(c)(1); statements (c)(2)(i), (iii); a copy (c)(4)
    ("hipaa", "hipaa_authorization"): (
        EVERYONE,
        EVERY_AGE,
        WRITTEN,
        {"revocation_in_writing_told", "no_longer_protected_told", "copy_provided"},
    ),
    # "to a government authority ... authorized by law to receive reports of such abuse"; "except
    # for reports of child abuse or neglect"; "reasonably believes to be a victim"; "the individual
    # agrees": 164.512(c)(1), (c)(1)(ii)
    ("hipaa", "hipaa_agreement"): (
        {"law_enforcement", "child_protection"},
        {"adult", "not_stated"},
        ORAL,
        {"believed_victim"},
    ),
    # no statute binds the teller
    ("nothing", "stated_agreement"): (EVERYONE, EVERY_AGE, ORAL, set()),
}
# For any recipient of the kind: what the survivor must know before, to consent "informed".
WARNED: dict[str, set[str]] = {
    "law_enforcement": {"police_may_have_to_disclose"},  # Brady v. Maryland; 46-15-322 MCA
    "prosecution": {"prosecution_may_have_to_disclose"},  # the same
    "child_protection": {"child_protection_may_have_to_act"},  # 41-3-202 MCA
}
# Who could use treatment records against the patient is never given them (2.12(d), and ours).
NO_TREATMENT_RECORDS = {"law_enforcement", "prosecution", "child_protection"}

ALWAYS = {
    *("risks_explained", "alternatives_offered", "not_a_condition_of_service"),
    *("platform_explained", "right_to_revoke_told", "may_be_redisclosed_told"),
}
TREATMENT = "substance_use"

Cell = tuple[tuple[str, ...], str, str, str, str]


def cells() -> Iterator[Cell]:
    yield from product(BOUND_BY, KINDS, BASES, ("adult", "minor", "not_stated"), sorted(ORAL))


def expected(cell: Cell, field: str) -> tuple[str | None, set[str]]:
    """The code of the refusal, or None with what must be attested."""
    duties, to, basis, age, form = cell
    law = SECOND.get((BOUND_BY[duties], basis))
    if law is None:
        return "basis", set()
    recipients, ages, forms, statements = law
    if to not in recipients:
        return "not_a_government_authority", set()
    if age not in ages:
        return "minor_by_agreement", set()
    part2 = "part2" in duties or field == TREATMENT
    if form not in forms or (part2 and form == "oral_witnessed"):  # 42 CFR 2.31(a)(7)
        return "form", set()
    if field == TREATMENT and to in NO_TREATMENT_RECORDS:
        return "part2", set()
    own_phone = {"phone_is_safe"} if form == "own_phone" else set()
    return None, ALWAYS | statements | WARNED.get(to, set()) | own_phone


# -- The product's answer --------------------------------------------------------------------------


def principal(duties: tuple[str, ...]) -> Principal:
    return Principal(
        agency_id=UUID(int=9),
        member_id=UUID(int=1),
        person_id=None,
        client_id=None,
        roles=frozenset({"worker"}),
        scopes=frozenset(),
        agency_kind="legal",
        duties=frozenset(duties),
        system_of_record=False,
        token_hash="",
    )


def judged(cell: Cell, field: str, attested: set[str]) -> str | Terms:
    duties, to, basis, age, form = cell
    consenters = [Consenter("self", NOW, True)]
    if age == "minor":
        consenters.append(Consenter("parent", NOW, True))
    if age == "not_stated":  # who cannot consent: a court says who does
        consenters = [Consenter("court_appointed", NOW, True)]
    terms = Terms(
        basis=basis,
        purpose="receive_service",
        fields=("name", field),
        form=form,
        signed_at=NOW,
        expires_at=NOW + timedelta(days=3),
        attestations=tuple(attested),
        consenters=tuple(consenters),
        promptly_informed="told",
    )
    about = ReleaseContext(principal(duties), to, urgency="routine", age=age, now=NOW)
    try:
        return complete_terms(terms, about)
    except (NotPossible, BadRequest) as refusal:
        return refusal.code


def test_every_cell_is_what_the_statutes_say() -> None:
    count = allowed = 0
    for cell in cells():
        for field in ("health", TREATMENT):
            refused, needed = expected(cell, field)
            every = set(disclosure.EVERY_ATTESTATION)
            got = judged(cell, field, every)
            if refused:
                assert got == refused, (cell, field, got)
            else:
                assert isinstance(got, Terms), (cell, field, got)
                part2 = "part2" in cell[0] or field == TREATMENT
                assert got.redisclosure_notice == ("part2" if part2 else "network"), cell
                assert isinstance(judged(cell, field, needed), Terms), (cell, field)
                allowed += 1
            count += 1
    assert count == 12 * 9 * 4 * 3 * 4 * 2
    assert allowed > 800


def test_each_statement_is_needed_in_each_cell_that_asks_it() -> None:
    for cell in cells():
        refused, needed = expected(cell, "name")
        if refused is None:
            for one in needed:
                assert judged(cell, "name", needed - {one}) == "attestation_missing", (cell, one)


@pytest.mark.parametrize("field", PACKET_FIELDS)
def test_every_other_field_goes_wherever_the_cell_lets_anything_go(field: str) -> None:
    for to in KINDS:
        cell = (("hipaa",), to, "hipaa_authorization", "adult", "written")
        refused, _ = expected(cell, field)
        got = judged(cell, field, set(disclosure.EVERY_ATTESTATION))
        assert (got if isinstance(got, str) else None) == refused, (to, field)


def test_both_tables_speak_of_the_same_things() -> None:
    assert set(KINDS) == set(AGENCY_KINDS)
    assert {duty for duties in BOUND_BY for duty in duties} == set(DUTIES)
    assert {basis for _, basis in SECOND} == set(BASES) == set(disclosure.BASES)
    assert set(codes.BASIS) == set(BASES)
    assert set(codes.ATTESTATION) == set(disclosure.EVERY_ATTESTATION)


@pytest.mark.parametrize("kind", KINDS)
def test_what_goes_back_takes_a_written_release_whoever_it_is(kind: str) -> None:
    """34 U.S.C. 12291(b)(2)(B); for others Cairn's own rule (R2)."""
    for duties in BOUND_BY:
        assert disclosure.allowed_bases(frozenset(duties), kind, "return") == ("written_release",)


# Each row of the product's table with the section that it comes from, from the statutes once more.
SOURCES = {
    "written_release": ("34 U.S.C. 12291(b)(2)(B)", "28 CFR 94.115(a)(2)", "26-1-812"),
    "hipaa_authorization": ("45 CFR 164.508(c)",),
    "hipaa_agreement": ("45 CFR 164.512(c)(1)(ii)", "(c)(2)"),
    "stated_agreement": ("no statute asks more",),
}


def test_each_row_names_its_source_and_says_itself_in_a_sentence() -> None:
    for row in (*disclosure.LAW, disclosure.RETURN):
        assert all(one in row.source for one in SOURCES[row.basis]), row
    for one in (*disclosure.LAW, *disclosure.WHO_CONSENTS):
        assert one.text.endswith("."), one
    for one in (*disclosure.RECIPIENTS, *disclosure.SENDERS):
        assert one.text.endswith(".")
        assert one.source, one
