"""One cast, one ground: real PostgreSQL, every write commits, everything runs as `app`.

A test names people as `agency.short`: police.worker, ywca.lead, outsider.client … (api/demo.py).
"""

import os
import socket
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import hypothesis
import psycopg2
import pytest
from django.conf import settings
from django.db import connections

from api import demo, processes
from permissions import credentials
from permissions.models import Client, Membership
from tests.counted import miscounted
from tests.emptying import Emptying
from tests.far_ends import (
    COPIES,
    CopiesServer,
    MailServer,
    PhoneProvider,
    copies_server,
    mail_server,
    phone_provider,
)
from tests.ground import HOME
from tests.http_client import HttpClient
from tests.left import Ground
from tests.support.seed import SEED
from tests.support.template import Template

hypothesis.settings.register_profile("cairn", database=None)  # no case of an earlier run
hypothesis.settings.load_profile("cairn")

# Emptied after each test; the log and the vocabularies never are.
CONTENT = (
    "referral",
    "message",
    "channel",
    "referral_side",
    "referral_assignment",
    "referral_plan",
    "release",
    "release_end",
    "release_paper",
    "agreement_tally",
    "returned",
    "packet_field",
    "note",
    "self_assignment",
    "conflict_block",
    "barred_to_the_end",
    "referral_event",
    "call_record",
    "idempotency_key",
    "purged_count",
    "epoch_due",
    "packet_grant",
    "private_key",
    "webhook_endpoint",
    "webhook_secret",
    "webhook_delivery",
    "log_opt_in",
    "directory_unmet_search",
    "credential",
    "django_session",
    "permissions_cache",
    "permissions_clientassertion",
)


# The longest come first, so that no worker is left alone with them at the end.
LONGEST = {
    *("test_model", "test_policies_matter", "test_markers", "test_markers_can_fail", "test_matrix"),
    *("test_seals", "test_firewall_orders", "test_directory_plans", "test_database_launcher"),
}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda one: one.path.stem not in LONGEST)  # stable: else as random as before


def _cluster() -> Any:
    from api.postgres import Cluster

    return Cluster(HOME)


