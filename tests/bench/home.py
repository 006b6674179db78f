"""The benchmarks' own home: var/bench or CAIRN_BENCH_HOME, with a PostgreSQL of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django

from api.dev.postgres import Cluster

REPOSITORY = Path(__file__).resolve().parent.parent.parent


@contextmanager
def opened() -> Iterator[tuple[Cluster, Path]]:
    """Start its PostgreSQL, and set Django up for it in this process. At the end PostgreSQL is
    stopped, unless it ran before."""
    home = Path(os.environ.get("CAIRN_BENCH_HOME") or REPOSITORY / "var" / "bench").resolve()
    os.environ |= {
        "CAIRN_HOME": str(home),
        "CAIRN_LOG_LEVEL": "WARNING",
        "CAIRN_FHIR": "1",
        "DJANGO_SETTINGS_MODULE": "api.settings",
    }
    for name in ("CAIRN_BASE_URL", "CAIRN_DATABASE", "DATABASE_URL"):
        os.environ.pop(name, None)
    cluster = Cluster(home)
    was_running = cluster.is_running()
    cluster.start()
    try:
        django.setup()
        yield cluster, home
    finally:
        if not was_running:
            cluster.stop()


def peers(path: Path | None = None) -> Path | None:
    """The peers' environment, `path` or var/peers; None if it was not made (`make bench`)."""
    found = path or REPOSITORY / "var" / "peers"
    return found.absolute() if (found / "bin" / "python").exists() else None
