"""`manage.py stop --erase`, which is `make reset`: the next demo begins with nothing of this."""

import subprocess
import sys

import pytest

from tests.support.ground.homes import Home
from tests.support.ground.homes import home as home  # a fixture

__all__ = ["home"]  # a fixture

pytestmark = [pytest.mark.no_database, pytest.mark.whole]


# In one process, because each new process would load all of Django again.
AS_RUN_DOES = """
from django.core.management import call_command
import django
django.setup()
call_command("prepare")
call_command("agency", "add", "--name", "New Example", "--kind", "legal")
call_command("worker", "run", "--once", "--only", "seal", "--only", "witness")
call_command("ledger", "verify")
"""


def python(home: Home, *words: str) -> str:
    done = subprocess.run([sys.executable, *words], env=home.env, capture_output=True, text=True)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def sealed_and_witnessed(home: Home) -> str:
    """What `make run` does, as far as the log goes; what `ledger verify` says of it then."""
    home.cluster.start()
    return python(home, "-c", AS_RUN_DOES)


def test_the_demo_after_a_reset_has_a_log_of_its_own(home: Home) -> None:
    assert "As it was sealed" in sealed_and_witnessed(home)
    messages = home.folder / "demo-messages.jsonl"
    messages.write_text("{}\n")
    assert "witness" in [path.name for path in home.folder.iterdir()]
    python(home, "manage.py", "stop", "--erase")
    assert list(home.folder.iterdir()) == []
    assert "As it was sealed" in sealed_and_witnessed(home)
