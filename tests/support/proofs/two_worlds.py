"""The same days of one person twice: in a world with a referral that bars them, and in one without.

Whatever a route answers them is written in words that mean the same in both: an id is the number of
its first appearance, a time the step of the story in which it was.
"""

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.support.people.callers import Caller
from tests.support.people.desk_pages import at_the_desk
from tests.support.people.stories import service_of
from tests.support.proofs import routes
from tests.support.proofs.matrix import TryOut

IN_TEXT = re.compile(
    r"(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    r"|(?P<at>20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))"
    r"|(?P<http_date>[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT)"
    # Drawn by lot, each as long as any other: a referral's reference, a cursor or another sealed
    # text, an ETag (in FHIR a versionId, too), a form's token.
    r'|(?P<version>(?<="versionId":")[0-9a-f]{16})'
    r"|(?P<lot>(?<![\w-])[A-Z](?:\xa0?[A-Z]){5}(?![\w-])|[\w-]{43,})"
    r'|(?P<duration>(?<="took_ms":)\d+)'
    # What a page writes of a time; the API's answers hold the same to the microsecond.
    r"|(?P<hour>\b(?:20\d\d-\d\d-\d\dT)?\d?\d:\d\d(?::\d\d)?(?:\s[ap]\.?m\b\.?)?"
    r"|\b\d+ (?:ms|min|minutes?|hours?)\b)"
    r'|(?P<second>(?<=data-(?:now|due)=")\d+)'  # for the script that makes times move
)
# The same for everyone, to the byte. The times in their examples are of no story.
FILES = ("docs/v1.yaml", "docs/hsds.json", "docs/changes.md")
QUARTER = 15 * 60  # seconds: deadlines are as many of these after what starts them


class World:
    """`who` lives in it; `begin` makes the referral that is theirs."""

    def __init__(self, api: Callable[..., Caller], who: str) -> None:
        self.api, self.who = api, who
        self.began = datetime.now(UTC).isoformat().replace("+", "%2B")
        self.elsewhere = service_of("sarc")
        self.caller = api(who)
        self._steps: list[tuple[str, float]] = []  # each with the time at which it begins
        self._ids: dict[str, int] = {}

    def begin(self, webhook: str, try_out: TryOut | None = None) -> None:
        self.try_out, self.webhook = try_out or TryOut(self.api), webhook

    def step(self, name: str) -> None:
        """What happens from now on is this step, until the next one begins."""
        self._steps.append((name, time.time()))

    def in_words(self, text: str) -> str:
        return IN_TEXT.sub(self._word, text)

    def _word(self, found: re.Match[str]) -> str:
        if found["id"]:
            return f"<id {self._ids.setdefault(found[0], len(self._ids))}>"
        if found["at"]:
            return self._moment(datetime.fromisoformat(found[0]).timestamp(), found[0])
        kind = found.lastgroup
        return f"<{len(found[0])} {kind}>" if kind == "lot" else f"<{kind}>"

    def _moment(self, at: float, text: str) -> str:
        if at < self._steps[0][1]:  # of before the story: it is the same in both worlds
            return text
        ends = [began for _, began in self._steps[1:]] + [time.time()]
        for (name, began), ended in zip(self._steps, ends, strict=True):
            quarters, after = divmod(at - began, QUARTER)
            if after <= ended - began:
                return f"<{name} + {quarters:.0f} quarters>"
        return text

    def answers(
        self, left_out: set[str], queries: dict[str, list[str]], turn: tuple[int, int] = (0, 1)
    ) -> dict[str, Any]:
        """What each GET route answers the person, by the API and at the desk; the new ones too.
        `turn`: of the routes, which of how many parts."""
        found = {}
        self.caller = self.api(self.who)  # a system's token lives five minutes
        desk: Any = None if self.who.endswith("client") else at_the_desk(self.who)
        first, parts = turn
        for route, pattern in list(routes.served())[first::parts]:
            if "GET" not in routes.methods_of(pattern) or route in left_out:
                continue
            for query in queries.get(route, [""]):
                path = self.try_out.address(route)
                if "webhook_id" in route:
                    path = path.replace(routes.NOWHERE, self.webhook)
                if query:
                    path += ("&" if "?" in path else "?") + query.format(since=self.began)
                asks = self.caller if route.startswith(routes.FACES) or desk is None else desk
                found[f"{route} {query}"] = self._said(asks.get(path), raw=route in FILES)
        return found

    def said(self, ask: Callable[[Caller], Any]) -> Any:
        """What the person is answered by the API."""
        return self._said(ask(self.caller))

    def _said(self, answer: Any, *, raw: bool = False) -> Any:
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        headers = {name: text for name, text in answer.items() if name not in HEADERS_LEFT_OUT}
        text = json.dumps(headers, sort_keys=True) + content.decode(errors="replace")
        return answer.status_code, text if raw else self.in_words(text)


def within_half_an_hour(both: Callable[[], tuple[Any, Any]]) -> tuple[Any, Any]:
    """Live both worlds between two half hours of the clock: what opens or closes at one of them has
    nothing to do with what differs. A pair that one came between is lived again, whatever it says;
    a pair takes two minutes at most."""
    while True:
        began = time.time() // 1800
        found = both()
        if time.time() // 1800 == began:
            return found


# A length is compared as the text that has it.
HEADERS_LEFT_OUT = routes.OWN_TO_EACH_ANSWER | {"Content-Length", "ETag"}


def difference(one: Any, other: Any) -> str:
    """Where two answers part, in the words of both; empty if nowhere."""
    if one == other:
        return ""
    first, second = str(one), str(other)
    at = next((n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), 0)
    return f"…{first[max(at - 80, 0) : at + 80]}… | …{second[max(at - 80, 0) : at + 80]}…"
