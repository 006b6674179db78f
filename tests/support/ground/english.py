"""Words that do not belong in the texts of this repository, and where they are.

`python -m tests.support.ground.english [PATH …]` lists each one with its line, then counts by
folder, and ends with 1 if there is any. It reads comments, docstrings and sentences of Python,
comments and messages of SQL, texts of templates, Markdown, configuration and the contract. It
leaves out text between backticks, which is code. A PATH may be any pathspec of git, such as
':!api/desk'. CONTRIBUTING.md says what to write instead.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[3]


class Ban(NamedTuple):
    """One word or phrase. `instead`: what a reader expects."""

    name: str
    pattern: re.Pattern[str]
    instead: str
    stem: str  # a pattern; a text without it is not searched


class Found(NamedTuple):
    path: str
    line: int
    ban: Ban
    words: str


class Text(NamedTuple):
    """A piece of prose. `line`: where its first character is."""

    line: int
    words: str


def _ban(name: str, pattern: str, instead: str, stem: str = "") -> Ban:
    return Ban(name, re.compile(pattern, re.IGNORECASE), instead, stem or name)


# A subject is followed by what it does; an object follows a preposition or ends its clause.
_DOES = (
    r"(?:is|was|are|were|has|have|had|can|cannot|could|may|might|must|shall|should|will|would"
    r"|does|do|did|ever|yet|else|there|here|who|whom|of|at|in|comes|knows|[a-z]{2,}(?:[^s]s|ed))"
)
_PREPOSITION = (
    r"(?<!\bto )(?<!\bby )(?<!\bof )(?<!\bfor )(?<!\bfrom )(?<!\bwith )(?<!\babout )(?<!\bbut )"
    r"(?<!\bthan )(?<!\bat )(?<!\bin )(?<!\bon )"
)
# After the start of a text, or the end of a sentence.
_START = r"(?:\A|[.!?:]['\")]?\s+|\n\s*\n\s*)"

BANS = (
    _ban("ring", r"\b(?:rings?|rang|rung|ringing)\b", "call, phone, notify", r"\br[aiu]ng"),
    _ban("whoever", r"\bwhom?(?:so)?ever\b", "the person who, anyone who", "whom?(?:so)?ever"),
    _ban("nobody", rf"{_PREPOSITION}\bnobody\b(?=\s+{_DOES}\b)", "no one, or the passive"),
    _ban("somebody", rf"{_PREPOSITION}\bsomebody\b(?=\s+{_DOES}\b)", "a person, a member"),
    _ban(
        "stands in", r"\b(?:stands?|stood|standing)\s+in\b", "is in, is kept in", r"\bst(?:and|ood)"
    ),
    _ban(
        "hangs on",
        r"\b(?:hangs?|hung|hanging)\s+(?:on|at|from)\b",
        "depends on, belongs to",
        r"\bh[au]ng",
    ),
    _ban("beside", r"\bbeside\b", "next to, with, in addition to"),
    _ban("anew", r"\banew\b", "again"),
    _ban(
        "told",  # a person is told; an agency, a side or a row is not
        r"(?<!she )(?<!they )(?<!survivor )(?<!you )(?<!\bi )"
        r"\b(?:is|are|was|were|be|being|gets?)\s+"
        r"(?:(?:not|also|only|then|once|never|so)\s+)?told\b|\btold\s+(?:of|by|as|apart|anew)\b",
        "shown, notified, reported, recorded",
    ),
    _ban(
        "Of …,",
        rf"{_START}(?-i:Of)\s+(?!course\b)[a-z][^.,;:]{{0,80}},",
        "begin with the subject",
        r"\b(?-i:Of)\b",
    ),
    _ban("Whom …,", rf"{_START}(?-i:Whom)\s+[a-z]", "begin with the subject", r"\b(?-i:Whom)\b"),
)
STEMS = re.compile("|".join(ban.stem for ban in BANS), re.IGNORECASE)
# What a file may say all the same, by the name of the ban, and why.
ALLOWED = {
    ("directory/migrations/0001_initial.py", "whoever"): "a released migration is never edited",
}

CODE = re.compile(r"`[^`\n]*`|\bhttps?://\S+|[\w.-]*[/_][\w./-]+")


def violations(text: Text) -> Iterator[tuple[int, Ban, str]]:
    """Line, ban and excerpt of each banned word in `text`."""
    if not STEMS.search(text.words):
        return
    words = CODE.sub(lambda found: "x" * len(found[0]), text.words)
    for ban in BANS:
        for found in ban.pattern.finditer(words):
            offset = found.start() + len(found[0]) - len(found[0].lstrip(" \n.!?:'\")"))
            line = text.line + words.count("\n", 0, offset)
            excerpt = text.words[max(0, offset - 25) : found.end() + 30]
            yield line, ban, " ".join(excerpt.split())


# -- Where prose is --------------------------------------------------------------------------------

SQL_WORDS = re.compile(r"\b(?:SELECT|INSERT|UPDATE|DELETE|WHERE|FROM|VALUES|JOIN)\b")


def texts_of_python(source: str) -> Iterator[Text]:
    """Comments (adjacent ones as one text), docstrings, and strings that read as sentences."""
    if any(STEMS.search(comment) for comment in re.findall("#.*", source)):
        yield from _comments(source)  # reading tokens takes longest
    docstrings = set()
    for node in ast.walk(ast.parse(source)):  # a module or function comes before what is in it
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            docstrings.add(id(first.value) if isinstance(first, ast.Expr) else 0)
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and (id(node) in docstrings or _is_sentence(node.value))
        ):
            yield Text(node.lineno, node.value)


def _is_sentence(words: str) -> bool:
    return len(words.split()) >= 3 and not SQL_WORDS.search(words)


def _comments(source: str) -> Iterator[Text]:
    held: list[tuple[int, str]] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            line, words = token.start[0], token.string.lstrip("#")
            if held and line != held[-1][0] + 1:
                yield _joined(held)
                held = []
            held.append((line, words))
    if held:
        yield _joined(held)


def _joined(held: list[tuple[int, str]]) -> Text:
    return Text(held[0][0], "\n".join(words for _, words in held))


def texts_of_sql(source: str) -> Iterator[Text]:
    """Comments `--`, and messages between quotes that read as sentences."""
    held: list[tuple[int, str]] = []
    for number, line in enumerate(source.split("\n"), 1):
        found = re.match(r"\s*--(.*)", line)
        if found is None:
            for quoted in re.finditer(r"'((?:[^']|'')+)'", line.split("--")[0]):
                if _is_sentence(quoted[1]):
                    yield Text(number, quoted[1])
            if tail := re.search(r"--(.*)", line):
                yield Text(number, tail[1])
        if found is None or (held and number != held[-1][0] + 1):
            if held:
                yield _joined(held)
            held = []
        if found is not None:
            held.append((number, found[1]))
    if held:
        yield _joined(held)


def texts_of_html(source: str) -> Iterator[Text]:
    """Text of a template, without tags, code and style."""
    blank = lambda found: re.sub(r"[^\n]", " ", found[0])  # noqa: E731
    for pattern in (r"<(script|style)\b.*?</\1>", r"\{%.*?%\}", r"\{\{.*?\}\}"):
        source = re.sub(pattern, blank, source, flags=re.DOTALL)
    source = re.sub(
        r"<[^>]*?\b(?:title|aria-label|placeholder)=\"([^\"]*)\"[^>]*>", _attribute, source
    )
    yield Text(1, re.sub(r"<[^>]*>", blank, source))


def _attribute(found: re.Match[str]) -> str:
    return found[1] + re.sub(r"[^\n]", " ", found[0][len(found[1]) :])


def texts_of_prose(source: str) -> Iterator[Text]:
    """All of it but fenced and indented code."""
    lines, fenced = [], False
    for line in source.split("\n"):
        if line.startswith("```"):
            fenced = not fenced
        code = fenced or line.startswith(("    ", "```"))
        lines.append("" if code else line)
    yield Text(1, "\n".join(lines))


def texts_of_comments(source: str) -> Iterator[Text]:
    """Lines that begin with `#`, and what follows `#` behind a space; of YAML, plain text too."""
    held: list[tuple[int, str]] = []
    for number, line in enumerate(source.split("\n"), 1):
        found = re.search(r"(?:^|\s)#+\s?(.*)", line)
        if found and held and number == held[-1][0] + 1:
            held.append((number, found[1]))
        else:
            if held:
                yield _joined(held)
            held = [(number, found[1])] if found else []
    if held:
        yield _joined(held)


def texts_of_yaml(source: str) -> Iterator[Text]:
    """The whole file: descriptions and comments are most of what can be read there."""
    yield Text(1, source)


READERS = {
    ".py": texts_of_python,
    ".sql": texts_of_sql,
    ".html": texts_of_html,
    ".txt": texts_of_prose,
    ".md": texts_of_prose,
    ".yaml": texts_of_yaml,
    ".yml": texts_of_yaml,
    ".toml": texts_of_comments,
    ".conf": texts_of_comments,
    ".example": texts_of_comments,
    ".sh": texts_of_comments,
}
NAMED = {"Makefile": texts_of_comments, "Dockerfile": texts_of_comments, "run": texts_of_comments}
EXEMPT = re.compile(
    r"(?:^|/)support/ground/english\.py$|(?:^|/)test_english\.py$|\.lock$|^LICENSE$"
)


def check(path: Path) -> Iterator[Found]:
    """Banned words of one file, in the order of lines."""
    inside = path.is_relative_to(REPOSITORY)
    name = path.relative_to(REPOSITORY).as_posix() if inside else str(path)
    reader = READERS.get(path.suffix) or NAMED.get(path.name)
    if reader is None or EXEMPT.search(name):
        return
    source = path.read_text()
    if not STEMS.search(source):
        return
    found = [
        Found(name, line, ban, words)
        for text in reader(source)
        for line, ban, words in violations(text)
        if (name, ban.name) not in ALLOWED
    ]
    yield from sorted(found, key=lambda one: one.line)


def files(paths: Iterable[str]) -> Iterator[Path]:
    """What git keeps or would, below the paths; all of it without any."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *paths]
    said = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True)
    yield from (REPOSITORY / name for name in said.stdout.split("\n") if name)


def main(arguments: list[str]) -> int:
    """Print violations, then counts by folder. Returns 1 if there are any."""
    found = [one for path in files(arguments) if path.is_file() for one in check(path)]
    for path, line, ban, words in found:
        print(f"{path}:{line}: “{ban.name}” ({ban.instead}): {words}")
    folders = Counter("/".join(one.path.split("/")[:-1][:2]) or "." for one in found)
    names = Counter(one.ban.name for one in found)
    if found:
        print(f"\n{len(found)} in {len({one.path for one in found})} files. Words:", end=" ")
        print(", ".join(f"{name} {number}" for name, number in names.most_common()))
        for folder, number in sorted(folders.items()):
            print(f"{number:6}  {folder}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