@pytest.fixture(scope="session")
def loaded(django_db_blocker: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The name of this worker's database, a copy of the template, and what demo.json says of it."""
    name = "test_cairn_" + os.environ.get("PYTEST_XDIST_WORKER", "main")
    cluster = _cluster()
    with django_db_blocker.unblock():
        content = Template(cluster).copy(name)
        yield name, content
        for alias in connections:
            connections[alias].close()
        cluster.drop_database(name)


@pytest.fixture(scope="session")
def django_db_setup(loaded: tuple[str, dict[str, Any]]) -> str:
    """Instead of pytest-django's: a database that `owner` made, every alias pointed at it."""
    return loaded[0]


@pytest.fixture(scope="session")
def network(loaded: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """The demo network: what demo.json says."""
    return loaded[1]


@pytest.fixture(scope="session")
def empty_tables(django_db_setup: str) -> Iterator[Emptying]:
    with closing(_cluster().connect_superuser(django_db_setup)) as session:
        yield Emptying(session, CONTENT)


@pytest.fixture(scope="session")
def as_loaded(django_db_setup: str, network: dict[str, Any]) -> Iterator[Ground]:
    with closing(_cluster().connect_superuser(django_db_setup)) as session:
        yield Ground(session)


@pytest.fixture(scope="module", autouse=True)
def as_it_was(request: pytest.FixtureRequest) -> Iterator[None]:
    """Behind each file: the network and the directory are as it found them. Else the last of its
    tests is an error, and not whichever of another file comes behind it in the order of a day."""
    of_file = [one for one in request.session.items if one.path == request.path]
    if all("no_database" in one.keywords for one in of_file):
        yield
        return
    ground: Ground = request.getfixturevalue("as_loaded")
    yield
    assert ground.moved() == []


@pytest.fixture(autouse=True)
def ground(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test that touches the database: on a test database, and nothing left behind."""
    if "no_database" in request.keywords:
        yield
        return
    request.getfixturevalue("network")
    empty_tables = request.getfixturevalue("empty_tables")
    for alias in connections:
        assert str(connections[alias].settings_dict["NAME"]).startswith("test_cairn_"), alias
    yield
    for alias in connections:
        assert not connections[alias].in_atomic_block, alias
    empty_tables()
    with connections["owner"].cursor() as cursor:
        cursor.execute("UPDATE sec.clock_offset SET shift = '0' WHERE shift <> '0'")
    with connections["jobs"].cursor() as cursor:
        cursor.execute(
            "UPDATE permissions_membership SET duty = 'reachable' WHERE duty <> 'reachable'"
        )
        cursor.execute("SELECT EXISTS (SELECT FROM directory_confidential_address)")
        if cursor.fetchone() == (True,):  # it goes with the place that it is of
            from tests.database import forget_edits

            forget_edits()
    assert miscounted() == []


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How to have the same once more; and how many random worlds were compared, by all workers."""
    order = terminalreporter.config.getoption("randomly_seed", "none")
    terminalreporter.write_line(
        f"Cases by CAIRN_SEED={SEED}, their order by --randomly-seed={order}"
    )
    counts: Counter[str] = Counter()
    for report in chain.from_iterable(terminalreporter.stats.values()):
        if getattr(report, "when", "") == "call":
            counts.update(dict(report.user_properties))
    if counts["worlds"]:
        worlds, cells = f"{counts['worlds']:,}", f"{counts['cells']:,}"
        terminalreporter.write_line(f"{worlds} random worlds, {cells} cells and writes compared")


@pytest.fixture(scope="session", autouse=True)
def unblocked(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def superuser(django_db_setup: str) -> Iterator[psycopg2.extensions.connection]:
    """The cluster's superuser on the test database: reads past every policy."""
    connection = _cluster().connect_superuser(django_db_setup)
    yield connection
    connection.close()


@pytest.fixture
def shift_clock() -> Callable[[str], None]:
    """Move `sec.clock()` by an interval of PostgreSQL's: shift_clock("7 days")."""

    def shift(interval: str) -> None:
        with connections["owner"].cursor() as cursor:
            cursor.execute("UPDATE sec.clock_offset SET shift = %s", [interval])

    return shift


def member_id(who: str) -> UUID:
    return uuid5(demo.NAMESPACE, who)


def agency_id(key: str) -> UUID:
    return demo.agency_id(key)


@dataclass
class Caller:
    """One of the cast with a live credential. Every call goes through the whole HTTP stack."""

    who: str
    secret: str
    acting: str | None = None
    http: HttpClient = field(default_factory=HttpClient)

    def headers(self, extra: dict[str, str]) -> dict[str, str]:
        found = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        if self.acting:
            found["Acting-Member"] = str(member_id(self.acting))
        return found | extra

    def get(self, path: str, query: dict[str, str] | None = None, **headers: str) -> Any:
        names = {key.replace("_", "-"): value for key, value in headers.items()}
        return self.http.get(path, query or {}, headers=self.headers(names))

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        names = {key.replace("_", "-"): value for key, value in headers.items()}
        return self.http.post(
            path,
            body if body is not None else {},
            content_type="application/json",
            headers=self.headers(names),
        )

    def put(self, path: str, body: Any, **headers: str) -> Any:
        return self._sent("put", path, body, headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self._sent("patch", path, body, headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self._sent("delete", path, None, headers)

    def _sent(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        names = {key.replace("_", "-"): value for key, value in headers.items()}
        return getattr(self.http, method)(
            path, body, content_type="application/json", headers=self.headers(names)
        )

    def act(self, referral_id: Any, act: str, body: Any = None, **headers: str) -> Any:
        return self.post(f"/v1/referrals/{referral_id}/{act}", body, **headers)


@pytest.fixture
def api(network: dict[str, Any]) -> Callable[..., Caller]:
    """`api("police.worker")`, `api("police.client", acting="police.worker")`, `api(None)`."""

    def caller(who: str | None, acting: str | None = None) -> Caller:
        if who is None:
            return Caller("nobody", "")
        key, short = who.split(".")
        if short == "client":
            client = Client.objects.get(id=uuid5(demo.NAMESPACE, f"client {key}"))
            secret = f"token-of-a-test-{os.urandom(16).hex()}"
            credentials.open_for_client(client, secret, client.scopes)
            return Caller(who, secret, acting)
        member = Membership.objects.using("door").get(id=member_id(who))
        return Caller(who, credentials.open_for_member(member))

    return caller


@dataclass
class Server:
    """A real gunicorn on the test database; `demo` is what demo.json would say of it."""

    base_url: str
    demo: dict[str, Any]
    process: subprocess.Popen[bytes]

    def member(self, who: str) -> dict[str, Any]:
        return next(one for one in self.demo["members"] if one["username"] == who)

    def client(self, key: str) -> dict[str, Any]:
        return next(one for one in self.demo["clients"] if one["agency"] == key)


@pytest.fixture(scope="session")
def server(django_db_setup: str, network: dict[str, Any]) -> Iterator[Server]:
    """Partner flows and browsers talk to this: two worker processes, real sockets."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base_url = f"http://127.0.0.1:{port}"
    env = os.environ | {
        "CAIRN_HOME": str(HOME),
        "CAIRN_DATABASE": django_db_setup,
        "CAIRN_BASE_URL": base_url,
        "CAIRN_LOG_LEVEL": "WARNING",
    }
    process = subprocess.Popen(processes.gunicorn(base_url), env=env)
    processes.wait_until_ready(base_url, process)
    urls = {"base_url": base_url, "token_url": f"{base_url}/oauth/token"}
    yield Server(base_url, network | urls, process)
    process.terminate()
    process.wait(20)


NOTICE = {"urgency": "urgent", "needs": ["shelter", "advocacy"], "callback": "406-555-0111"}


@dataclass
class Story:
    """A referral brought to where a test begins; `police.worker` sends, `ywca.worker` answers."""

    api: Callable[..., Caller]
    service_id: str
    id: str = ""
    sender: str = "police.worker"
    recipient: str = "ywca.worker"

    def create(self, **notice: Any) -> "Story":
        body = NOTICE | {"service_id": self.service_id} | notice
        answer = self.api(self.sender).post("/v1/referrals", body)
        assert answer.status_code == 201, answer.content
        self.id = answer.json()["id"]
        return self

    def send(self) -> "Story":
        if not self.id:
            self.create()
        return self.sends("send", {"agreement": "agrees"})

    def accept(self) -> "Story":
        if not self.id:
            self.send()
        return self.answers("accept")

    def release(self, *fields: str, **terms: Any) -> "Story":
        return self.sends("put_release", release_body(*fields, **terms))

    def packet(self, **fields: str) -> "Story":
        return self.sends("put_packet", {"packet": fields})

    def sends(self, act: str, body: Any = None) -> "Story":
        return self._did(self.sender, act, body)

    def answers(self, act: str, body: Any = None) -> "Story":
        return self._did(self.recipient, act, body)

    def _did(self, who: str, act: str, body: Any) -> "Story":
        answer = self.api(who).act(self.id, act, body)
        assert answer.status_code in (200, 201), (act, answer.content)
        return self


def release_body(*fields: str, **terms: Any) -> dict[str, Any]:
    """A release as a patrol officer records it: an adult's, stated, witnessed, for a week."""
    from datetime import UTC, datetime, timedelta

    now = datetime.now(UTC)
    return {
        "basis": "stated_agreement",
        "purpose": "receive_service",
        "fields": list(fields) or ["name", "phone", "safe_contact"],
        "form": "oral_witnessed",
        "signed_at": now.isoformat(),
        "expires_at": (now + timedelta(days=6)).isoformat(),
        "attestations": [
            "risks_explained",
            "alternatives_offered",
            "not_a_condition_of_service",
            "platform_explained",
            "right_to_revoke_told",
            "may_be_redisclosed_told",
            "told_no_effect_on_case",
        ],
        "consenters": [{"who": "self", "signed_at": now.isoformat(), "not_the_abuser": True}],
        "adult": True,  # NOTICE does not say her age
    } | terms


def return_body(*fields: str, **terms: Any) -> dict[str, Any]:
    """A return release as an advocate records it: written, to tell the police who sent it."""
    told = [one for one in release_body()["attestations"] if one != "told_no_effect_on_case"]
    return release_body() | {
        "basis": "written_release",
        "form": "written",
        "fields": list(fields) or ["connected", "engaged", "outcome_code"],
        "attestations": [*told, "police_may_have_to_disclose"],
        **terms,
    }


@pytest.fixture
def story(api: Callable[..., Caller]) -> Story:
    return Story(api, service_of("ywca"))


def service_of(key: str) -> str:
    """A service of the demo directory that this agency answers and anybody may see."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT id FROM directory_listing WHERE answered_by = %s AND status = 'active'"
            " AND intake = 'taking' ORDER BY name LIMIT 1",
            [agency_id(key)],
        )
        row = cursor.fetchone()
    assert row, f"the demo directory has no service of {key}"
    return str(row[0])


PACKET = {"name": "Invented Person", "phone": "406-555-0199", "safe_contact": "text only, noon"}


@pytest.fixture(scope="session")
def secret_key() -> str:
    return str(settings.SECRET_KEY)


@pytest.fixture
def names(api: Any) -> Any:
    """names(search="shelter"): what a search of the directory gives nobody, in its order."""

    def found(**query: str) -> list[str]:
        answer = api(None).get("/v1/directory/services", {"per_page": "100"} | query)
        assert answer.status_code == 200, answer.content
        return [item["name"] for item in answer.json()["contents"]]

    return found


# -- Far ends of messages --------------------------------------------------------------------------


@pytest.fixture
def mails(settings: Any) -> Iterator[MailServer]:
    """A real mail server, and Cairn told to use it."""
    with mail_server() as server:
        settings.SENDERS = settings.SENDERS | {"mail": "smtp"}
        settings.SMTP = {
            "host": "127.0.0.1",
            "port": server.port,
            "user": "",
            "password": "",
            "tls": "",
            "from": "Cairn <no-reply@cairn.invalid>",
        }
        yield server


@pytest.fixture
def copies(settings: Any, mails: MailServer) -> Iterator[CopiesServer]:
    """A mailbox of copies, and Cairn told to use it."""
    with copies_server(mails) as server:
        settings.MAIL_COPIES = {
            "host": "127.0.0.1",
            "port": server.port,
            "user": "copies",
            "password": "an invented password",
            "tls": False,
            "folder": "INBOX",
            "to": COPIES,
        }
        yield server


@pytest.fixture
def phones(settings: Any, tmp_path: Path) -> Iterator[PhoneProvider]:
    """A real phone provider's REST API, and Cairn told to use it."""
    token = tmp_path / "token"
    token.write_text("an invented token\n")
    with phone_provider() as provider:
        settings.SENDERS = settings.SENDERS | {"phone": "twilio"}
        settings.TWILIO = {
            "account": "AC" + "0" * 32,
            "token_file": str(token),
            "from": "+14065550100",
            "base": provider.base,
        }
        yield provider


@pytest.fixture
def reachable(api: Any) -> None:
    """Everybody keeps a number of her own, two agencies a duty mailbox."""
    from tests.reached import DUTY, PEOPLE, keep

    for who, number in PEOPLE.items():
        keep(api, who, "sms", number)
    for key, address in DUTY.items():
        keep(api, f"{key}.admin", "mail", address, use="duty")
