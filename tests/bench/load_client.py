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
from typing import Any
from urllib.parse import urlencode

from tests.bench import serve
from tests.support.people.client_assertions import assertion, token_request

MOST_WRONG = 20
TOKEN_FOR_S = 240  # it is good for five minutes
# How often each is asked, of a hundred: a day of polling, with a referral now and then.
DAY = {"poll": 40, "feed": 22, "detail": 12, "open": 8, "search": 10, "refer and accept": 8}


class Clients:
    """What all threads share: the tokens, and what came of the requests."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked = asked
        self.took: dict[str, list[float]] = defaultdict(list)
        self.wrong: list[str] = []
        self.connected_again = 0
        self.lock = threading.Lock()
        self._tokens: dict[str, str] = {}
        self._fetched = 0.0

    def run(self) -> None:
        threads = [Client(self, at) for at in range(self.asked["clients"])]
        for one in threads:
            one.start()
        for one in threads:
            one.join()

    def token(self, line: serve.Line, agency: str) -> str:
        """Fetched again in time, by one of the threads for all."""
        with self.lock:
            if time.monotonic() - self._fetched > TOKEN_FOR_S or not self._tokens:
                url = f"http://127.0.0.1:{self.asked['port']}/oauth/token"
                form = {"Content-Type": "application/x-www-form-urlencoded"}
                for partner in self.asked["partners"]:
                    body = urlencode(token_request(assertion(partner, url))).encode()
                    _, answer = line.ask(serve.request("POST", "/oauth/token", form, body))
                    self._tokens[partner["agency"]] = json.loads(answer)["access_token"]
                self._fetched = time.monotonic()
            return self._tokens[agency]


class Client(threading.Thread):
    """One client with a connection of its own, as a partner system has: one request after the
    other, each drawn from the day."""

    def __init__(self, shared: Clients, number: int) -> None:
        super().__init__()
        self.shared, self.asked = shared, shared.asked
        self._chance = random.Random(f"{self.asked['seed']} {number}")
        self._line = serve.Line(self.asked["port"])

    def run(self) -> None:
        shared = self.shared
        while time.time() < self.asked["until"] and len(shared.wrong) < MOST_WRONG:
            kind = self._chance.choices(list(DAY), list(DAY.values()))[0]
            try:
                self._do(kind)
            except (OSError, ValueError, KeyError) as error:
                shared.wrong.append(f"{kind}: {error!r}")
        self._line.close()

    def _do(self, kind: str) -> None:
        packet = f"/v1/referrals/{self._chance.choice(self.asked['packets'])}"
        me, officer = self.asked["advocate"], self.asked["officer"]
        if kind == "search" and self.asked["searches"]:
            self._ask(kind, "GET", "/v1/directory/services?search=shelter", "ywca")
        elif kind == "feed":
            self._ask(kind, "GET", "/v1/events?limit=100", "ywca")
        elif kind == "detail":
            self._ask(kind, "GET", packet, "ywca", me)
        elif kind == "open":
            self._ask(kind, "POST", f"{packet}/open_packet", "ywca", me, {"purpose": "intake"})
        elif kind == "refer and accept":
            notice = self.asked["notice"]
            made = self._ask("refer", "POST", "/v1/referrals", "police", officer, notice, 201)
            for act in ("acknowledge", "accept"):
                self._ask(act, "POST", f"/v1/referrals/{made['id']}/{act}", "ywca", me, {})
        else:
            self._ask("poll", "GET", "/v1/referrals?box=in", "ywca")

    def _ask(
        self,
        kind: str,
        method: str,
        path: str,
        agency: str,
        acting: str = "",
        body: dict[str, Any] | None = None,
        status: int = 200,
    ) -> Any:
        headers = {"Authorization": f"Bearer {self.shared.token(self._line, agency)}"}
        if acting:
            headers["Acting-Member"] = acting
        text = b"" if body is None else json.dumps(body).encode()
        request = serve.request(method, path, headers, text)
        began = time.perf_counter()
        try:
            found, answer = self._line.ask(request)
        except ConnectionError:  # a server ends a process after so many requests
            self._line.close()
            self._line = serve.Line(self.asked["port"])
            self.shared.connected_again += 1
            found, answer = self._line.ask(request)
        took = time.perf_counter() - began
        with self.shared.lock:
            self.shared.took[kind].append(took)
        if found != status:
            raise ValueError(f"{found} {answer[:200]!r}")
        return json.loads(answer)


def main() -> None:
    clients = Clients(json.load(sys.stdin))
    clients.run()
    found = {"took": clients.took, "wrong": clients.wrong, "again": clients.connected_again}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
