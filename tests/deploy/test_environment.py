"""Every variable of the environment against the code, deploy/env.example and compose.yaml."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.deploy.deployment import compose as compose  # a fixture
from tests.support.ground.repository import DEPLOY, NEEDED, REPOSITORY

# Read by the code, and nobody's to set: the framework's, the test runner's, one process's to the
# next.
NOT_FOR_PEOPLE = {
    *("DJANGO_SETTINGS_MODULE", "PYTEST_XDIST_WORKER", "PATH", "LD_LIBRARY_PATH", "CI"),
    "NOTIFY_SOCKET",  # of systemd
    *("PIP_FIND_LINKS", "SSL_CERT_FILE", "INSTALL_DRILL"),  # the machine's, and a drill's
    *("BENCH_DSN", "BENCH_KEYS", "BENCH_ACTS", "BENCH_PEER", "CAIRN_SERVED_REQUESTS"),
    *("PROMETHEUS_MULTIPROC_DIR", "CAIRN_METRICS_SLOT"),
    # Of database hosts, which run nothing else of Cairn's: cluster/patroni.env explains them.
    *("PATRONI_NAME", "PATRONI_POSTGRESQL_DATA_DIR", "PATRONI_RESTAPI_CONNECT_ADDRESS"),
    *("PATRONI_RESTAPI_USERNAME", "PATRONI_RESTAPI_PASSWORD", "CAIRN_LEAST_ROOM_MB"),
}

pytestmark = pytest.mark.static


# Programs of a partner, which read where the server is from their own environment.
PROGRAMS = REPOSITORY / "openapi" / "checks"


def variables_read() -> set[str]:
    """Names that any of our Python takes from the environment, by whichever way."""
    found = set()
    for folder in ("api", "directory", "permissions", "referrals", "openapi", "deploy", "tests"):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            if PROGRAMS in path.parents:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                found |= _names_in(node)
    for role in set(settings.DATABASES) - {"default"}:
        found.add(f"DATABASE_URL_{role.upper()}")  # composed in settings._database
    return found


def _names_in(node: ast.AST) -> set[str]:
    words: list[ast.expr] = []
    if isinstance(node, ast.Call) and node.args:
        called = ast.unparse(node.func)
        ways = ("os.environ.get", "os.environ.pop", "os.environ.setdefault", "os.getenv")
        if called in (*ways, "_number", "_secret"):
            words = [node.args[0]]
    elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
        words = [node.slice]
    elif isinstance(node, ast.Compare) and "os.environ" in map(ast.unparse, node.comparators):
        words = [node.left]
    return {
        word.value
        for word in words
        if isinstance(word, ast.Constant) and isinstance(word.value, str)
    }


def variables_of_compose() -> set[str]:
    """`${…}` of both compose.yaml, and what compose itself reads: all from deploy/.env."""
    texts = [(DEPLOY / one).read_text() for one in ("compose.yaml", "backup/compose.yaml")]
    return set(re.findall(r"\$\{(\w+)", "".join(texts))) | {"COMPOSE_FILE"}


def variables_explained() -> set[str]:
    text = (DEPLOY / "env.example").read_text()
    return set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", text, re.MULTILINE))


def test_every_variable_that_is_read_is_explained_and_the_reverse() -> None:
    needed = (variables_read() - NOT_FOR_PEOPLE) | variables_of_compose()
    assert variables_explained() == needed


def test_env_example_says_of_each_role_which_process_needs_it(compose: Any) -> None:
    """As compose gives them out, but for `app`, which all have."""
    text = (DEPLOY / "env.example").read_text()
    said = dict(re.findall(r"^#   DATABASE_URL_(\w+) +(.*)$", text, re.MULTILINE))
    for process, words in (("web", "the web process"), ("worker", "`manage.py worker run`")):
        given = " ".join(compose["services"][process]["environment"])
        for role in re.findall(r"DATABASE_URL_([A-Z]+)_FILE", given):
            assert words in said[role], (process, role)


def test_env_example_is_what_a_shell_and_compose_read() -> None:
    for line in (DEPLOY / "env.example").read_text().splitlines():
        if line and not line.startswith("# ") and line != "#":
            assert len(shlex.split(line.removeprefix("#"))) == 1, line


def test_the_lines_in_env_example_are_of_the_documented_shape() -> None:
    text = (DEPLOY / "env.example").read_text()
    value = re.search(r"^CAIRN_SAFETY_LINES='(.*)'$", text, re.MULTILINE)
    assert value
    assert [set(line) for line in json.loads(value[1])] == [{"name", "phone", "note"}]


def test_each_process_gets_the_passwords_of_its_own_roles_only(compose: Any) -> None:
    given = {
        name: set(re.findall(r"(?:direct|pooled)_(\w+)", " ".join(service.get("secrets", []))))
        for name, service in compose["services"].items()
    }
    assert given["web"] == {"app", "signin", "editor", "auditor"}
    assert given["migrate"] == {"app", "owner"}
    assert given["worker"] == {"app", "jobs", "sealer"}
    assert given["tools"] == {"app", "signin", "editor", "auditor", "jobs", "sealer"}
    assert given["nginx"] == given["pgbouncer"] == set()


def test_only_nginx_has_ports_and_the_database_is_on_no_other_network(compose: Any) -> None:
    services = compose["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["nginx"]
    for name in ("database", "pgbouncer", "migrate"):
        assert services[name]["networks"] == ["inside"], name
    assert compose["networks"]["inside"] == {"internal": True}
    assert services["nginx"]["networks"] == ["front"]


def test_what_compose_mounts_from_here_is_here(compose: Any) -> None:
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (DEPLOY / source).exists(), source


def test_who_seals_may_write_the_witness_and_who_verifies_reads_the_same(compose: Any) -> None:
    """Its default file, in CAIRN_HOME of the image; all else of the container is read-only."""
    home = re.search(r"CAIRN_HOME=(\S+)", (DEPLOY / "Dockerfile").read_text())
    assert home
    assert f"{home[1]}/witness\n" in (DEPLOY / "Dockerfile").read_text(), "made for its user"
    for name in ("worker", "tools"):
        assert f"witness:{home[1]}/witness" in compose["services"][name]["volumes"]
    assert {"keys", "witness"} < set(compose["volumes"])


def test_an_import_is_sorted_on_a_disk_not_in_memory(compose: Any) -> None:
    """SQLite's temporary file holds a whole source, and /tmp of a container is memory."""
    tools, dockerfile = compose["services"]["tools"], (DEPLOY / "Dockerfile").read_text()
    folder = tools["environment"]["SQLITE_TMPDIR"]
    (volume,) = [one.split(":")[0] for one in tools["volumes"] if one.endswith(f":{folder}")]
    assert volume in compose["volumes"]
    assert re.search(rf" {folder} ", dockerfile), "made for its user"
    assert not any(folder.startswith(one.split(":")[0]) for one in tools["tmpfs"])


