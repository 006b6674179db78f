"""/metrics: who may read it, what the processes of a server count together, and that no label says
anything of a referral, of an agency or of who asked."""

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from django.test import Client
from django.utils.timezone import now

from permissions.health import backups, heartbeats
from permissions.models import Agency
from tests.operation.readings import value_in
from tests.support.ground.live_server import Server, children, server_of_its_own
from tests.support.ground.repository import DEPLOY
from tests.support.ground.waiting import until
from tests.support.people.stories import Story

ELSEWHERE = {"REMOTE_ADDR": "192.0.2.7"}
TOKEN = "a token for tests, long enough"


@pytest.fixture
def token(settings: Any, tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    settings.METRICS_TOKEN_FILE = str(file)
    return file


def test_a_process_of_this_machine_reads_it_and_no_one_behind_a_proxy(settings: Any) -> None:
    client = Client()
    assert client.get("/metrics").status_code == 200
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert client.get("/metrics", headers={name: "127.0.0.1"}).status_code == 404, name
    assert client.get("/metrics", **ELSEWHERE).status_code == 404
    settings.PROXIES = 1
    assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 404
    assert client.get("/metrics", REMOTE_ADDR="::1").status_code == 200
    assert client.get("/metrics", headers={"host": "web:8000"}).status_code == 200


def test_the_token_opens_it_from_elsewhere(token: Path) -> None:
    def status(said: str) -> int:
        return Client().get("/metrics", headers={"Authorization": said}, **ELSEWHERE).status_code

    assert status(f"Bearer {TOKEN}") == 200
    assert status(f"bearer {TOKEN}") == 200
    for wrong in (TOKEN, f"Basic {TOKEN}", "Bearer", "Bearer ", f"Bearer {TOKEN}x", "Bearer é"):
        assert status(wrong) == 404, wrong
    token.write_text("another token, long enough as well")  # it is read at each question
    assert status(f"Bearer {TOKEN}") == 404
    for empty in ("", "\n", "short"):
        token.write_text(empty)
        assert status(f"Bearer {empty.strip()}") == 404
    token.unlink()
    assert status(f"Bearer {TOKEN}") == 404


@pytest.mark.parametrize("method", ["get", "head", "post", "put", "delete", "options"])
def test_to_others_the_address_does_not_exist(method: str, token: Path) -> None:
    """As any that was never there: status, body and headers, whatever the method."""

    def answer(path: str) -> tuple[int, bytes, dict[str, str]]:
        got = getattr(Client(enforce_csrf_checks=True), method)(path, **ELSEWHERE)
        ids = {"X-Request-Id", "Content-Security-Policy"}
        headers = {name: value for name, value in got.headers.items() if name not in ids}
        # A page has forms, each with a token, and one leads back to its own address.
        page = re.sub(rb'value="(\w{64}|/metric.)"', b"", got.content)
        return got.status_code, page, headers

    assert answer("/metrics") == answer("/metricz")
    assert answer("/metrics")[0] == 404


def test_only_words_of_the_code_are_labels(story: Story, api: Any) -> None:
    """After an act, refusals, and addresses with what a caller chose in them."""
    story.send().accept()
    worker = api("ywca.worker")
    worker.get(f"/v1/referrals/{story.id}")
    worker.get("/v1/referrals/7c1d6a52-0000-4000-8000-0000000000ff")
    worker.get("/v1/Zymurgy?name=Quixotry")
    Client().get("/Zymurgy/Quixotry", headers={"user-agent": "Zymurgy"})
    Client().generic("ZYMURGY", "/")
    text = Client().get("/metrics").content.decode()
    assert value_in(text, "cairn_refusals_total", code="not_found")
    labels = re.findall(r'="([^"]*)"', text)
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", text)
    assert {one for one in labels if "zymurgy" in one.lower() or "quixotry" in one.lower()} == set()
    assert set(re.findall(r'[{,](\w+)="', text)) <= KNOWN_LABELS
    agencies = list(Agency.objects.values_list("name", flat=True))
    assert agencies
    assert not any(name in text for name in agencies)


KNOWN_LABELS = {
    *("route", "method", "status", "code", "le", "check", "job", "kind", "state", "outcome"),
    *("place", "version", "source"),
}


# -- A server of several processes -----------------------------------------------------------------


@pytest.fixture(scope="module")
def server(django_db_setup: str, network: dict[str, Any]) -> Iterator[Server]:
    """One that loads Cairn in each process, as it is deployed: so each counts in its own place."""
    with server_of_its_own(django_db_setup, network) as one:
        yield one


def scraped(server: Server) -> str:
    answer = requests.get(f"{server.base_url}/metrics", timeout=30)
    assert answer.status_code == 200
    return answer.text


def counted(server: Server) -> float:
    return value_in(scraped(server), "cairn_requests_total", route="safety", status="200") or 0


def ask(server: Server, times: int) -> None:
    for _ in range(times):  # each by a connection of its own, so that both processes are asked
        assert requests.get(f"{server.base_url}/safety", timeout=30).status_code == 200


def test_the_processes_of_a_server_count_together_and_a_new_one_goes_on(server: Server) -> None:
    before = counted(server)
    ask(server, 40)
    assert counted(server) == before + 40
    assert {counted(server) for _ in range(20)} == {before + 40}, "whichever process answers"
    old = sorted(children(server.process))
    assert len(old) == 2
    os.kill(old[0], signal.SIGKILL)
    until(lambda: len(children(server.process)) == 2 and old[0] not in children(server.process))
    requests.get(f"{server.base_url}/health/ready", timeout=30)
    ask(server, 20)
    assert counted(server) == before + 60, "what the killed one counted is not lost"
    (folder,) = folders_of(server)
    assert len({one.name.rpartition("_")[2] for one in folder.iterdir()}) == 2, "no file more"
    assert folder.stat().st_mode & 0o077 == 0


def folders_of(server: Server) -> list[Path]:
    """The folder in which the processes count, as their environment names it."""
    found = set()
    for pid in children(server.process):
        for one in Path(f"/proc/{pid}/maps").read_text().splitlines():
            if "cairn-metrics-" in one:
                found.add(Path(one.split()[-1]).parent)
    return list(found)


# -- The files for Prometheus and Grafana ----------------------------------------------------------


def expressions() -> Iterator[tuple[str, str]]:
    rules = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    board = json.loads((DEPLOY / "grafana.json").read_text())
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


NOT_SERIES = re.compile(r'"[^"]*"|\[[^\]]*\]|\b(?:by|without|on|ignoring)\s*\([^)]*\)')
FUNCTIONS = {
    *("sum", "min", "max", "rate", "increase", "delta", "absent", "abs", "topk", "count"),
    *("histogram_quantile", "or", "and", "unless"),
}


def names_in(expression: str) -> set[str]:
    """The series that an expression of PromQL names."""
    bare = re.sub(r"\{[^}]*\}", "", NOT_SERIES.sub("", expression))
    return set(re.findall(r"[a-zA-Z_:][\w:]*", bare)) - FUNCTIONS


def labels_in(expression: str) -> set[str]:
    matched = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", expression)
    grouped = re.findall(r"\bby\s*\(([^)]*)\)", expression)
    return {*matched, *(one.strip() for part in grouped for one in part.split(","))}


def test_every_name_in_alerts_and_on_the_dashboard_is_there(server: Server, superuser: Any) -> None:
    """In a real answer of /metrics, after a job has done a step and a drill was held."""
    heartbeats.beat("mail", 60)
    backups.record_backup(now(), now(), now())
    backups.record_drill(backups.Drill([], 60.0, 60.0))
    ask(server, 1)
    text = scraped(server)
    there = set(re.findall(r"^(\w+)(?:\{| )", text, re.MULTILINE))
    declared = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
    for where, expression in expressions():
        names = names_in(expression)
        assert names, where
        # What there is none of has no series yet (no message or try; the demo's certificate).
        none_yet = {"cairn_messages", "cairn_webhook_tries", "cairn_certificate_days"}
        assert names <= there | (declared & none_yet), where
        assert labels_in(expression) <= KNOWN_LABELS | {"instance"}, where
    alerts = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"][0]["rules"]
    assert len({one["alert"] for one in alerts}) == len(alerts)
    for one in alerts:
        assert one["labels"]["severity"] in ("critical", "warning")
        assert set(one["annotations"]) == {"summary", "action"}
        said = set(re.findall(r"\$labels\.(\w+)", one["annotations"]["summary"]))
        assert said <= KNOWN_LABELS


def test_every_figure_is_watched_or_shown(server: Server) -> None:
    declared = set(re.findall(r"^# TYPE (\w+) ", scraped(server), re.MULTILINE))
    used = set().union(*(names_in(one) for _, one in expressions()))
    stems = {re.sub(r"_(bucket|sum|count)$", "", one) for one in used}
    assert declared <= stems | used


def test_refusals_that_alerts_ask_for_are_counted_from_the_start() -> None:
    """Prometheus sees no increase in a series that begins with its first event."""
    text = Client().get("/metrics").content.decode()
    for _, expression in expressions():
        for codes in re.findall(r'code=~?"([^"]*)"', expression):
            for code in codes.split("|"):
                assert value_in(text, "cairn_refusals_total", code=code) is not None, code
