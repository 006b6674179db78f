"""What is asked in a run, and what each side took for it."""

from dataclasses import dataclass, field
from uuid import UUID

from tests.bench import serve

BARE, OURS = "bare", "ours"
EXEMPT = "exempt"  # ours, as a role that no policy concerns: what row security costs


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
    method: str
    paths: list[str]
    body: bytes = b""
    acting: UUID | None = None
    signed_in: bool = True
    target: float | None = None  # CPU milliseconds a request
    exempt: bool = False  # also compared with an exempt role
    records: int = 0  # that one answer discloses
    share: int = 1  # of the requests of a round: one in so many
    samples: dict[str, list[Sample]] = field(
        default_factory=lambda: {OURS: [], BARE: [], EXEMPT: []}
    )

    def requests(self, token: str, count: int) -> list[bytes]:
        headers = {"Authorization": f"Bearer {token}"} if self.signed_in else {}
        if self.acting:
            headers["Acting-Member"] = str(self.acting)
        made = [serve.request(self.method, path, headers, self.body) for path in self.paths]
        return [made[number % len(made)] for number in range(count // self.share)]
