"""What the law asks the survivor's paper to say, element by element, and where the paper says it.

`lacking` is the checker: it reads the printed page. `part` is the name of a part of the paper
(api/desk/referral/release/release_paper.py: `paper_of`).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

CHECKED = date(2026, 11, 28)  # against the sections named below


class Element(NamedTuple):
    """`duties`: the sender has any of them; none: every sender."""

    name: str
    duties: tuple[str, ...]
    parts: tuple[str, ...]
    source: str


ELEMENTS = (
    # -- A HIPAA authorization
    Element("what is disclosed", ("hipaa",), ("fields",), "45 CFR 164.508(c)(1)(i)"),
    Element("who discloses", ("hipaa",), ("lead",), "45 CFR 164.508(c)(1)(ii)"),
    Element("to whom", ("hipaa",), ("lead",), "45 CFR 164.508(c)(1)(iii)"),
    Element("what for", ("hipaa",), ("purposes",), "45 CFR 164.508(c)(1)(iv)"),
    Element("until when", ("hipaa",), ("until",), "45 CFR 164.508(c)(1)(v)"),
    Element("signature and date", ("hipaa",), ("signature", "date"), "45 CFR 164.508(c)(1)(vi)"),
    Element("the signer's authority", ("hipaa",), ("authority",), "45 CFR 164.508(c)(1)(vi)"),
    Element(
        "revocation in writing, how, and its limits",
        ("hipaa",),
        ("revoke_in_writing",),
        "45 CFR 164.508(c)(2)(i)",
    ),
    Element("no condition of treatment", ("hipaa",), ("told",), "45 CFR 164.508(c)(2)(ii)"),
    Element(
        "may be shared again, no longer protected",
        ("hipaa",),
        ("no_longer_protected",),
        "45 CFR 164.508(c)(2)(iii)",
    ),
    Element("a copy", ("hipaa",), ("copy",), "45 CFR 164.508(c)(4)"),
    # -- A release of a victim service provider: informed, written, reasonably time-limited
    Element(
        "informed: risks, other ways, who can open it",
        ("victim_services", "privilege"),
        ("told", "opens", "operator", "compelled"),
        "34 U.S.C. 12291(b)(2)(B)(ii)",
    ),
    Element(
        "one recipient", ("victim_services", "privilege"), ("lead",), "34 U.S.C. 12291(b)(2)(B)"
    ),
    Element(
        "what is disclosed",
        ("victim_services", "privilege"),
        ("fields",),
        "34 U.S.C. 12291(b)(2)(B)",
    ),
    Element("the notice", ("victim_services",), ("notice",), "34 U.S.C. 12291(b)(2)(A)"),
    Element(
        "a reasonable end",
        ("victim_services", "privilege"),
        ("until", "longest"),
        "34 U.S.C. 12291(b)(2)(B)(ii)",
    ),
    Element(
        "written: signature and date",
        ("victim_services", "privilege"),
        ("signature", "date"),
        "34 U.S.C. 12291(b)(2)(B)(ii); 28 CFR 94.115(a)(2)",
    ),
    Element(
        "who consents, never the abuser",
        ("victim_services", "privilege"),
        ("who", "not_the_abuser"),
        "34 U.S.C. 12291(b)(2)(B)(ii); 28 CFR 94.115(a)(2)",
    ),
    # -- A consent of a Part 2 program
    Element("the patient's name", ("part2",), ("name",), "42 CFR 2.31(a)(1)"),
    Element("who discloses", ("part2",), ("lead",), "42 CFR 2.31(a)(2)"),
    Element("what is disclosed", ("part2",), ("fields",), "42 CFR 2.31(a)(3)"),
    Element("to whom, through whom", ("part2",), ("lead", "opens"), "42 CFR 2.31(a)(4)"),
    Element("what for", ("part2",), ("purposes",), "42 CFR 2.31(a)(5)"),
    Element(
        "revocation in writing, and its limits",
        ("part2",),
        ("revoke_in_writing",),
        "42 CFR 2.31(a)(6)",
    ),
    Element("until when", ("part2",), ("until",), "42 CFR 2.31(a)(7)"),
    Element("signature and date", ("part2",), ("signature", "date"), "42 CFR 2.31(a)(8), (9)"),
    Element("proceedings apart", ("part2",), ("legal_alone",), "42 CFR 2.31(d)"),
    # -- Everyone: what makes a yes informed (Cairn's own rule)
    Element("who else could open it", (), ("opens", "operator", "compelled"), "R9"),
    Element("what an end cannot undo", (), ("revoke",), "R1"),
)


def asked_of(duties: frozenset[str]) -> tuple[Element, ...]:
    """Return the elements that the paper of a sender with these duties must have. Where two
    laws bind, the paper has the elements of both."""
    return tuple(one for one in ELEMENTS if not one.duties or duties.intersection(one.duties))


SHORT = 25  # a label of the form, such as "Date": it stands by itself


def lacking(
    printed: Sequence[str], paper: Mapping[str, str | Sequence[str]], duties: frozenset[str]
) -> list[Element]:
    """Return the elements that the printed paper does not say. `printed`: its text, a line for each
    place in it; `paper`: what its parts must say, by name."""
    lines = [" ".join(line.split()) for line in printed]
    whole = " ".join(lines)

    def says(part: str) -> bool:
        given = paper.get(part) or ""
        wanted = [" ".join(one.split()) for one in ([given] if isinstance(given, str) else given)]
        return all(one and (one in whole if len(one) > SHORT else one in lines) for one in wanted)

    return [one for one in asked_of(duties) if not all(says(part) for part in one.parts)]
