"""Where a text of SQL asks something: each condition of a policy or a function, found and dropped.

A condition is one operand of an AND or an OR, or a question that stands alone. To drop it is to
write `true` for it in an AND, `false` in an OR; one that stands alone is answered both ways.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

_TOKEN = re.compile(
    r"(?P<skip>\s+|--[^\n]*|/\*.*?\*/)|(?P<text>'(?:[^']|'')*')|(?P<word>[A-Za-z_][\w$]*)"
    r"|(?P<mark>::|:=|<=|>=|<>|!=|&&|@>|<@|\|\||[^\s\w])|(?P<number>\d[\w.]*)",
    re.DOTALL,
)
_AFTER_WHERE = {"ORDER", "GROUP", "LIMIT", "RETURNING", "FOR", "LOOP", "UNION", "HAVING", "WINDOW"}
_AFTER_WHERE |= {"ON", "DO"}  # ON CONFLICT … DO
_AFTER_ON = _AFTER_WHERE | {"JOIN", "LEFT", "RIGHT", "INNER", "CROSS", "WHERE", "SET"}
_ASKS = {"=", "<>", "!=", "<", ">", "<=", ">=", "&&", "@>", "<@", "AND", "OR", "IS", "EXISTS", "IN"}
_ASKS |= {"NOT", "ANY", "LIKE"}


class Token(NamedTuple):
    text: str  # words in capitals, strings as they are
    start: int
    end: int
    mate: int  # of a parenthesis or CASE: the index of what closes it; else its own


class Dropped(NamedTuple):
    condition: str  # what was taken away, on one line
    answer: str  # what stands there instead
    text: str  # the whole text without it


def dropped(source: str) -> Iterator[Dropped]:
    """The body of a function with one condition dropped, each in turn."""
    tokens = _tokens(source)
    for first, last, alone in sorted(set(_operands(tokens))):
        start, end = tokens[first].start, tokens[last].end
        condition = " ".join(re.sub(r"--[^\n]*", "", source[start:end]).split())
        for answer in ("true", "false") if alone is None else (("true",), ("false",))[alone]:
            if condition.lower() not in ("true", "false"):
                yield Dropped(condition, answer, f"{source[:start]}({answer}){source[end:]}")


def _tokens(source: str) -> list[Token]:
    found: list[tuple[str, int, int]] = []
    for one in _TOKEN.finditer(source):
        if one.lastgroup != "skip":
            word = one["word"]
            found.append((word.upper() if word else one[0], one.start(), one.end()))
    mates, opened = list(range(len(found))), []
    for place, (text, *_) in enumerate(found):
        if text in ("(", "[", "CASE"):
            opened.append(place)
        elif text in (")", "]") or (text == "END" and opened and found[opened[-1]][0] == "CASE"):
            mates[opened.pop()] = place
    return [Token(*one, mate) for one, mate in zip(found, mates, strict=True)]


def _walk(tokens: list[Token], first: int, last: int) -> Iterator[int]:
    """The places from first to last (both included) that are in no parenthesis."""
    place = first
    while place <= last:
        yield place
        place = tokens[place].mate + 1


def _until(tokens: list[Token], first: int, ends: set[str]) -> int:
    """The last place before one of `ends`, a semicolon, or the end of the parenthesis."""
    place = first
    while place < len(tokens):
        if tokens[place].text in ends | {";", ")", "END"}:
            break
        place = tokens[place].mate + 1
    return place - 1


Operand = tuple[int, int, int | None]  # first and last token; of an AND 0, of an OR 1, alone None


def _operands(tokens: list[Token]) -> Iterator[Operand]:
    # ON CONFLICT (…) WHERE names an index and asks nothing.
    names = {
        tokens[place + 1].mate + 1
        for place, token in enumerate(tokens)
        if token.text == "CONFLICT" and tokens[place + 1].text == "("
    }
    for place, token in enumerate(tokens):
        after = place + 1
        before = tokens[place - 1].text if place else ""
        if token.text in ("IF", "ELSIF", "WHEN") and before != "END":
            yield from _split(tokens, after, _until(tokens, after, {"THEN"}))
        elif token.text == "WHERE" and place not in names:
            yield from _of_a_query(tokens, after, _until(tokens, after, _AFTER_WHERE))
        elif token.text == "ON" and tokens[after].text not in ("CONFLICT", "CONSTRAINT", "("):
            yield from _of_a_query(tokens, after, _until(tokens, after, _AFTER_ON))
        elif token.text in ("THEN", "RETURN", ":="):  # where an answer is an expression
            yield from _asking(tokens, after, _until(tokens, after, {"WHEN", "ELSE"}))
        elif token.text == "SELECT":
            yield from _columns(tokens, after)


def _of_a_query(tokens: list[Token], first: int, last: int) -> Iterator[Operand]:
    """A query asks all of its conditions: one that stands alone is the only one of an AND."""
    for start, end, kind in _split(tokens, first, last):
        whole = (start, end) == (first, last) and kind is None
        yield start, end, 0 if whole else kind


def _columns(tokens: list[Token], first: int) -> Iterator[Operand]:
    while True:
        last = _until(tokens, first, {",", "INTO", "FROM", "AS"})
        yield from _asking(tokens, first, last)
        if last + 1 >= len(tokens) or tokens[last + 1].text != ",":
            return
        first = last + 2


def _asking(tokens: list[Token], first: int, last: int) -> Iterator[Operand]:
    """An expression that may be a question: only if it looks like one."""
    words = [tokens[place].text for place in _walk(tokens, first, last)]
    starts = ("IF", "SELECT", "INSERT", "UPDATE", "DELETE", "RETURN", "RAISE", "PERFORM", "QUERY")
    if words and not words[0].startswith(starts) and not {"BEGIN", ":="} & set(words):
        question = words[:2] == ["SEC", "."] and words[2].startswith(("IS_", "HAS_", "MAY_"))
        yields = question or bool(_ASKS & set(words))
        if yields and "SELECT" not in words:
            yield from _split(tokens, first, last)


def _split(tokens: list[Token], first: int, last: int) -> Iterator[Operand]:
    """The operands of one expression, and those inside each."""
    if first > last:
        return
    if first == last and tokens[first].text.startswith("'"):
        return  # CASE what WHEN 'member'
    if tokens[first].text == "(" and tokens[first].mate == last:
        yield from _split(tokens, first + 1, last - 1)
        return
    for word, kind in (("OR", 1), ("AND", 0)):
        cuts = [p for p in _walk(tokens, first, last) if tokens[p].text == word]
        if cuts:
            bounds = [first - 1, *cuts, last + 1]
            for left, right in pairwise(bounds):
                yield left + 1, right - 1, kind
                yield from _inside(tokens, left + 1, right - 1)
            return
    yield first, last, None
    yield from _inside(tokens, first, last)


def _inside(tokens: list[Token], first: int, last: int) -> Iterator[Operand]:
    """The parts of an operand: NOT (…), coalesce(…, false), (… OR …). The WHERE of a subquery is
    found at its own place."""
    for place in _walk(tokens, first, last):
        if tokens[place].text != "(" or tokens[place + 1].text in ("SELECT", ")"):
            continue
        inner = list(_walk(tokens, place + 1, tokens[place].mate - 1))
        commas = [p for p in inner if tokens[p].text == ","]
        end = commas[0] - 1 if commas else tokens[place].mate - 1
        before = tokens[place - 1].text if place else ""
        words = {tokens[p].text for p in _walk(tokens, place + 1, end)}
        if words & {"AND", "OR"} or before == "NOT" or (before == "COALESCE" and words & _ASKS):
            found = list(_split(tokens, place + 1, end))
            yield from (one for one in found if one[2] is not None or before != "NOT")
