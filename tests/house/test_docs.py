"""docs/ against the code: links lead somewhere, cited rules are defined, named functions exist."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.contract import refusals
from api.desk.problem_texts import PROBLEMS

REPOSITORY = Path(__file__).resolve().parent.parent.parent
DOCS = REPOSITORY / "docs"
ADR = DOCS / "adr"
READ = (".py", ".sql", ".md", ".html", ".conf", ".example", ".yaml", ".yml", "Makefile")
CITES = re.compile(r"(?<![\w/.-])(R\d+|TH\d+|G\d+|T\d)(?![\w-])")  # T12:00 is a time
IN_A_NAME = re.compile(r"\bdef test_(?:\w*_)?(r\d+|th\d+|g\d+|t\d)(?=_|\()")

pytestmark = pytest.mark.static


def committed() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    said = subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True)
    if said.returncode:
        pytest.skip("not a git checkout")
    return [name for name in said.stdout.split("\n") if (REPOSITORY / name).is_file()]


def texts() -> Iterator[tuple[str, str]]:
    for name in committed():
        if name.endswith(READ) and name != "openapi/v1.yaml":
            yield name, (REPOSITORY / name).read_text()


def pages() -> list[Path]:
    return sorted(DOCS.rglob("*.md"))


def test_every_link_leads_to_a_file_and_a_heading() -> None:
    wrong = []
    for page in pages():
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            address, _, heading = target.partition("#")
            if "://" in target:
                continue
            found = (page.parent / address).resolve() if address else page
            if not found.exists() or (heading and heading not in headings(found)):
                wrong.append((page.name, target))
    assert wrong == []


def headings(page: Path) -> set[str]:
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", one.lower()).strip().replace(" ", "-") for one in found}


# -- Rules and records -----------------------------------------------------------------------------


def test_every_rule_that_is_cited_is_defined_once() -> None:
    text = (DOCS / "rules.md").read_text()
    defined = set(re.findall(r"^\*\*(R\d+)\.", text, re.MULTILINE))
    defined |= set(re.findall(r"^\| (T\d|TH\d+|G\d+) ", text, re.MULTILINE))
    acts = set(re.findall(r"^\| (\d+) \| [a-z(]", text, re.MULTILINE))
    assert len(defined) == 16 + 6 + 15 + 13
    assert acts == {str(n) for n in range(1, 31)}
    assert [
        (name, cited) for name, said in texts() for cited in rules_in(said) if cited not in defined
    ] == []
    numbers = re.findall(
        r"\bacts? (\d+)\b",
        " ".join(said for name, said in texts() if name.endswith((".py", ".sql"))),
    )
    assert set(numbers) <= acts


def rules_in(text: str) -> list[str]:
    """The rules that comments, texts and names of test functions cite."""
    return CITES.findall(text) + [found.upper() for found in IN_A_NAME.findall(text)]


def test_a_rule_that_does_not_exist_would_be_noticed() -> None:
    text = f"# (R{17}; TH{3}), at T12:00\ndef test_a_lead_of_g{14}_waits() -> None: ..."
    assert rules_in(text) == [f"R{17}", f"TH{3}", f"G{14}"]


def test_every_record_that_is_cited_exists_and_is_in_the_index() -> None:
    records = {path.name[:4]: path.name for path in ADR.glob("[0-9]*.md")}
    assert len(records) == len(list(ADR.glob("[0-9]*.md"))), "a number is used twice"
    index = (ADR / "README.md").read_text()
    assert [name for name in records.values() if f"({name})" not in index] == []
    cited = {found for _, said in texts() for found in re.findall(r"\bADR (\d{4})\b", said)}
    assert cited <= set(records)


def test_a_record_says_what_it_decides() -> None:
    for path in ADR.glob("[0-9]*.md"):
        parts = re.findall(r"^## (.+)$", path.read_text(), re.MULTILINE)
        assert parts[:3] == ["Context", "Decision", "Instead of"], path.name


def test_nothing_cites_a_paper_that_is_not_here() -> None:
    gone = re.compile(b"DECISION" + b"S|[Dd]esign \xc2\xa7")  # split, or this file would be found
    assert [name for name in committed() if gone.search((REPOSITORY / name).read_bytes())] == []


# -- Architecture ----------------------------------------------------------------------------------


def path_of_an_act() -> list[tuple[str, str]]:
    """The rows (file, function) of the table under "The way of an act"."""
    section = (DOCS / "architecture.md").read_text().split("## The way of an act")[1]
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", section.split("\n## ")[0], re.MULTILINE)
    assert rows
    return rows


@pytest.mark.parametrize(("file", "function"), path_of_an_act())
def test_what_architecture_names_is_there(file: str, function: str) -> None:
    source = (REPOSITORY / file).read_text()
    if file.endswith(".sql"):
        assert re.search(rf"FUNCTION {function}\(|CREATE POLICY {function} ON", source)
        return
    assert function in names(ast.parse(source))


def test_the_guide_of_refusals_has_each_code_in_the_words_of_its_page() -> None:
    guide = (DOCS / "guides" / "debug-a-refusal.md").read_text().split("## 6.")[1]
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| (.+) \| (.+) \|$", guide, re.MULTILINE)
    of_the_api = refusals.codes()
    assert {*of_the_api} <= {*PROBLEMS}
    assert rows == [
        (
            code,
            str(of_the_api[code].status) if code in of_the_api else "–",
            str(problem.happened),
            str(problem.do),
        )
        for code, problem in sorted(PROBLEMS.items())
    ]


def names(tree: ast.Module) -> set[str]:
    found = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}.{one.name}" for one in node.body if isinstance(one, ast.FunctionDef)
            }
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def test_files_that_docs_name_are_there() -> None:
    folders = "api|deploy|directory|docs|openapi|permissions|referrals|tests"
    wrong = []
    for page in pages():
        if page.parent == ADR:  # names of their day
            continue
        for path in re.findall(rf"`((?:{folders})/[\w./]+)`", page.read_text()):
            if not (REPOSITORY / path).exists():
                wrong.append((page.name, path))
    assert wrong == []


def test_each_limit_that_the_database_counts_is_on_the_page_of_limits() -> None:
    page = (DOCS / "guides" / "limits.md").read_text()
    counted = {
        name
        for file, said in texts()
        if file.endswith(".sql")
        for name in re.findall(r"sec\.use_limit\('(\w+)'", said)
    }
    assert counted
    assert {name for name in counted if f"`{name}`" not in page} == set()


def test_each_test_that_a_page_names_is_there() -> None:
    """docs/guides/consent-tests.md names them, so that a reviewer finds what shows a rule."""
    named = re.findall(
        r"`(tests/\S+\.py)::(test_\w+)`", (DOCS / "guides/consent-tests.md").read_text()
    )
    assert len(named) >= 20
    gone = [
        (file, name)
        for file, name in named
        if not re.search(rf"^def {name}\(", (REPOSITORY / file).read_text(), re.MULTILINE)
    ]
    assert gone == []
