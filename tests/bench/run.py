"""The rounds: ours, bare and the peers in turn, together with the exact measures."""

import json
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.test import Client as HttpClient

from api.dev import demo
from api.dev.postgres import Cluster
from permissions.identity import credentials
from permissions.models import Client
from tests.bench import directory, fill, journey, plans, report, serve, wire
from tests.bench.journey import Journey
from tests.bench.rows import BARE, EXEMPT, FASTAPI, OURS, PEERS, Row, comparable, measured
from tests.bench.serve import Served
from tests.bench.yardstick import Yardstick
from tests.support.people.callers import member_id
from tests.support.people.client_assertions import assertion, token_request
from tests.support.people.desk_pages import at_the_desk

WARM_UP = 20  # requests
LIST = "/v1/referrals?box=in"
NOWHERE = "/v1/referrals/01890000-0000-7000-8000-000000000004"


@dataclass(frozen=True)
class Asked:
    """What a run is asked for."""

    referrals: list[int]
    services: list[int]
    rounds: int
    requests: int  # a round, row and side; of an act, a sixth
    full: bool  # also the exempt role, the wire and the plans
    keep: bool  # the databases of the last run
    peers: Path | None  # their environment


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run(cluster: Cluster, home: Path, asked: Asked) -> dict[str, Any]:
    """Everything, and the report on stdout and in `home`/latest.json."""
    made = [(fill.make, f"bench_{size}", size, "referrals") for size in asked.referrals]
    made += [
        (directory.make, f"bench_directory_{size}", size, "services") for size in asked.services
    ]
    for make, database, size, what in made:
        if asked.keep and _is_there(cluster, database):
            say(f"{size:,} {what}: as the last run left them")
            continue
        began = time.monotonic()
        make(cluster, database, size)
        say(f"{size:,} {what} made in {time.monotonic() - began:.0f} s")
    with ExitStack() as stack:
        served = _serve(stack, cluster, home, asked)
        yardstick = Yardstick(
            stack.enter_context(
                serve.serve(
                    cluster, home, "tests.bench.yardstick", "yardstick", made[0][1], threads=1
                )
            )
        )
        of_referrals = [row for size in asked.referrals for row in _rows(cluster, size, asked)]
        of_services = [
            row
            for size in asked.services
            for row in directory.rows(cluster, f"bench_directory_{size}", size, full=asked.full)
        ]
        journeys = [Journey(cluster, f"bench_{size}", size) for size in asked.referrals]
        rows = of_referrals + of_services
        for row in rows:
            row.sides = tuple(name for name in row.sides if (name, row.database) in served)
            _warm_up(home, served, row)
        for one in journeys:
            for name in (OURS, BARE, *PEERS):
                _go(one, name, served, asked.requests // 6, kept=False)
            _check(home, one)
        for number in range(asked.rounds):
            say(f"round {number + 1} of {asked.rounds}")
            yardstick.measure()
            for row in rows:
                token = _tokens(row.database)["ywca"]
                for name in row.sides if number % 2 else reversed(row.sides):
                    to = served[name, row.database]
                    requests = row.requests(to, token, asked.requests)
                    row.samples[name].append(measured(cluster, to, requests, row.status)[0])
            for one in journeys:
                for name in (OURS, BARE, *PEERS) if number % 2 else (*PEERS, BARE, OURS):
                    _go(one, name, served, asked.requests // 6, kept=True)
        full = asked.referrals if asked.full else []
        exact = {size: _exact(cluster, f"bench_{size}") for size in full}
    at_the_wire = {size: _at_the_wire(cluster, f"bench_{size}", asked.rounds) for size in full}
    of_referrals += [row for one in journeys for row in one.rows.values()]
    result = report.result(of_referrals, of_services, exact, at_the_wire, yardstick)
    (home / "latest.json").write_text(json.dumps(result, indent=1) + "\n")
    return result


def _serve(
    stack: ExitStack, cluster: Cluster, home: Path, asked: Asked
) -> dict[tuple[str, str], Served]:
    """Each side on each of its databases."""
    found = {}
    of_referrals = [f"bench_{size}" for size in asked.referrals]
    of_services = [f"bench_directory_{size}" for size in asked.services]
    for database in of_referrals + of_services:
        sides = {OURS: "api.wsgi", BARE: "tests.bench.bare"}
        if database in of_referrals:
            write_open_acts(home, database)
            sides |= {EXEMPT: "api.wsgi"} if asked.full else {}
            sides |= PEERS if asked.peers else {}
        for name, application in sides.items():
            found[name, database] = stack.enter_context(
                serve.serve(
                    cluster,
                    home,
                    application,
                    f"{name}-{database}".replace("_", "-").replace(" ", ""),
                    database,
                    exempt=name == EXEMPT,
                    threads=1,  # what is prepared once a connection is soon prepared
                    peers=asked.peers if name in PEERS else None,
                )
            )
    return found


def _rows(cluster: Cluster, size: int, asked: Asked) -> list[Row]:
    database = f"bench_{size}"
    fill.point_at(database)
    packets = [f"/v1/referrals/{one}" for one in fill.sealed(cluster, database)]
    acting = member_id("ywca.worker")
    partner = next(one for one in demo.load()["clients"] if one["agency"] == "ywca")
    cookies = at_the_desk("ywca.worker").http.cookies
    at_desk = {"Cookie": "; ".join(f"{name}={one.value}" for name, one in cookies.items())}
    exempt = {"sides": (*Row("", 0, "").sides, EXEMPT)} if asked.full else {}

    def tokens(served: Served, number: int) -> list[bytes]:
        url = f"http://127.0.0.1:{served.port}/oauth/token"
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return [
            serve.request(
                "POST",
                "/oauth/token",
                form,
                urlencode(token_request(assertion(partner, url))).encode(),
            )
            for _ in range(number)
        ]

    def row(title: str, **more: Any) -> Row:
        return Row(title, size, database, **more)

    opened = [f"{path}/open_packet" for path in packets]
    return [
        row("inbox list", paths=[LIST], **exempt),
        row("inbox, pages of 100", paths=[f"{LIST}&limit=100"], records=100, share=2),
        row("referral detail", paths=packets, acting=acting),
        row("open a packet of 12", method="POST", paths=opened, body=b'{"purpose":"intake"}',
            acting=acting, **exempt),
        row("events, page of 100", paths=["/v1/events?limit=100"], share=2),
        row("token", made=tokens, sides=(OURS, BARE, FASTAPI)),
        row("401", paths=[LIST], signed_in=False, status=401,
            headers={"Authorization": "Bearer of-nobody"}),
        row("404 of a random referral", paths=[NOWHERE], acting=acting, status=404),
        row("desk: inbox", paths=["/desk/"], signed_in=False, headers=at_desk, sides=(OURS,),
            share=3),
        row("desk: a referral", paths=[path.replace("/v1", "/desk") for path in packets],
            signed_in=False, headers=at_desk, sides=(OURS,), share=3),
    ]  # fmt: skip


def _is_there(cluster: Cluster, database: str) -> bool:
    with closing(cluster.connect_superuser()) as superuser:
        cursor = superuser.cursor()
        cursor.execute("SELECT FROM pg_database WHERE datname = %s", [database])
        return cursor.rowcount == 1


def _tokens(database: str) -> dict[str, str]:
    """Fresh access tokens of two partner systems, good for five minutes."""
    fill.point_at(database)
    found = {}
    for key in ("police", "ywca"):
        client = Client.objects.get(id=fill.client_id(key))
        found[key] = f"token-of-the-benchmark-{time.monotonic_ns()}"
        credentials.open_for_client(client, found[key], client.scopes)
    return found


def write_open_acts(home: Path, database: str) -> None:
    """For bare and the peers (journey.open_to)."""
    tokens = _tokens(database)
    principals = {}
    people = (journey.OFFICER, journey.ADVOCATE, journey.LEAD)
    for who in (*people, "ywca"):
        acting = str(member_id(who)) if "." in who else ""
        found = credentials.resolve_credential(tokens[who.partition(".")[0]], acting)
        assert found is not None
        principals[who] = found
    (home / "open_acts.json").write_text(json.dumps(journey.open_to(principals)))


def _warm_up(home: Path, served: dict[tuple[str, str], Served], row: Row) -> None:
    """Ask all sides, and see that they give the same answer."""
    answers = {}
    token = _tokens(row.database)["ywca"]
    for name in row.sides:
        to = served[name, row.database]
        with closing(serve.Line(to.port)) as line:
            for request in row.requests(to, token, WARM_UP):
                status, body = line.ask(request)
                if status != row.status:
                    raise SystemExit(f"{row.title}, {name}: status {status}, {body[:300]!r}")
        if row.status == 200 and not row.title.startswith("desk"):
            answers[name] = comparable(json.loads(body), own=True)
    _agree(home, row.title, answers)


def _agree(home: Path, title: str, answers: dict[str, Any]) -> None:
    """End the run if one side's answer is another."""
    for name, answer in answers.items():
        if answer != answers[OURS]:
            (home / "differing.json").write_text(json.dumps(answers, indent=1))
            raise SystemExit(f"{title}: ours and {name} differ, see {home}/differing.json.")


def _go(
    one: Journey,
    name: str,
    served: dict[tuple[str, str], Served],
    number: int,
    *,
    kept: bool,
) -> None:
    if to := served.get((name, one.database)):
        one.go(name, to, _tokens(one.database), number, kept=kept)


def _check(home: Path, one: Journey) -> None:
    """See that the sides gave the same answers, and that bare left the same rows as ours."""
    for title, answers in one.answers.items():
        _agree(home, title, answers)
    for ours, bare in zip(one.left[OURS], one.left[BARE], strict=True):
        if ours != bare:
            raise SystemExit(f"ours left {ours}, bare {bare}.")


def _at_the_wire(cluster: Cluster, database: str, rounds: int) -> dict[str, list[float]]:
    """Without HTTP: what row security adds to a read, and what it leaves of commits a second."""
    packet = fill.sealed(cluster, database)[0]
    acting = str(member_id("ywca.worker"))
    return wire.measure(cluster, database, _tokens(database)["ywca"], acting, packet, rounds)


# -- What is exact ---------------------------------------------------------------------------------


def _exact(cluster: Cluster, database: str) -> dict[str, Any]:
    """Statements a request, and the list's plan with row-level security and without."""
    token = _tokens(database)["ywca"]
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
