"""The rounds: ours and bare in turn, and what is exact beside them."""

import json
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from django.test import Client as HttpClient

from api.postgres import Cluster
from permissions import credentials
from permissions.models import Client
from tests.bench import fill, plans, report, serve
from tests.bench.serve import Line, Served
from tests.conftest import member_id

WARM_UP = 60  # requests, so that each thread of a worker has its connection
LIST = "/v1/referrals?box=in"
BARE, OURS = "bare", "ours"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass
class Sample:
    """One side's share of one round; milliseconds, CPU a request."""

    latency: float  # the median
    worker: float
    back_end: float

    @property
    def cpu(self) -> float:
        return self.worker + self.back_end


@dataclass
class Row:
    """One kind of request on one database."""

    title: str
    size: int
    method: str
    paths: list[str]
    body: bytes = b""
    acting: UUID | None = None
    samples: dict[str, list[Sample]] = field(default_factory=lambda: {OURS: [], BARE: []})

    def requests(self, token: str, count: int) -> list[bytes]:
        headers = {"Authorization": f"Bearer {token}"}
        if self.acting:
            headers["Acting-Member"] = str(self.acting)
        made = [serve.request(self.method, path, headers, self.body) for path in self.paths]
        return [made[number % len(made)] for number in range(count)]


def run(
    cluster: Cluster, home: Path, sizes: list[int], rounds: int, requests: int, *, keep: bool
) -> None:
    """Everything, and the report on stdout and in `home`/latest.json."""
    databases = {size: f"bench_{size}" for size in sizes}
    for size, database in databases.items():
        if keep and _is_there(cluster, database):
            say(f"{size:,} referrals: as the last run left them")
            continue
        began = time.monotonic()
        fill.make(cluster, database, size)
        say(f"{size:,} referrals made in {time.monotonic() - began:.0f} s")
    with ExitStack() as stack:
        served: dict[tuple[str, int], Served] = {}
        for size, database in databases.items():
            for name, application in (
                (OURS, "api.wsgi"),
                (BARE, "tests.bench.bare"),
            ):
                served[name, size] = stack.enter_context(
                    serve.serve(cluster, home, application, f"bench-{name}-{size}", database)
                )
        rows = [row for size, name in databases.items() for row in _rows(cluster, name, size)]
        for row in rows:
            _warm_up(home, served, _token(databases[row.size]), row)
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            for row in rows:
                token = _token(databases[row.size])
                order = (OURS, BARE) if number % 2 else (BARE, OURS)
                for name in order:
                    line = row.requests(token, requests)
                    row.samples[name].append(_measure(cluster, served[name, row.size], line))
        exact = {size: _exact(cluster, database) for size, database in databases.items()}
    result = report.result(rows, exact)
    (home / "latest.json").write_text(json.dumps(result, indent=1) + "\n")
    print(report.text(result))


def _rows(cluster: Cluster, database: str, size: int) -> list[Row]:
    packets = [f"/v1/referrals/{one}/open_packet" for one in fill.sealed(cluster, database)]
    body = b'{"purpose":"intake"}'
    return [
        Row("inbox list", size, "GET", [LIST]),
        Row("open a packet of 12", size, "POST", packets, body, member_id("ywca.worker")),
    ]


def _is_there(cluster: Cluster, database: str) -> bool:
    with closing(cluster.connect_superuser()) as superuser:
        cursor = superuser.cursor()
        cursor.execute("SELECT FROM pg_database WHERE datname = %s", [database])
        return cursor.rowcount == 1


def _token(database: str) -> str:
    """A fresh access token of the advocates' partner system, good for five minutes."""
    fill.point_at(database)
    client = Client.objects.get(id=fill.client_id("ywca"))
    secret = f"token-of-the-benchmark-{time.monotonic_ns()}"
    credentials.open_for_client(client, secret, client.scopes)
    return secret


def _warm_up(home: Path, served: dict[tuple[str, int], Served], token: str, row: Row) -> None:
    """Ask both sides, and see that they give the same answer."""
    answers = {}
    for name in (OURS, BARE):
        with closing(Line(served[name, row.size].port)) as line:
            for request in row.requests(token, WARM_UP):
                status, body = line.ask(request)
                if status != 200:
                    raise SystemExit(f"{row.title}, {name}: status {status}, {body[:300]!r}")
        answer = json.loads(body)
        own = ("next", "receipt")  # sealed, or new every time
        answers[name] = {key: value for key, value in answer.items() if key not in own}
    if answers[OURS] != answers[BARE]:
        (home / "differing.json").write_text(json.dumps(answers, indent=1))
        raise SystemExit(f"{row.title}: ours and bare differ, see {home}/differing.json.")


def _measure(cluster: Cluster, served: Served, requests: list[bytes]) -> Sample:
    workers = served.workers()
    back_ends = serve.back_ends(cluster, served.name)
    before = serve.cpu_of(workers), serve.cpu_of(back_ends)
    latencies = []
    with closing(Line(served.port)) as line:
        for request in requests:
            began = time.perf_counter()
            status, _body = line.ask(request)
            latencies.append(time.perf_counter() - began)
            if status != 200:
                raise SystemExit(f"{served.name}: status {status}")
    after = (
        serve.cpu_of(workers),
        serve.cpu_of(serve.back_ends(cluster, served.name)),
    )
    in_worker, in_back_ends = (
        serve.used(*pair) * 1000 / len(requests) for pair in zip(before, after, strict=True)
    )
    return Sample(statistics.median(latencies) * 1000, in_worker, in_back_ends)


# -- What is exact ---------------------------------------------------------------------------------


def _exact(cluster: Cluster, database: str) -> dict[str, Any]:
    """Statements a request, and the list's plan with row-level security and without."""
    token = _token(database)
    headers = {"Authorization": f"Bearer {token}"}
    http = HttpClient(SERVER_NAME="127.0.0.1")
    packet = fill.sealed(cluster, database)[0]
    acting = {"Acting-Member": str(member_id("ywca.worker"))}

    def inbox() -> Any:
        return http.get(LIST, headers=headers)

    def opening() -> Any:
        return http.post(
            f"/v1/referrals/{packet}/open_packet",
            {"purpose": "intake"},
            content_type="application/json",
            headers=headers | acting,
        )

    listed, opened = _sent(inbox), _sent(opening)
    principal = credentials.resolve(token)
    assert principal is not None
    query = next(one for one in listed if "FROM referral " in one.sql)
    with closing(cluster.connect_superuser(database)) as superuser:
        with_rls, without = plans.explain_both(superuser, principal, query)
    return {
        "statements": {
            "inbox list": [one.name for one in listed],
            "open a packet of 12": [one.name for one in opened],
        },
        "list": {
            "buffers": with_rls.buffers,
            "buffers_exempt": without.buffers,
            "shape": with_rls.shape,
            "same_shape": with_rls.shape == without.shape,
        },
    }


def _sent(ask: Callable[[], Any]) -> list[plans.Statement]:
    with plans.statements() as seen:
        answer = ask()
    assert answer.status_code == 200, answer.content
    return seen
