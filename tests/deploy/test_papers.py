"""The papers against the code: nothing said that is not so, nothing left unsaid."""

import ast
import re
import tomllib
from typing import Any

import pytest
from django.conf import settings
from django.core.management import get_commands

from api.management.commands import setup
from tests.deploy.deployment import PAPERS, read
from tests.deploy.deployment import compose as compose  # a fixture
from tests.support.ground.repository import DEPLOY, REPOSITORY

pytestmark = pytest.mark.static


def test_the_version_is_the_changelogs_newest() -> None:
    newest = re.search(r"^## (\d+\.\d+\.\d+)", read("CHANGELOG.md"), re.MULTILINE)
    assert newest
    assert tomllib.loads(read("pyproject.toml"))["project"]["version"] == newest[1]


def test_the_papers_name_only_commands_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    commands = set(get_commands())
    for name in (*PAPERS, "deploy/RUNBOOK.md", "deploy/env.example", "Makefile"):
        text = read(name)
        code = re.findall(r"`([^`]+)`|^    (.+)$", text, re.MULTILINE)
        for line in (inline or block for inline, block in code):
            if found := re.match(r"(?:# )?make ([a-z-]+)", line):
                assert found[1] in targets, (name, line)
        for command in re.findall(r"manage\.py ([a-z_]+)\b", text):
            assert command in commands, (name, command)


def test_make_help_explains_every_target_that_is_for_people() -> None:
    text = read("Makefile")
    phony = " ".join(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)).split()
    explained = set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))
    assert set(phony) - explained <= {"lint", "types", "contract", "static"}
    assert explained <= set(phony)


def test_the_papers_link_to_what_is_there() -> None:
    for name in PAPERS:
        text = read(name)
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (REPOSITORY / target).exists(), (name, target)
        for path in re.findall(
            r"`((?:api|deploy|directory|openapi|permissions|referrals|tests)"
            r"/[\w./]*)`",
            text,
        ):
            assert (REPOSITORY / path).exists(), (name, path)


def test_readmes_snippet_is_python_that_parses() -> None:
    snippet = re.search(r"```python\n(.*?)```", read("README.md"), re.DOTALL)
    assert snippet
    ast.parse(snippet[1])


def test_every_check_in_the_runbook_asks_the_database(compose: Any) -> None:
    """Without `--database` Django leaves the checks of databases out, and says that all is well."""
    text = re.sub(r"\\?\n\s*", " ", (DEPLOY / "RUNBOOK.md").read_text())
    found = re.findall(r"check --deploy((?: +--database \w+)*)", text)
    asked = [set(re.findall(r"--database (\w+)", each)) for each in found]
    assert all(asked), "one without"
    every = set(settings.DATABASES) - {"owner"}
    assert every in asked
    assert set(setup.ALIASES) == every  # `setup --check`, on a host of one's own
    given = {name.removesuffix("_FILE") for name in compose["services"]["tools"]["environment"]}
    assert {f"DATABASE_URL_{one.upper()}" for one in every - {"default"}} <= given


def test_the_system_checks_are_all_explained() -> None:
    places = (
        "permissions/database/checks.py",
        *(f"permissions/health/{one}_checks.py" for one in ("deployment", "key")),
        "api/health/edge_checks.py",
    )
    ids = {one for path in places for one in re.findall(r'"(permissions\.E\d+)"', read(path))}
    assert ids == set(re.findall(r"permissions\.E\d+", read("deploy/RUNBOOK.md")))
