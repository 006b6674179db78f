"""The floors of the house, and the files that are committed."""

import subprocess

import pytest

from tests.support.ground.repository import REPOSITORY

FLOORS = ("permissions", "directory", "referrals", "api")
HOUSE = {*FLOORS, "openapi", "tests", "deploy", "docs"}


def committed() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    said = subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True)
    if said.returncode:
        pytest.skip("not a git checkout")
    return [name for name in said.stdout.split() if (REPOSITORY / name).exists()]
