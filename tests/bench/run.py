"""The rounds: ours and bare in turn, together with the exact measures."""

import json
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from django.test import Client as HttpClient

from api.dev.postgres import Cluster
from permissions.identity import credentials
from permissions.models import Client
from tests.bench import directory, fill, plans, report, serve, wire
from tests.bench.rows import BARE, EXEMPT, OURS, Row, Sample
from tests.bench.serve import Line, Served
from tests.bench.yardstick import Yardstick
from tests.support.callers import member_id

WARM_UP = 60  # requests, so that each thread of a worker has its connection
LIST = "/v1/referrals?box=in"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run(
    cluster: Cluster,
    home: Path,
    referrals: list[int],
    services: list[int],
    rounds: int,
    requests: int,
    *,
    keep: bool,
) -> None:
    """Everything, and the report on stdout and in `home`/latest.json."""
    made = [(fill.make, f"bench_{size}", size, "referrals") for size in referrals]
    made += [(directory.make, f"bench_directory_{size}", size, "services") for size in services]
    for make, database, size, what in made:
        if keep and _is_there(cluster, database):
            say(f"{size:,} {what}: as the last run left them")
            continue
        began = time.monotonic()
        make(cluster, database, size)
        say(f"{size:,} {what} made in {time.monotonic() - began:.0f} s")
    with ExitStack() as stack:
        served = {
            (name, database): stack.enter_context(
                serve.serve(
                    cluster, home, application, f"{name}-{database}".replace("_", "-"), database
                )
            )
            for _, database, _, _ in made
            for name, application in ((OURS, "api.wsgi"), (BARE, "tests.bench.bare"))
        }
        served |= {
            (EXEMPT, f"bench_{size}"): stack.enter_context(
                serve.serve(
                    cluster, home, "api.wsgi", f"exempt-{size}", f"bench_{size}", exempt=True
                )
            )
            for size in referrals
        }
        yardstick = Yardstick(
            stack.enter_context(
                serve.serve(
                    cluster, home, "tests.bench.yardstick", "yardstick", made[0][1], threads=1
                )
            )
        )
        of_referrals = [row for size in referrals for row in _rows(cluster, size)]
        of_services = [
            row
            for size in services
            for row in directory.rows(cluster, f"bench_directory_{size}", size)
        ]
        rows = of_referrals + of_services
        for row in rows:
            _warm_up(home, served, _token(row.database), row)
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            yardstick.measure()
            for row in rows:
                token = _token(row.database)
                order = [OURS, BARE, *([EXEMPT] if row.exempt else [])]
                for name in order if number % 2 else reversed(order):
                    line = row.requests(token, requests)
                    row.samples[name].append(_measure(cluster, served[name, row.database], line))
        exact = {size: _exact(cluster, f"bench_{size}") for size in referrals}
    at_the_wire = {size: _at_the_wire(cluster, f"bench_{size}", rounds) for size in referrals}
    result = report.result(of_referrals, of_services, exact, at_the_wire, yardstick)
    (home / "latest.json").write_text(json.dumps(result, indent=1) + "\n")
    print(report.text(result))


def _rows(cluster: Cluster, size: int) -> list[Row]:
    database = f"bench_{size}"
    packets = [f"/v1/referrals/{one}/open_packet" for one in fill.sealed(cluster, database)]
    body = b'{"purpose":"intake"}'
    acting = member_id("ywca.worker")
    return [
        Row("inbox list", size, database, "GET", [LIST], exempt=True),
        Row("inbox, pages of 100", size, database, "GET", [f"{LIST}&limit=100"], records=100),
        Row("open a packet of 12", size, database, "POST", packets, body, acting, exempt=True),
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


def _warm_up(home: Path, served: dict[tuple[str, str], Served], token: str, row: Row) -> None:
    """Ask both sides, and see that they give the same answer."""
    answers = {}
    for name in (OURS, BARE, *([EXEMPT] if row.exempt else [])):
        with closing(Line(served[name, row.database].port)) as line:
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


def _at_the_wire(cluster: Cluster, database: str, rounds: int) -> dict[str, list[float]]:
    """Without HTTP: what row security adds to a read, and what it leaves of commits a second."""
    packet = fill.sealed(cluster, database)[0]
    acting = str(member_id("ywca.worker"))
    return wire.measure(cluster, database, _token(database), acting, packet, rounds)


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

    inbox(), opening()  # the statements are planned
    listed, opened = _sent(inbox), _sent(opening)
    principal = credentials.resolve_credential(token)
    assert principal is not None
    query = next(one for one in listed if "FROM referral " in one.query)
    with closing(cluster.connect_superuser(database)) as superuser:
        with_rls, without = plans.explain_both(superuser, principal, query, written_out=False)
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
