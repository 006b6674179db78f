"""The papers of this repository, and what compose makes of deploy/."""

from typing import Any

import pytest
import yaml

from tests.support.ground.repository import DEPLOY, REPOSITORY

PAPERS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")


def read(name: str) -> str:
    return (REPOSITORY / name).read_text()


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())
