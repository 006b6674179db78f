"""The sweep is worth something only if it finds what is there: leaks are planted, and found."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from django.db import connections

from api.desk.referral import page as referral_page
from api.desk.referral.notice_facts import Fact
from api.http import middleware, problem_details
from api.v1.referrals import referrals as referrals_api
from permissions.errors import BadRequest
from referrals.notifications import message_texts
from tests.support.ground.kept_rows import Kept
from tests.support.proofs import marker_sweep as of
from tests.support.proofs.marker_sweep import At, Sweep
from tests.support.proofs.marker_sweep import far as far  # a fixture
from tests.support.proofs.marker_sweep import lines as lines  # a fixture
from tests.support.proofs.marker_table import Cell, Who, asked
from tests.support.proofs.markers import Marker, World
from tests.support.proofs.route_table import D, R
from tests.support.proofs.sent_markers import FarEnds
from tests.support.servers.message_servers import MailServer

COLLEAGUE = Who("police.worker2")
READS = Cell("GET", R, COLLEAGUE, "accepted")
ERRS = Cell("POST", f"{R}/withdraw", Who("police.worker"), "accepted", "value")
ASKS = Cell("GET", "v1/referrals", COLLEAGUE, "accepted", "query")


@pytest.fixture
def sweep(api: Any, shift_clock: Any, superuser: Any, lines: io.StringIO) -> Iterator[Sweep]:
    kept = None
    try:
        world = World(api, shift_clock).begin(only=("accepted",))
        kept = Kept(superuser)
        yield Sweep(world, kept, At(api))
    finally:
        if kept:
            kept.forget()


def word_of(sweep: Sweep, name: str) -> str:
    return next(word for word, one in sweep.world.marks.items() if one.name == name)


def in_a_detail(sweep: Sweep, plant: Any) -> None:
    word, real = word_of(sweep, "name"), referrals_api.referral_json
    plant.setattr(referrals_api, "referral_json", lambda seen: real(seen) | {"code": word})


def in_an_error(sweep: Sweep, plant: Any) -> None:
    plant.setattr(problem_details, "invalid", lambda detail: BadRequest("invalid", str(detail)))


def in_a_line(sweep: Sweep, plant: Any) -> None:
    real = middleware.RequestMiddleware.__call__

    def call(self: Any, request: Any) -> Any:
        structlog.get_logger().info("request", route=request.get_full_path())
        return real(self, request)

    plant.setattr(middleware.RequestMiddleware, "__call__", call)


def in_a_letter(sweep: Sweep, plant: Any) -> None:
    for name in message_texts.SAYS:
        plant.setitem(message_texts.SAYS, name, word_of(sweep, "add_note.text"))


def in_a_table(sweep: Sweep, plant: Any) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE referral_event NO FORCE ROW LEVEL SECURITY")
        cursor.execute("UPDATE referral_event SET code = %s", [word_of(sweep, "phone")])
        cursor.execute("ALTER TABLE referral_event FORCE ROW LEVEL SECURITY")


def by_a_policy(sweep: Sweep, plant: Any) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("CREATE POLICY planted ON release_paper FOR SELECT TO app USING (true)")


PLANTED: dict[str, tuple[Callable[[Sweep, Any], None], str]] = {
    "a field of the packet in a detail": (in_a_detail, "packet"),
    "the input in an error": (in_an_error, "mistake"),
    "a query string in a log line": (in_a_line, "mistake"),
    "a note in a letter": (in_a_letter, "own"),
    "a field of the packet in a table": (in_a_table, "packet"),
    "a policy that lets everybody through": (by_a_policy, "paper"),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_what_is_planted_is_found(
    planted: str,
    sweep: Sweep,
    lines: io.StringIO,
    superuser: Any,
    mails: MailServer,
    monkeypatch: Any,
) -> None:
    plant, kind = PLANTED[planted]
    try:
        plant(sweep, monkeypatch)
        found = leaks(sweep, lines, superuser, mails)
    finally:
        with connections["owner"].cursor() as cursor:
            cursor.execute("DROP POLICY IF EXISTS planted ON release_paper")
    assert kind in {one.kind for one in found}


def leaks(sweep: Sweep, lines: io.StringIO, superuser: Any, mails: MailServer) -> set[Marker]:
    for cell in (READS, ERRS, ASKS):
        sweep.visit(cell)
    of.search_tables(sweep, superuser)
    of.search_rows_as_everybody(sweep)
    for text in (lines.getvalue(), *of.letters(mails)):
        for marker in sweep.world.found_in(text):
            sweep.leak(marker, "line or letter")
    return {marker for found in sweep.leaks.values() for marker, _ in found}


def test_a_field_in_one_page_of_one_state_is_found_by_the_cells_that_are_asked(
    api: Any, shift_clock: Any, superuser: Any, monkeypatch: Any
) -> None:
    """The page of a declined referral shows a field of its packet: none of the few is left out."""
    world = World(api, shift_clock).begin(only=("declined",))
    kept, real = Kept(superuser), referral_page.other_facts
    sweep = Sweep(world, kept, At(api))
    word = word_of(sweep, "phone")

    def shows(referral: Any) -> Any:
        return real(referral) + [Fact("Phone", word)] * (referral.status == "declined")

    monkeypatch.setattr(referral_page, "other_facts", shows)
    try:
        sweep.over([one for one in asked() if one.state == "declined" and one.route == D])
    finally:
        kept.forget()
    assert {marker.name for found in sweep.leaks.values() for marker, _ in found} == {"phone"}


def test_what_is_planted_in_the_words_of_messages_arrives_and_is_found(
    api: Any, shift_clock: Any, far: FarEnds, monkeypatch: Any
) -> None:
    """By mail, SMS and call: each is listened to while the world is made."""
    world = World(api, shift_clock, far=far)
    word = world.mark("own", "planted")
    for name in message_texts.SAYS:
        monkeypatch.setitem(message_texts.SAYS, name, word)
    world.begin(only=("call_asked", "revoked"))
    found = {
        one.where
        for one in far.heard
        if Marker("own", "planted") in world.found_in(one.text) and one.state
    }
    assert found == {"mail", "sms", "voice"}


def test_where_nothing_is_planted_nothing_is_found(
    sweep: Sweep, lines: io.StringIO, superuser: Any, mails: MailServer
) -> None:
    assert leaks(sweep, lines, superuser, mails) == set()
