"""The packet: a closed list of fields, each sealed on its own (T3), one entry per field.

The entries produce the desk's form, the contract, the codes and labels, what a release may list,
the paper that the survivor signs, and which fields the law treats separately (42 CFR part 2).
Before adding a field, ask who needs it and under which law.
"""

from collections.abc import Collection
from dataclasses import KW_ONLY, dataclass

from permissions.errors import BadRequest
from referrals.screening import SCREENING, Labels

MAX_FIELD_CHARS = 4000
HANDLING = ("not_to_portal_or_proxy",)  # labels on every opened packet
# What may go back to the sender, under a release of its own (R2: "requested, utilized, or denied").
RETURN_FIELDS = ("connected", "engaged", "outcome_code")


@dataclass(frozen=True, slots=True)
class PacketField:
    """One field. `label` and `paper` are in English; `paper` is the text on the paper that the
    survivor signs."""

    name: str
    label: str
    paper: str
    _: KW_ONLY
    hint: str = ""  # below its box at the desk
    lines: int = 1  # the height of the box
    longest: int = MAX_FIELD_CHARS
    codes: Labels | None = None  # it holds codes of this list, one after the other, and no text
    asked_by: frozenset[str] | None = None  # kinds of agencies whose desk asks for it; None: all
    contact: bool = False  # a way to reach the survivor: `safe_contact` governs it (R5)
    part2: bool = False  # records under 42 CFR part 2: that notice goes with them
    refused_to: frozenset[str] = frozenset()  # kinds of agencies to which no release opens it
    since: str = "2026-11-26"  # the day it was added, which raises the version of the codes


FIELDS = (
    PacketField(
        "name",
        "Name",
        "My name",
    ),
    PacketField(
        "alias",
        "Name to ask for",
        "The name to ask for",
    ),
    PacketField(
        "pronouns",
        "Pronouns",
        "My pronouns",
    ),
    PacketField(
        "date_of_birth",
        "Date of birth",
        "My date of birth",
    ),
    PacketField(
        "phone",
        "Phone",
        "My phone",
        contact=True,
    ),
    PacketField(
        "email",
        "Email",
        "My email",
        contact=True,
    ),
    PacketField(
        "address",
        "Address",
        "My address",
        lines=3,
        contact=True,
    ),
    PacketField(
        "safe_contact",
        "How to contact them safely",
        "How to contact me safely",
        hint="When it is safe; whether a voicemail or text is; a name to use, a code word; who must"
        " never be contacted, such as a parent. It is shown above every number.",
        lines=3,
    ),
    PacketField(
        "emergency_contact",
        "Emergency contact",
        "The person to call in an emergency",
        lines=3,
        contact=True,
    ),
    PacketField(
        "circumstances",
        "What happened",
        "What happened, in short",
        lines=3,
    ),
    PacketField(
        "screening",
        "Screening",
        "Answers to screening questions",
        hint="Only what you were told or saw. You may leave it empty: it is not a test.",
        lines=3,
        codes=SCREENING,
        # These agencies see the survivor first. The field is never required.
        asked_by=frozenset({"law_enforcement", "healthcare"}),
    ),
    PacketField(
        "health",
        "Health",
        "My health",
        lines=3,
    ),
    PacketField(
        "substance_use",
        "Substance use",
        "Alcohol or drug treatment",
        lines=3,
        part2=True,
        # Who could use it against the survivor (after 42 CFR 2.12(d); Cairn's own rule).
        refused_to=frozenset({"law_enforcement", "prosecution", "child_protection"}),
    ),
    PacketField(
        "legal",
        "Legal",
        "Legal matters",
        lines=3,
    ),
    PacketField(
        "case_number",
        "Case number",
        "My case number",
    ),
    PacketField(
        "children",
        "Children",
        "My children",
        lines=3,
    ),
    PacketField(
        "needs_detail",
        "More about what is needed",
        "What I need",
        lines=3,
    ),
)
BY_NAME = {field.name: field for field in FIELDS}
PACKET_FIELDS = tuple(BY_NAME)
CONTACT_FIELDS = frozenset(field.name for field in FIELDS if field.contact)
LABELS: Labels = {field.name: field.label for field in FIELDS}
ADDED = max(field.since for field in FIELDS)


def fields_of(direction: str) -> tuple[str, ...]:
    """Return the closed list that a release of this direction chooses from."""
    return {"return": RETURN_FIELDS, "notice": ()}.get(direction, PACKET_FIELDS)


def under_part2(names: Collection[str], duties: frozenset[str]) -> bool:
    """Return whether 42 CFR part 2 applies: to these fields, or to all of a Part 2 program."""
    return "part2" in duties or any(BY_NAME[name].part2 for name in names if name in BY_NAME)


def never_to(recipient_kind: str) -> frozenset[str]:
    """Return the fields that no release opens to this kind of agency."""
    return frozenset(field.name for field in FIELDS if recipient_kind in field.refused_to)


def codes_in(name: str, text: str) -> list[str] | None:
    """Return the codes in the text of a field, one after the other. None: the field holds plain
    text.

    Raises BadRequest for a word that is not in the field's list: it belongs in another field.
    """
    known = BY_NAME[name].codes
    if known is None:
        return None
    found = text.replace(",", " ").split()
    if not set(found) <= set(known):
        raise BadRequest(
            "unknown_code", f"Codes of {name}, one after the other.", f"/packet/{name}"
        )
    return found
