"""The test ground, a pytest plugin loaded before Django's settings: a cluster of the tests' own.

`CAIRN_HOME` becomes `var/test` (or `CAIRN_TEST_HOME`), so that no test meets the demo's database.
With `DATABASE_URL` set (and one for each other role, the superuser's among them) that server is
used, through databases of its own name.
"""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
HOME = Path(os.environ.get("CAIRN_TEST_HOME") or REPOSITORY / "var" / "test").resolve()


def _worker() -> str:
    return os.environ.get("PYTEST_XDIST_WORKER", "")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    os.environ["CAIRN_HOME"] = str(HOME)
    # A key store a worker: one test takes the keys away for a while.
    os.environ["CAIRN_KEY_FOLDER"] = str(HOME / "keys" / (_worker() or "main"))
    os.environ.pop("CAIRN_BASE_URL", None)
    if not os.environ.get("DATABASE_URL"):
        from api.postgres import Cluster

        Cluster(HOME).start()  # again is safe: each xdist worker comes by


def pytest_unconfigure() -> None:
    if not _worker() and not os.environ.get("DATABASE_URL"):
        from api.postgres import Cluster

        Cluster(HOME).stop()
