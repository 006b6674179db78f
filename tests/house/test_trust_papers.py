"""docs/trust/: no row is missing, and each claim's evidence is there (docs/trust/README.md).

A paper that names a test which was renamed, or a file that is gone, fails here.
"""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.support.ground.repository import REPOSITORY

pytestmark = pytest.mark.static

TRUST = REPOSITORY / "docs" / "trust"
PAGES = sorted(TRUST.glob("*.md"))
FOLDERS = "api|deploy|directory|docs|openapi|permissions|referrals|tests|\\.github"

# The requirements of levels 1 and 2 of OWASP ASVS 5.0.0, by chapter: section, then numbers.
ASVS = {
    "V1": "1:1-2 2:1-9 3:1-11 4:1-3 5:1-2",
    "V2": "1:1-3 2:1-3 3:1-4 4:1",
    "V3": "2:1-2 3:1-4 4:1-6 5:1-5 7:1-2",
    "V4": "1:1-3 2:1 3:1-2 4:1-4",
    "V5": "1:1 2:1-3 3:1-2 4:1-3",
    "V6": "1:1-3 2:1-12 3:1-4 4:1-4 5:1-5 6:1-3 8:1-4",
    "V7": "1:1-3 2:1-4 3:1-2 4:1-5 5:1-2 6:1-2",
    "V8": "1:1-2 2:1-3 3:1 4:1",
    "V9": "1:1-3 2:1-4",
    "V10": "1:1-2 2:1-2 3:1-4 4:1-11 5:1-5 6:1-2 7:1-3",
    "V11": "1:1-2 2:1-3 3:1-3 4:1-4 5:1 6:1",
    "V12": "1:1-3 2:1-2 3:1-4",
    "V13": "1:1 2:1-5 3:1-2 4:1-5",
    "V14": "1:1-2 2:1-4 3:1-3",
    "V15": "1:1-3 2:1-3 3:1-7",
    "V16": "1:1 2:1-5 3:1-4 4:1-3 5:1-3",
    "V17": "1:1 2:1-4 3:1-2",
}
# The standards of 45 CFR 164.308 to 164.316 and what each is made of.
HIPAA = {
    "164.308": "(a)(1)(ii)(A) (a)(1)(ii)(B) (a)(1)(ii)(C) (a)(1)(ii)(D) (a)(2) (a)(3)(ii)(A)"
    " (a)(3)(ii)(B) (a)(3)(ii)(C) (a)(4)(ii)(A) (a)(4)(ii)(B) (a)(4)(ii)(C) (a)(5)(ii)(A)"
    " (a)(5)(ii)(B) (a)(5)(ii)(C) (a)(5)(ii)(D) (a)(6)(ii) (a)(7)(ii)(A) (a)(7)(ii)(B)"
    " (a)(7)(ii)(C) (a)(7)(ii)(D) (a)(7)(ii)(E) (a)(8) (b)(1)",
    "164.310": "(a)(2)(i) (a)(2)(ii) (a)(2)(iii) (a)(2)(iv) (b) (c) (d)(2)(i) (d)(2)(ii)"
    " (d)(2)(iii) (d)(2)(iv)",
    "164.312": "(a)(2)(i) (a)(2)(ii) (a)(2)(iii) (a)(2)(iv) (b) (c)(1) (c)(2) (d) (e)(2)(i)"
    " (e)(2)(ii)",
    "164.314": "(a) (b)",
    "164.316": "(a) (b)(1) (b)(2)(i) (b)(2)(ii) (b)(2)(iii)",
}
# The controls of the CJIS Security Policy 6.0 (those of NIST SP 800-53), by family.
CJIS = {
    "AC": "1-8 11-12 14 17-22",
    "AT": "1-4",
    "AU": "1-9 11-12",
    "CA": "1-3 5-7 9",
    "CM": "1-12",
    "CP": "1-4 6-10",
    "IA": "1-8 11-12",
    "IR": "1-8",
    "MA": "1-6",
    "MP": "1-7",
    "PE": "1-6 8-17",
    "PL": "1-2 4 8-11",
    "PS": "1-9",
    "RA": "1-3 5 7 9",
    "SA": "1-5 8-11 15 22",
    "SC": "1-2 4-5 7-8 10 12-13 15 17-18 20-23 28 39",
    "SI": "1-5 7-8 10-12 16",
    "SR": "1-3 5-6 8 10-12",
}
VERDICTS = ("met", "partly", "operator", "not applicable", "open")


def asvs_ids() -> list[str]:
    found = []
    for chapter, sections in ASVS.items():
        for part in sections.split():
            section, numbers = part.split(":")
            first, _, last = numbers.partition("-")
            found += [f"{chapter}.{section}.{n}" for n in range(int(first), int(last or first) + 1)]
    return found


