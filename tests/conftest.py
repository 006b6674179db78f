"""One cast, one ground: real PostgreSQL, every write commits, everything runs as `app`.

A test names people as `agency.short`: police.worker, ywca.lead, outsider.client …
(api/dev/demo.py).
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid5

import hypothesis
import psycopg2
import pytest
from django.conf import settings
from django.db import connections
from django.urls import get_resolver

from api.dev import demo
from permissions.identity import credentials
from permissions.keys import key_folder
from permissions.models import Client, Membership
from tests.support.ground.cleaning import CONTENT, TableCleaner
from tests.support.ground.cluster import own_cluster
from tests.support.ground.hashing import QUICK_HASHER
from tests.support.ground.http_client import close_streams
from tests.support.ground.live_server import OneServer, Server, served
from tests.support.ground.one_database import ONE_DATABASE
from tests.support.ground.page_counts import miscounted
from tests.support.ground.seconds import tell_seconds
from tests.support.ground.seed import SEED
from tests.support.ground.template import Template
from tests.support.people.callers import Caller, member_id
from tests.support.people.stories import Story, service_of
from tests.support.servers.message_servers import (
    COPIES,
    CopiesServer,
    MailServer,
    PhoneProvider,
    copies_server,
    mail_server,
    phone_provider,
)

settings.PASSWORD_HASHERS = [QUICK_HASHER]  # here, and in the servers of `server`
hypothesis.settings.register_profile("cairn", database=None)  # no case of an earlier run
hypothesis.settings.load_profile("cairn")


# The longest come first, so that no worker is left alone with them at the end: each run ends with
# what the files took.
LONGEST = (
    *("policy/test_markers.py", "database/test_upgrade.py", "referrals/test_return_flow_orders.py"),
    *("desk/test_every_page_in_a_browser.py", "deploy/test_database_launcher.py"),
    *("house/test_recipes.py", "policy/test_barred_numbers.py", "policy/test_route_matrix.py"),
    *("directory/test_directory_query_plans.py", "policy/test_constant_work.py"),
    *("policy/test_reference_model.py", "policy/test_policies_matter.py"),
    *("policy/test_every_cell_effects.py", "policy/test_markers_in_faults.py"),
    *("signing/test_signing_in_a_browser.py", "access_log/test_auditor_everywhere.py"),
    *("deploy/test_stop.py", "importing/test_import_moves.py"),
    *("practice/test_practice_crosses_nothing.py", "directory/test_confidential_places.py"),
    *("deadlines/test_purged_recipient.py", "desk/test_inbox_in_a_browser.py"),
    *("database/test_row_order.py", "referrals/test_acts.py", "seals/test_tampering.py"),
    *("policy/test_markers_can_fail.py", "seals/test_verifier.py"),
)


TESTS = Path(__file__).parent
SLOW = TESTS / "slow"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """tests/slow is collected only where it is asked for by name: `make slow`."""
    if collection_path == SLOW:
        named = any("slow" in Path(one.partition("::")[0]).parts for one in config.args)
        return None if named else True
    if config.option.static and collection_path.suffix == ".py":
        return None if "mark.static" in collection_path.read_text() else True
    return None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {TESTS / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda one: places.get(one.path, len(places)))  # stable: else as it was


def _as_long(fixture_name: str, config: pytest.Config) -> str:
    return "session" if config.stash.get(ONE_DATABASE, False) else "module"


@pytest.fixture(scope=_as_long)
def loaded() -> Iterator[tuple[str, dict[str, Any]]]:
    """The name of this worker's database and what demo.json says of it. Each file of tests has a
    copy of the template of its own, keys included: whatever a file leaves (entries of a log that
    moved its clock, an imported word), no other file finds it. `make mutate` has one for all."""
    name = "test_cairn_" + os.environ.get("PYTEST_XDIST_WORKER", "main")
    cluster = own_cluster()
    made = Template(cluster).copy(name)
    key_folder.forget()  # the process goes on with another database, and another folder
    assert get_resolver().url_patterns  # the demo's, before a test sends by another provider
    yield name, made
    for alias in connections:
        connections[alias].close()
    cluster.drop_database(name)


@pytest.fixture(scope="module")
def django_db_setup(loaded: tuple[str, dict[str, Any]]) -> str:
    """Instead of pytest-django's: a database that `owner` made, every alias pointed at it."""
    return loaded[0]


@pytest.fixture(scope="module")
def network(loaded: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """The demo network: what demo.json says."""
    return loaded[1]


@pytest.fixture(scope="module")
def empty_tables(django_db_setup: str) -> Iterator[TableCleaner]:
    with closing(own_cluster().connect_superuser(django_db_setup)) as session:
        yield TableCleaner(session, CONTENT)
        assert miscounted(session.cursor()) == []


@pytest.fixture(autouse=True)
def ground(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test that touches the database: on a test database, and nothing left behind."""
    if "no_database" in request.keywords or "static" in request.keywords:
        yield
        return
    request.getfixturevalue("network")
    empty_tables = request.getfixturevalue("empty_tables")
    for alias in connections:
        assert str(connections[alias].settings_dict["NAME"]).startswith("test_cairn_"), alias
    yield
    close_streams()
    for alias in connections:
        assert not connections[alias].in_atomic_block, alias
    if empty_tables():
        from tests.support.ground.database import forget_edits

        Membership.objects.using("jobs").exclude(duty="reachable").update(duty="reachable")
        forget_edits()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How to have the same once more, where its time went, and how many random worlds were
    compared, by all workers."""
    order = terminalreporter.config.getoption("randomly_seed", "none")
    terminalreporter.write_line(
        f"Cases by CAIRN_SEED={SEED}, their order by --randomly-seed={order}"
    )
    counts: Counter[str] = Counter()
    for report in chain.from_iterable(terminalreporter.stats.values()):
        if getattr(report, "when", "") == "call":
            counts.update(dict(report.user_properties))
    tell_seconds(terminalreporter)
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
    connection = own_cluster().connect_superuser(django_db_setup)
    yield connection
    connection.close()


@pytest.fixture
def shift_clock() -> Callable[[str], None]:
    """Move `sec.clock()` by an interval of PostgreSQL's: shift_clock("7 days")."""

    def shift(interval: str) -> None:
        with connections["owner"].cursor() as cursor:
            cursor.execute("UPDATE clock_offset SET shift = %s", [interval])

    return shift


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
        member = Membership.objects.using("signin").get(id=member_id(who))
        return Caller(who, credentials.open_for_member(member))

    return caller


@pytest.fixture(scope="session")
def one_server() -> Iterator[OneServer]:
    running = OneServer()
    yield running
    running.end()


@pytest.fixture(scope="module")
def server(
    one_server: OneServer, django_db_setup: str, network: dict[str, Any]
) -> Iterator[Server]:
    """Partner flows and browsers talk to this: two worker processes, real sockets."""
    base_url, process = one_server.on(django_db_setup)
    yield served(base_url, network, process)
    one_server.rest()


@pytest.fixture
def story(api: Callable[..., Caller]) -> Story:
    return Story(api, service_of("ywca"))


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
    from tests.support.people.notifications import DUTY, PEOPLE, keep

    for who, number in PEOPLE.items():
        keep(api, who, "sms", number)
    for key, address in DUTY.items():
        keep(api, f"{key}.admin", "mail", address, use="duty")
