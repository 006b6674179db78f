"""Sends what schemathesis makes of the contract, as several callers, and judges each answer."""

import json
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

from api.contract.example_values import REQUESTS
from tests.support.people.callers import Caller
from tests.support.proofs import fuzz_cases, fuzz_checks
from tests.support.proofs.contract_shapes import operations
from tests.support.proofs.example_bodies import example_of
from tests.support.proofs.fuzz_cases import ABSENT, Case
from tests.support.proofs.fuzz_world import World

TOKEN = "issue_token"  # answers as RFC 6749 says, and has tests of its own (tests/identity)
VARIED = ("concern", "age_band", "household_size", "language", "interpreter", "urgency")
NOT_A_PAGE = {"cursor", "after", "from"}  # a right one is of this caller alone


@dataclass
class Result:
    cases: int = 0
    right: Counter[str] = field(default_factory=Counter)  # by operation: right ones by who may
    taken: Counter[str] = field(default_factory=Counter)  # of these, answered with 2xx
    faults: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def share(self) -> float:
        """How many of the right requests were answered with 2xx."""
        return sum(self.taken.values()) / max(1, sum(self.right.values()))

    def told(self) -> str:
        """What came of it, in one paragraph."""
        never = sorted(name for name in self.right if not self.taken[name])
        return (
            f"{self.cases:,} cases; {sum(self.right.values()):,} right ones, of which"
            f" {self.share:.0%} got 2xx; never: {', '.join(never) or 'none'};"
            f" refused with {dict(self.refused.most_common(12))}"
        )


class Fuzz:
    """One run: `number` decides every case of it."""

    def __init__(self, world: World, number: int) -> None:
        self.world, self.number = world, number
        self.chance = random.Random(number)
        self.result = Result()
        self.turn = 0

    def run(self, right: int, wrong: int, *, whole: bool) -> Result:
        """Send to each operation `right` requests that are right by who may, as many by the four
        callers in turn, and `wrong` that are not. `whole`: schemathesis makes the bodies, too."""
        for path, method, operation in operations():
            name = operation["operationId"]
            if name != TOKEN:
                self._right(path, method, operation, right, whole=whole)
                if wrong:
                    self._wrong(path, method, operation, wrong, whole=whole)
        return self.result

    def _cases(self, name: str, count: int, *, right: bool, whole: bool) -> Iterable[Case]:
        return fuzz_cases.made(name, count, self.number, right=right, with_bodies=whole)

    def _right(
        self, path: str, method: str, operation: dict[str, Any], count: int, *, whole: bool
    ) -> None:
        name = operation["operationId"]
        own = self.world.body(name) is not None
        for place, case in enumerate(self._cases(name, count, right=True, whole=whole and not own)):
            query = {key: one for key, one in case.query.items() if key not in NOT_A_PAGE}
            if place % 4 == 0:  # else a list is asked for in ways that leave nothing of it
                query = {key: one for key, one in query.items() if _is_needed(operation, key)}
            body = self._body(operation, case)
            mine = Case(self.world.path(operation), query, self._headers(operation), body)
            answer = self._send(path, method, operation, mine, self.world.right(operation))
            self.result.right[name] += 1
            if 200 <= answer.status_code < 300:
                self.result.taken[name] += 1
            else:
                code = json.loads(answer.content or b"{}").get("code", "")
                self.result.refused[f"{answer.status_code} {code}"] += 1
            others = self.world.others()
            self.turn += 1
            one = others[self.turn % len(others)]
            self._send(path, method, operation, mine._replace(query=case.query), one)

    def _wrong(
        self, path: str, method: str, operation: dict[str, Any], count: int, *, whole: bool
    ) -> None:
        name, right = operation["operationId"], self.world.path(operation, spent=True)
        caller = self.world.right(operation)
        for place, case in enumerate(self._cases(name, count, right=False, whole=whole)):
            headers = self._headers(operation)
            if place % 3 == 0:
                headers |= {key: one for key, one in case.headers.items() if _is_sendable(one)}
            way = case.path if place % 4 == 1 else right
            self._send(path, method, operation, Case(way, case.query, headers, case.body), caller)
        schema = fuzz_checks.body_schema(operation)
        if schema is None:
            return
        body = self._body(operation, Case({}, {}, {}, ABSENT))
        shape = fuzz_checks.resolved(schema)
        for wrong in list(fuzz_cases.spoilt(body, shape, self.chance))[: 2 * count + 2]:
            headers = self._headers(operation)
            self._send(path, method, operation, Case(right, {}, headers, wrong), caller)

    # -- One request

    def _body(self, operation: dict[str, Any], case: Case) -> Any:
        """A body that is right: the world's, else schemathesis's, else the example's."""
        name = operation["operationId"]
        media = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if media is None:
            return ABSENT
        body = self.world.body(name)
        if body is None and case.body is not ABSENT:
            return case.body
        if body is None:
            body = REQUESTS.get(name) or example_of(media)
        if name in ("put_notice", "create_referral"):
            members = fuzz_checks.resolved(media["schema"])["properties"]
            body = body | {one: self.chance.choice(members[one]["enum"]) for one in VARIED}
        return body

    def _headers(self, operation: dict[str, Any]) -> dict[str, str]:
        found = {}
        name = operation["operationId"]
        if operation.get("x-repeat") == "keyed" and self.chance.random() < 0.5:
            found["Idempotency-Key"] = str(uuid4())
        if "428" in operation["responses"]:
            found |= {"If-None-Match": "*"} if "_put_" in name else {"If-Match": "*"}
        return found

    def _send(
        self, path: str, method: str, operation: dict[str, Any], case: Case, caller: Caller
    ) -> Any:
        address = path
        for name, text in case.path.items():
            safe = text if "%" in str(text) else quote(str(text), safe="")
            address = address.replace(f"{{{name}}}", safe)
        query = urlencode({name: fuzz_checks.text_of(one) for name, one in case.query.items()})
        case = case._replace(body=self._within(case.body))
        content = b"" if case.body is ABSENT else _written(case.body)
        answer = caller.http.generic(
            method.upper(),
            f"{address}?{query}" if query else address,
            content,
            content_type="application/json",
            headers=caller.headers(case.headers),
        )
        body = None if case.body is ABSENT else case.body
        wrong = fuzz_checks.is_wrong(operation, case.path, case.query, body)
        fits = not any(one.startswith("path") for one in wrong)
        self.result.cases += 1
        for fault in fuzz_checks.faults(
            operation, answer, wrong=wrong, nobody=not caller.secret, path_fits=fits
        ):
            self.result.faults[f"{operation['operationId']}: {fault}"] += 1
        return answer

    def _within(self, body: Any) -> Any:
        """The body without an address of anyone: none is looked up, and no message leaves."""
        if isinstance(body, dict) and "//" in str(body.get("url", "")):
            return body | {"url": self.world.hook}
        return body


def _is_needed(operation: dict[str, Any], name: str) -> bool:
    return any(one["name"] == name and one.get("required") for one in operation["parameters"])


def _is_sendable(text: Any) -> bool:
    return isinstance(text, str) and text.isascii() and text.isprintable()


def _written(body: Any) -> bytes:
    """A body as JSON, or as it is: the generator also makes what is no JSON."""
    return body if isinstance(body, bytes) else json.dumps(body).encode()
