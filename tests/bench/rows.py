"""What is asked in a run, and what each side took for it."""

import re
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from api.dev.postgres import Cluster
from tests.bench import serve
from tests.bench.serve import Line, Served

BARE, OURS = "bare", "ours"
EXEMPT = "exempt"  # ours, as a role that no policy concerns: what row security costs
FASTAPI = "FastAPI + SQLAlchemy"
PEERS = {
    FASTAPI: "bench.peers.fastapi_app",
    "django-ninja": "bench.peers.ninja_app",
    "DRF ModelSerializer": "bench.peers.drf_app",
}
ALL = (OURS, BARE, *PEERS)


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
    """One kind of request on one database. `size`: its referrals, or its services."""

    title: str
    size: int
    database: str
    method: str = "GET"
    paths: list[str] = field(default_factory=list)
    body: bytes = b""
    acting: UUID | None = None
    signed_in: bool = True
    status: int = 200
    sides: tuple[str, ...] = ALL  # who is asked
    headers: dict[str, str] = field(default_factory=dict)
    made: Callable[[Served, int], list[bytes]] | None = None  # requests of its own
    target: float | None = None  # CPU milliseconds a request
    records: int = 0  # that one answer discloses
    share: int = 1  # of the requests of a round: one in so many
    samples: dict[str, list[Sample]] = field(
        default_factory=lambda: {name: [] for name in (*ALL, EXEMPT)}
    )

    def requests(self, served: Served, token: str, number: int) -> list[bytes]:
        number = number // self.share
        if self.made:
            return self.made(served, number)
        headers = dict(self.headers)
        if self.signed_in:
            headers = {"Authorization": f"Bearer {token}"} | headers
        if self.acting:
            headers["Acting-Member"] = str(self.acting)
        made = [serve.request(self.method, path, headers, self.body) for path in self.paths]
        return [made[at % len(made)] for at in range(number)]


def measured(
    cluster: Cluster, served: Served, requests: list[bytes], status: int
) -> tuple[Sample, list[bytes]]:
    """Ask one after the other; what it took, and the answers. Ends the run at another status."""
    workers = served.workers()
    back_ends = serve.back_ends(cluster, served.name)
    before = serve.cpu_of(workers), serve.cpu_of(back_ends)
    latencies, bodies = [], []
    with closing(Line(served.port)) as line:
        for request in requests:
            began = time.perf_counter()
            found, body = line.ask(request)
            latencies.append(time.perf_counter() - began)
            bodies.append(body)
            if found != status:
                asked = request.partition(b"\r\n")[0].decode()
                raise SystemExit(f"{served.name}: status {found} to {asked}: {body[:500]!r}")
    after = serve.cpu_of(workers), serve.cpu_of(serve.back_ends(cluster, served.name))
    in_worker, in_back_ends = (
        serve.used(*pair) * 1000 / len(requests) for pair in zip(before, after, strict=True)
    )
    return Sample(statistics.median(latencies) * 1000, in_worker, in_back_ends), bodies


# -- The same answer -------------------------------------------------------------------------------

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
NEW = ("next", "receipt", "access_token")  # sealed, or new every time


def comparable(value: Any, *, own: bool) -> Any:
    """An answer without what differs in the same answer: how a time is written. `own` False: it is
    of another referral, with ids, times and a reference of its own."""
    if isinstance(value, dict):
        return {
            name: "" if name == "reference" and not own else comparable(one, own=own)
            for name, one in value.items()
            if name not in NEW
        }
    if isinstance(value, list):
        return [comparable(one, own=own) for one in value]
    if isinstance(value, str) and TIME.match(value):
        at = datetime.fromisoformat(value).astimezone(UTC)
        return at.isoformat(timespec="milliseconds") if own else "a time"
    if isinstance(value, str) and not own and ID.fullmatch(value):
        return "an id"
    return value
