"""The test ground, a pytest plugin loaded before Django's settings: a cluster of the tests' own.

`CAIRN_HOME` becomes `var/test` (or `CAIRN_TEST_HOME`), so that no test meets the demo's database.
One run at a time has it. Each xdist worker has a folder of it, and so a server, of its own: what
bounds the feed and the sealer (`pg_snapshot_xmin`) counts the open transactions of a whole server.
With `DATABASE_URL` set (and one for each other role) that server is used, through databases of its
own name.
"""

import fcntl
import os
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import pytest
from psycopg2.sql import SQL, Identifier, Literal

from tests.support.ground.repository import REPOSITORY
from tests.support.ground.seed import GIVEN, SEED

GROUND = Path(os.environ.get("CAIRN_TEST_HOME") or REPOSITORY / "var" / "test").resolve()
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
HOME = GROUND / (WORKER or "main")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--static", action="store_true", help="only tests marked `static`: no PostgreSQL is started"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    os.environ["CAIRN_HOME"] = str(HOME)
    os.environ["CAIRN_KEY_FOLDER"] = str(HOME / "keys")
    os.environ.pop("CAIRN_BASE_URL", None)
    os.environ["CAIRN_FHIR"] = "1"  # an option, and tested like the rest
    known = early_config.known_args_namespace
    if not (known.static or WORKER or os.environ.get("DATABASE_URL")):
        early_config.add_cleanup(_hold_the_ground().close)
    has_workers = bool(getattr(known, "numprocesses", None))
    if known.static:
        os.environ["CAIRN_HOME"] = str(GROUND / "static" / (WORKER or "main"))
    elif not os.environ.get("DATABASE_URL") and (WORKER or not has_workers):
        from api.dev.postgres import Cluster

        cluster = Cluster(HOME)
        cluster.start()
        with closing(cluster.connect_superuser()) as superuser, superuser.cursor() as cursor:
            # What is killed here is processes, which loses nothing, not the machine's power.
            # Statistics change only where a test asks for it: a plan is the same each time.
            for setting in ("fsync", "full_page_writes", "autovacuum"):
                cursor.execute(f"ALTER SYSTEM SET {setting} = off")
            cursor.execute("ALTER SYSTEM SET max_wal_size = '4GB'")
            # Each test signs in to the server: 4,096 rounds of hashing take it 10 ms.
            cursor.execute("ALTER SYSTEM SET scram_iterations = 1")
            cursor.execute("SELECT pg_reload_conf(); SET scram_iterations = 1")
            for role, password in cluster.passwords().items():
                change = SQL("ALTER ROLE {} PASSWORD {}")
                cursor.execute(change.format(Identifier(role), Literal(password)))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Before pytest-randomly and Hypothesis take their seeds."""
    if GIVEN and getattr(config.option, "randomly_seed", None) == "default":
        config.option.randomly_seed = SEED
    if getattr(config.option, "hypothesis_seed", None) is None:
        config.option.hypothesis_seed = SEED
    if config.option.static:
        config.option.markexpr = "static"


def _hold_the_ground() -> IO[str]:
    """Return the lock, held until it is closed. Raises UsageError where another run has it: the
    first to end would stop both's servers."""
    GROUND.mkdir(parents=True, exist_ok=True)
    file = (GROUND / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise pytest.UsageError(
            f"Other tests run in {GROUND}. Wait for them, or set CAIRN_TEST_HOME to another folder."
        ) from None
    return file


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server; the last to leave stops those of workers that were killed, too."""
    if not (config.option.static or os.environ.get("DATABASE_URL")):
        from api.dev.postgres import Cluster

        for folder in [HOME / "postgres"] if WORKER else GROUND.glob("*/postgres"):
            Cluster(folder.parent).stop()


def own_cluster() -> Any:
    from api.dev.postgres import Cluster

    return Cluster(HOME)
