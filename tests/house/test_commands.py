"""The commands of `manage.py`: their help, their examples, and the pages that name them."""

import re
import shlex
from collections.abc import Iterator
from uuid import UUID

import pytest

from tests.support.ground.commands import our_commands, parser_of, verb_parsers, verbs_of
from tests.support.ground.repository import REPOSITORY

GUIDE = "docs/guides/commands.md"
PAGES = (GUIDE, "deploy/RUNBOOK.md", "README.md", "CHANGELOG.md", "docs/release-checklist.md")
VERBS = [(name, verb) for name in our_commands() for verb in verb_parsers(name)]

pytestmark = pytest.mark.static


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


def read(name: str) -> str:
    return (REPOSITORY / name).read_text().replace("\\\n", " ")


def lines_to_type(text: str) -> Iterator[list[str]]:
    """The words after `manage.py` of each indented line; placeholders are filled in."""
    for line in re.findall(r"^ {2,}manage\.py (.+)$", text.replace("\\\n", " "), re.MULTILINE):
        words = shlex.split(line, comments=True)
        if "…" not in line and "--help" not in words:
            words = words[: words.index(">")] if ">" in words else words
            yield [str(UUID(int=1)) if word == "ID" else word for word in words]


def test_the_guide_lists_exactly_the_commands_that_there_are() -> None:
    listed = re.findall(r"^\| `manage\.py ([\w-]+)(?: ([\w-]+))?`", read(GUIDE), re.MULTILINE)
    assert len(listed) == len(set(listed)), "one is listed twice"
    assert set(listed) == {(name, verb) for name in our_commands() for verb in verbs_of(name)}


@pytest.mark.parametrize("name", our_commands())
def test_a_command_explains_itself_within_a_hundred_columns(name: str) -> None:
    for verb, parser in {"": parser_of(name), **verb_parsers(name)}.items():
        said = parser.format_help()
        assert max(map(len, said.splitlines())) <= 100, verb
        assert parser.description, verb
        assert {one.dest for one in parser._actions if one.help is None} <= {"verb"}, verb


@pytest.mark.parametrize(("name", "verb"), VERBS)
def test_an_example_is_kept_line_by_line_and_is_taken(name: str, verb: str) -> None:
    parser = verb_parsers(name)[verb]
    examples = (parser.epilog or "").removeprefix("examples:\n")
    assert examples in parser.format_help()
    for words in lines_to_type(examples):
        assert words[:2] == [name, verb]
        assert parser_of(name).parse_args(words[1:]).verb == verb


@pytest.mark.parametrize("page", PAGES)
def test_a_line_to_type_is_taken_by_the_command_that_it_names(page: str) -> None:
    for words in lines_to_type(read(page)):
        if words[0] in our_commands():
            assert parser_of(words[0]).parse_args(words[1:])


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_no_verb_that_there_is_not(page: str) -> None:
    for name, verb in re.findall(r"manage\.py ([a-z_]+) ([a-z][\w-]*)", read(page)):
        if verb_parsers(name):
            assert verb in verbs_of(name), (name, verb)


def test_the_examples_are_found() -> None:
    examples = [verb_parsers(name)[verb].epilog for name, verb in VERBS]
    assert len(list(filter(None, examples))) >= 15
    assert len(list(lines_to_type(read("deploy/RUNBOOK.md")))) >= 15