def rows(page: Path) -> list[list[str]]:
    """The cells of each row of the page's tables, without their heads."""
    found = []
    for line in page.read_text().splitlines():
        if line.startswith("|") and not line.startswith("| ---"):
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def gone(text: str) -> list[str]:
    """What a text names as evidence that is not in the repository."""
    missing = []
    for path, name in re.findall(rf"`((?:{FOLDERS})/[\w./-]*)(?:::(test_\w+))?`", text):
        file = REPOSITORY / path
        if not file.exists() or (name and f"def {name}(" not in file.read_text()):
            missing.append(f"{path}::{name}" if name else path)
    return missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_as_evidence_is_there(page: Path) -> None:
    assert gone(page.read_text()) == []


def test_evidence_that_is_gone_would_be_noticed() -> None:
    here = "tests/house/test_trust_papers.py"
    assert gone(f"`{here}::test_evidence_that_is_gone_would_be_noticed` `{here}`") == []
    assert gone(f"`{here}::test_renamed` `tests/gone.py`") == [
        f"{here}::test_renamed",
        "tests/gone.py",
    ]


def test_every_requirement_of_asvs_level_2_has_a_row_and_a_verdict() -> None:
    table = [row for row in rows(TRUST / "asvs.md") if re.match(r"V\d", row[0])]
    assert [row[0] for row in table] == asvs_ids()
    for number, words, verdict, evidence in table:
        assert words, number
        assert verdict in VERDICTS, number
        if verdict in ("met", "partly"):
            assert re.search(r"`[\w./-]+[\w](?:::\w+)?`", evidence), number
        if verdict in ("partly", "not applicable", "open"):
            said = re.sub(r"`[^`]*`|[;\s]", "", evidence)
            assert said, f"{number} does not say why"


def test_the_page_counts_its_verdicts_as_they_are() -> None:
    table = [row for row in rows(TRUST / "asvs.md") if re.match(r"V\d", row[0])]
    counts = Counter(row[2] for row in table)
    said = re.search(r"^Of (\d+): (.+)\.$", (TRUST / "asvs.md").read_text(), re.MULTILINE)
    assert said
    assert int(said[1]) == len(table)
    assert said[2] == ", ".join(f"{counts[one]} {one}" for one in VERDICTS)


def test_every_standard_of_the_security_rule_has_a_row() -> None:
    table = [row for row in rows(TRUST / "hipaa.md") if row[0].startswith("164.")]
    assert [re.sub(r" \([AR]\)$", "", row[0]) for row in table] == [
        section + part for section, parts in HIPAA.items() for part in parts.split()
    ]
    for section, _, software, operator in table:
        assert software, section
        assert operator, section
        assert {software, operator} != {"–"}, f"{section}: no one does it"


def numbers(parts: str) -> set[int]:
    """`1-3 5`: 1, 2, 3 and 5."""
    found: set[int] = set()
    for part in parts.split():
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def test_every_control_of_cjis_has_one_row_and_someone_who_does_it() -> None:
    table = [row for row in rows(TRUST / "cjis.md") if re.match(r"[A-Z]{2}-\d", row[0])]
    named = [one for row in table for one in row[0].split(", ")]
    wanted = {f"{family}-{one}" for family, parts in CJIS.items() for one in numbers(parts)}
    assert {name for name, times in Counter(named).items() if times > 1} == set()
    assert set(named) == wanted
    for control, _asked, software, operator in table:
        assert {software, operator} != {"–"}, f"{control}: no one does it"


def test_every_threat_is_in_the_model() -> None:
    rules = (REPOSITORY / "docs" / "rules.md").read_text()
    defined = re.findall(r"^\| (TH\d+) ", rules, re.MULTILINE)
    table = {row[0]: row for row in rows(TRUST / "threat-model.md")}
    assert set(defined) == {name for name in table if name.startswith("TH")}
    for name in defined:
        assert re.search(r"`tests/", table[name][3]), f"{name} names no test"


def test_each_page_is_in_the_index_and_says_where_a_lawyer_is_needed() -> None:
    index = (TRUST / "README.md").read_text()
    assert [page.name for page in PAGES if page.name not in index] == ["README.md"]
    for name in ("hipaa.md", "cjis.md", "incident.md"):
        assert "**Lawyer" in (text := (TRUST / name).read_text()) or "**lawyer" in text, name


def test_the_runbook_of_incidents_names_commands_that_there_are() -> None:
    guide = (REPOSITORY / "docs" / "guides" / "commands.md").read_text()
    for noun, verb in re.findall(
        r"`(?:manage\.py )([a-z]+) ([a-z]+)`", (TRUST / "incident.md").read_text()
    ):
        assert re.search(rf"\b{noun}\b.*\b{verb}\b", guide), (noun, verb)
