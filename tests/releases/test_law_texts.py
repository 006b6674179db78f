"""What is said of the law: to whom it applies, and to no one else; in each language; and by which
version a lawyer signs it off."""

import os
import re
import shutil
import textwrap
from itertools import product
from pathlib import Path

import pytest
from django.utils import translation
from django.utils.translation import gettext

from permissions.models import AGENCY_KINDS, DUTIES
from permissions.policy import disclosure
from referrals.codes import ATTESTATION
from referrals.law import signed_off, texts
from referrals.law.law_text import CHECKED, ROLES, LawText, roles_of
from referrals.law.paper_elements import ELEMENTS
from referrals.law.signed_off import FOLDER

pytestmark = pytest.mark.static

# Whom 41-3-201(2) MCA names by profession, from the statute: they are told to report, at once.
NAMED = {"law_enforcement", "healthcare", "child_protection"}
ADVOCATES = {"community_advocate", "system_advocate"}
SETS = (frozenset(), *(frozenset({one}) for one in DUTIES), frozenset(DUTIES))
SAID = (
    texts.reports,
    texts.disclosures,
    texts.privacy_of_minors,
    texts.calls_about_a_minor,
    texts.prosecution,
)


def said_of(found: list[LawText]) -> str:
    return " ".join(one.text for one in found)


@pytest.mark.parametrize("kind", AGENCY_KINDS)
def test_who_is_named_by_the_statute_is_never_told_to_ask_first(kind: str) -> None:
    for duties in SETS:
        said = said_of(texts.reports(kind, duties))
        assert "41-3-201" in said
        if kind in NAMED:
            assert "This is your duty: report now" in said
        if kind in NAMED or "mandated_reporter" in duties:
            assert "ask" not in said.lower().replace("task", ""), (kind, duties)


@pytest.mark.parametrize("kind", sorted(ADVOCATES))
def test_an_advocate_is_told_when_they_are_named_after_all(kind: str) -> None:
    said = said_of(texts.reports(kind, frozenset({"victim_services", "privilege"})))
    for word in ("licensed social worker", "mental health professional", "contract with DPHHS"):
        assert word in said


def test_the_advocate_privilege_is_told_with_its_limits_to_those_who_have_it() -> None:
    """26-1-812 MCA: its exception, whom it covers, when it ends, and what it does not name."""
    for kind, duty in product(AGENCY_KINDS, (*DUTIES, "")):
        said = said_of(texts.disclosures(kind, frozenset({duty} - {""})))
        theirs = duty == "privilege" and kind in ADVOCATES
        assert ("may not be examined" in said) == theirs, (kind, duty)
        if theirs:
            assert "No advocate privilege" not in said
            for word in (
                *("unless a report is required by law", "express consent", "cannot be reached"),
                *("divorce or custody", "death", "sexual assault or stalking"),
                "does not name trafficking",
            ):
                assert word in said, word
        if kind in ("law_enforcement", "prosecution"):
            assert "no advocate privilege" in said
            assert "discovery" in said


def test_who_has_a_privilege_is_told_what_a_grant_asks_as_well() -> None:
    both = said_of(texts.disclosures("community_advocate", frozenset({"victim_services"})))
    assert "try to notify the survivor first" in both
    both = said_of(
        texts.disclosures("community_advocate", frozenset({"victim_services", "privilege"}))
    )
    assert "try to notify the survivor first" in both
    assert "may not be examined" in both


def test_every_reader_is_told_something_of_every_subject() -> None:
    for kind, duties, says in product(AGENCY_KINDS, SETS, SAID):
        found = says(kind, duties)
        assert found, (kind, duties, says)
        roles = roles_of(kind, duties)
        assert roles <= set(ROLES)
        for one in found:
            assert set(one.duties) <= duties, one.name
            assert not one.roles or roles & set(one.roles), one.name


@pytest.mark.parametrize(
    ("kind", "duties", "subject", "words"),
    [
        ("law_enforcement", (), texts.calls_about_a_minor, "NCIC within two hours"),
        ("law_enforcement", (), texts.prosecution, "46-15-322"),
        ("healthcare", ("hipaa",), texts.prosecution, "164.512(f)(3)"),
        ("healthcare", ("hipaa",), texts.privacy_of_minors, "41-1-403"),
        ("community_advocate", ("victim_services",), texts.privacy_of_minors, "never signs"),
        ("community_advocate", ("victim_services",), texts.prosecution, "written release only"),
        ("community_advocate", ("ferpa",), texts.privacy_of_minors, "at a college"),
        ("community_advocate", ("ferpa",), texts.disclosures, "notify the student first"),
        ("community_advocate", ("ferpa",), texts.reports, "school teachers"),
        ("prosecution", (), texts.prosecution, "46-24-203"),
        ("child_protection", (), texts.calls_about_a_minor, "within 24 hours"),
        ("legal", ("privilege",), texts.prosecution, "Ask your client"),
    ],
)
def test_a_role_is_told_what_its_own_law_says(
    kind: str, duties: tuple[str, ...], subject: object, words: str
) -> None:
    said = said_of(subject(kind, frozenset(duties)))  # type: ignore[operator]
    assert words in said
    for other in AGENCY_KINDS:  # an agency without it is not
        if not roles_of(other, frozenset()) & roles_of(kind, frozenset(duties)) and (
            (other, kind) not in (("prosecution", "law_enforcement"),)
        ):
            assert words not in said_of(subject(other, frozenset()))  # type: ignore[operator]


def test_each_text_has_a_source_a_day_and_spanish() -> None:
    names = [one.name for one in texts.every_text()]
    assert len(names) == len(set(names)) >= 40
    with translation.override("es"):
        for one in texts.every_text():
            assert one.source, one.name
            assert one.checked <= CHECKED, one.name
            assert gettext(one.text) != one.text, one.name
            assert all(part in one.source or part in one.text for part in one.unread), one.name