def test_the_temporary_file_of_an_import_is_where_that_says(tmp_path: Path) -> None:
    """In a process of its own: SQLite looks for its folder once."""
    said = subprocess.run(
        [sys.executable, "-c", STAGE],
        env=os.environ | {"SQLITE_TMPDIR": str(tmp_path)},
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    (name,) = [line for line in said.stdout.splitlines() if line.startswith(str(tmp_path))]
    assert name.endswith("(deleted)"), "a killed import leaves nothing behind"


STAGE = """\
import os, api.wsgi
from directory.importing.staging import Staging
staging = Staging()
staging.db.execute("PRAGMA cache_size = 10")  # pages: what is beyond goes to the file
for _ in range(50):
    staging.db.execute("INSERT INTO line (cells) VALUES (?)", ["x" * 100_000])
for one in os.listdir("/proc/self/fd"):
    if os.path.islink(f"/proc/self/fd/{one}"):
        print(os.readlink(f"/proc/self/fd/{one}"))
"""


# Explained in env.example, not taken by compose.yaml from .env, for a reason.
NOT_OF_COMPOSE = {
    "CAIRN_HOME": "the image's own",
    "CAIRN_KEY_FOLDER": "the volume `keys`, in CAIRN_HOME of the image",
    "CAIRN_KEY_COPY": "the folder KEY_COPY_FOLDER of the host, mounted into worker and tools",
    "CAIRN_BIND": "the image's own",
    "CAIRN_PROXIES": "1: nginx",
    "CAIRN_SECRET_KEY": "a secret, as a file",
    "CAIRN_SMTP": "a secret, as a file",
    "CAIRN_MAIL_COPIES": "a secret, as a file",
    "CAIRN_TWILIO_TOKEN_FILE": "a secret, as a file",
    "CAIRN_METRICS_TOKEN_FILE": "a secret, as a file",
    "PORT": "the demo's",
    "CAIRN_DATABASE": "of the embedded cluster, which the image lacks",
    "CAIRN_POSTGRES": "of the embedded cluster, which the image lacks",
    "CAIRN_REPLICA_LAG_S": "of a cluster, where a standby is",
    "CAIRN_WEBHOOK_LOOPBACK": "refused on a server",
    "CAIRN_PROVIDER_LOOPBACK": "refused on a server",
    "CAIRN_PUSH_LOOPBACK": "refused on a server",
    "CAIRN_TWILIO_BASE": "a stand-in on this machine",
    "CAIRN_BACKUP_STANZA": "of `drill` in backup/compose.yaml",
    "CAIRN_BACKUP_FOLDER": "without pgBackRest, which backup/compose.yaml has",
    "CAIRN_BACKUP_IDENTITY": "without pgBackRest, which backup/compose.yaml has",
}


def variables_of_servers() -> set[str]:
    """Those of env.example, but for the tests' own; the roles' URLs are composed in compose."""
    text = (DEPLOY / "env.example").read_text().split("# -- Tests and CI")[0]
    found = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", text, re.MULTILINE))
    return {name for name in found if not name.startswith("DATABASE_URL")}


def test_compose_takes_every_setting_of_a_server_from_env(compose: Any) -> None:
    assert variables_of_servers() - variables_of_compose() == set(NOT_OF_COMPOSE)
    gunicorns, messages = {"CAIRN_THREADS", "WEB_CONCURRENCY"}, set(compose["x-messages"])
    every = variables_of_servers() & variables_read() - set(NOT_OF_COMPOSE) - gunicorns - messages
    given = {
        name: {each.removesuffix("_FILE") for each in one.get("environment", {})}
        | set(one.get("environment", {}))
        for name, one in compose["services"].items()
    }
    assert every | gunicorns <= given["web"]
    assert every <= given["migrate"]
    assert every | messages <= given["worker"]
    assert every | messages <= given["tools"]


def test_compose_asks_for_what_a_server_does_not_start_without(
    compose: Any, tmp_path: Path
) -> None:
    settings_ = compose["x-settings"]
    asked = {name for name, value in settings_.items() if value == f"${{{name}:?}}"}
    asked |= {"CAIRN_SECRET_KEY"} & {name.removesuffix("_FILE") for name in settings_}
    assert asked == set(NEEDED)
    for name in NEEDED.keys() - {"CAIRN_BASE_URL"}:  # without it, it is the demo
        assert shown("api.settings", tmp_path, NEEDED | {name: ""}).returncode != 0, name


@pytest.mark.parametrize("module", ["api.settings", "gunicorn.config", "gunicorn.conf"])
def test_what_env_leaves_out_has_its_default_in_a_container(
    compose: Any, module: str, tmp_path: Path
) -> None:
    """compose hands an empty text on for what is not in .env: nothing may take it for a value."""
    empty = {
        name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
        for name, value in compose["services"]["web"]["environment"].items()
        if ":-" in value
    } | dict.fromkeys(compose["x-messages"], "")
    said = [shown(module, tmp_path, NEEDED | given) for given in ({}, empty)]
    assert (said[1].returncode, said[1].stderr) == (0, "")
    if module != "gunicorn.config":  # its own default of WEB_CONCURRENCY is another than ours
        assert said[0].stdout == said[1].stdout
        assert len(said[0].stdout) > 10


def shown(module: str, home: Path, given: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What a module holds in an environment of these alone."""
    return subprocess.run(
        [sys.executable, "-c", SHOW, module],
        env={"PATH": os.environ["PATH"], "CAIRN_HOME": str(home)} | given,
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
    )


SHOW = """\
import importlib, runpy, sys
if sys.argv[1] == "gunicorn.conf":
    found = runpy.run_path("deploy/gunicorn.conf.py")
else:
    found = vars(importlib.import_module(sys.argv[1]))
print({k: v for k, v in found.items() if isinstance(v, str | int | dict | list | tuple)
       and not k.startswith("_")})
"""
