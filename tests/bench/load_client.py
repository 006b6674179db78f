"""Some clients of tests/bench/load.py, in a process of their own: a mixed day until time is up.

Reads what to do as JSON from stdin, and writes what came of it to stdout: the seconds that each
kind of request took, and each answer that was not as it should be.
"""

import json
import random
import sys
import threading
import time
from collections import defaultdict
from contextlib import closing
from typing import Any
from urllib.parse import urlencode

from tests.bench import serve
from tests.support.client_assertions import assertion, token_request

TOKEN_FOR_S = 240  # it is good for five minutes
# How often each is asked, of a hundred: a day of polling, with a referral now and then.
DAY = {"poll": 40, "feed": 22, "detail": 12, "open": 8, "search": 10, "refer and accept": 8}


class Clients:
    """So many threads; each has a connection of its own, as a partner system has."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked = asked
        self.took: dict[str, list[float]] = defaultdict(list)
        self.wrong: list[str] = []
        self._tokens: dict[str, str] = {}
        self._fetched = 0.0
        self._lock = threading.Lock()

    def run(self) -> None:
        threads = [
            threading.Thread(target=self._day, args=(random.Random(f"{self.asked['seed']} {at}"),))
            for at in range(self.asked["clients"])
        ]
        for one in threads:
            one.start()
        for one in threads:
            one.join()

    def _day(self, chance: random.Random) -> None:
        with closing(serve.Line(self.asked["port"])) as line:
            while time.time() < self.asked["until"] and len(self.wrong) < 20:
                kind = chance.choices(list(DAY), list(DAY.values()))[0]
                try:
                    self._do(line, kind, chance)
                except (OSError, ValueError, KeyError) as error:
                    self.wrong.append(f"{kind}: {error!r}")
                    return

    def _do(self, line: serve.Line, kind: str, chance: random.Random) -> None:
        packet = chance.choice(self.asked["packets"])
        me, officer = self.asked["advocate"], self.asked["officer"]
        if kind == "search" and self.asked["searches"]:
            self._ask(line, kind, "GET", "/v1/directory/services?search=shelter", "ywca")
        elif kind == "feed":
            self._ask(line, kind, "GET", "/v1/events?limit=100", "ywca")
        elif kind == "detail":
            self._ask(line, kind, "GET", f"/v1/referrals/{packet}", "ywca", me)
        elif kind == "open":
            path, body = f"/v1/referrals/{packet}/open_packet", {"purpose": "intake"}
            self._ask(line, kind, "POST", path, "ywca", me, body)
        elif kind == "refer and accept":
            notice = self.asked["notice"]
            made = self._ask(line, "refer", "POST", "/v1/referrals", "police", officer, notice, 201)
            for act in ("acknowledge", "accept"):
                self._ask(line, act, "POST", f"/v1/referrals/{made['id']}/{act}", "ywca", me, {})
        else:
            self._ask(line, "poll", "GET", "/v1/referrals?box=in", "ywca")

    def _ask(
        self,
        line: serve.Line,
        kind: str,
        method: str,
        path: str,
        agency: str,
        acting: str = "",
        body: dict[str, Any] | None = None,
        status: int = 200,
    ) -> Any:
        headers = {"Authorization": f"Bearer {self._token(line, agency)}"}
        if acting:
            headers["Acting-Member"] = acting
        text = b"" if body is None else json.dumps(body).encode()
        request = serve.request(method, path, headers, text)
        began = time.perf_counter()
        found, answer = line.ask(request)
        took = time.perf_counter() - began
        with self._lock:
            self.took[kind].append(took)
        if found != status:
            raise ValueError(f"{found} {answer[:200]!r}")
        return json.loads(answer)

    def _token(self, line: serve.Line, agency: str) -> str:
        """Fetched anew in time, by one of the threads for all."""
        with self._lock:
            if time.monotonic() - self._fetched > TOKEN_FOR_S or not self._tokens:
                url = f"http://127.0.0.1:{self.asked['port']}/oauth/token"
                form = {"Content-Type": "application/x-www-form-urlencoded"}
                for partner in self.asked["partners"]:
                    body = urlencode(token_request(assertion(partner, url))).encode()
                    _, answer = line.ask(serve.request("POST", "/oauth/token", form, body))
                    self._tokens[partner["agency"]] = json.loads(answer)["access_token"]
                self._fetched = time.monotonic()
            return self._tokens[agency]


def main() -> None:
    clients = Clients(json.load(sys.stdin))
    clients.run()
    json.dump({"took": clients.took, "wrong": clients.wrong}, sys.stdout)


if __name__ == "__main__":
    main()