# -- The folder that a lawyer signs ----------------------------------------------------------------


def wrapped(text: str, then: str = "") -> str:
    return textwrap.fill(
        text, 98, subsequent_indent=then, break_long_words=False, break_on_hyphens=False
    )


def sayings() -> list[str]:
    """Each text in the active language, by subject, with its readers, source and day."""
    lines = []
    for subject, found in texts.SUBJECTS.items():
        lines.append(f"### {subject}")
        for one in found:
            readers = ", ".join((*one.roles, *(f"`{duty}`" for duty in one.duties))) or "anyone"
            unread = f" To be read: {'; '.join(one.unread)}." if one.unread else ""
            lines.append(
                wrapped(
                    f"- **{one.name}** (to {readers}; checked {one.checked})."
                    f" {gettext(one.text)} Source: {one.source}.{unread}",
                    "  ",
                )
            )
    return lines


def attested() -> list[str]:
    return [wrapped(f"- `{code}`: {gettext(label)}.", "  ") for code, label in ATTESTATION.items()]


def spanish_page() -> str:
    with translation.override("es"):
        lines = ["# What Cairn says of the law, in Spanish", "## What the desk says", *sayings()]
        lines += ["## What is attested", *attested()]
    return "\n\n".join(lines) + "\n"


def english_page() -> str:
    lines = [
        "# What Cairn says of the law",
        "## Who may share what, with whom, how",
    ]
    for row in (*disclosure.LAW, disclosure.RETURN, disclosure.NOTICE):
        sender = " or ".join(f"`{one}`" for one in row.duties) or "anyone else, or any"
        to = ", ".join(row.recipients) or "any agency"
        needs = ", ".join(f"`{one}`" for one in row.attestations) or "nothing more"
        lines.append(
            wrapped(
                f"- **{sender} to {to}: `{row.basis}`.** {row.text} Ages: {', '.join(row.ages)}."
                f" Forms: {', '.join(row.forms)}. Besides what is always attested: {needs}."
                f" Source: {row.source}.",
                "  ",
            )
        )
    for warned in (*disclosure.SENDERS, *disclosure.RECIPIENTS):
        side = "from" if warned in disclosure.SENDERS else "to"
        lines.append(
            wrapped(
                f"- **{side} {warned.kind}: `{warned.attestation}`.** {warned.text}"
                f" Source: {warned.source}.",
                "  ",
            )
        )
    for who in disclosure.WHO_CONSENTS:
        lines.append(wrapped(f"- **{who.age}.** {who.text} Source: {who.source}.", "  "))
    lines += ["## What the desk says", *sayings()]
    lines.append("## What the paper must say")
    for element in ELEMENTS:
        duties = ", ".join(f"`{one}`" for one in element.duties) or "every sender"
        lines.append(wrapped(f"- {element.name} ({duties}). Source: {element.source}.", "  "))
    lines += ["## What is attested", *attested()]
    return "\n\n".join(lines) + "\n"


@pytest.mark.parametrize(("name", "page"), [("en.md", english_page), ("es.md", spanish_page)])
def test_the_lawyers_pages_are_what_the_code_says(name: str, page: object) -> None:
    """`CAIRN_GOLDEN=1` writes them again."""
    expected = page()  # type: ignore[operator]
    if os.environ.get("CAIRN_GOLDEN"):
        (FOLDER / name).write_text(expected, encoding="utf-8")
    assert (FOLDER / name).read_text(encoding="utf-8") == expected


def test_the_newest_version_is_what_the_folder_holds() -> None:
    """A changed text is a new version: enter it, unsigned, with this hash."""
    known = signed_off.versions()
    assert known[-1].sha256 == signed_off.digest()
    assert [one.number for one in known] == list(range(1, len(known) + 1))
    assert len({one.sha256 for one in known}) == len(known)
    assert all(one.is_signed or not (one.lawyer or one.signed) for one in known)
    assert signed_off.current() == known[-1]


def test_one_letter_changed_anywhere_is_another_version(tmp_path: Path) -> None:
    copy = tmp_path / "sign_off"
    shutil.copytree(FOLDER, copy)
    before = signed_off.digest(copy)
    assert before == signed_off.digest()
    read = [one for one in copy.rglob("*") if one.suffix in (".md", ".txt")]
    assert len(read) >= 9
    for file in read:
        kept = file.read_text(encoding="utf-8")
        file.write_text(re.sub("[a-z]", "q", kept, count=1), encoding="utf-8")
        assert (signed_off.digest(copy) == before) == (file.name == "README.md"), file.name
        file.write_text(kept, encoding="utf-8")
        if file.name != "README.md":
            file.rename(file.with_name(f"another{file.suffix}"))
            assert signed_off.digest(copy) != before
            file.with_name(f"another{file.suffix}").rename(file)
    assert signed_off.digest(copy) == before


def test_a_signature_counts_for_what_was_signed(tmp_path: Path) -> None:
    file = tmp_path / "versions.toml"
    text = '[[version]]\nnumber = 1\nday = 2026-11-29\nsha256 = "ab"\n'
    file.write_text(text, encoding="utf-8")
    assert not signed_off.versions(file)[0].is_signed
    file.write_text(f'{text}lawyer = "A Sample"\n', encoding="utf-8")
    assert not signed_off.versions(file)[0].is_signed
    file.write_text(f'{text}lawyer = "A Sample"\nsigned = 2027-01-15\n', encoding="utf-8")
    assert signed_off.versions(file)[0].is_signed
    file.write_text(f'{text}signed = "soon"\n', encoding="utf-8")
    with pytest.raises(ValueError, match="A day"):
        signed_off.versions(file)
