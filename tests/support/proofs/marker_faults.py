"""Faults while marked words are on their way: what is answered and logged then."""

import contextlib
import io
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import orjson
import pytest
from django.db import connections

from tests.support.ground.kept_rows import Kept
from tests.support.people.access_log import no_right_to_write, the_log_is_full
from tests.support.people.sealed_packets import KEYS
from tests.support.proofs import routes
from tests.support.proofs.marker_sweep import At, Sweep, servers_log
from tests.support.proofs.marker_sweep import lines as lines  # a fixture
from tests.support.proofs.marker_table import Cell, Who, cells
from tests.support.proofs.markers import WITH_TEXT, World
from tests.support.servers.trace_collector import flush, traced

# Those whose questions lead furthest: the assigned of both sides, and a lead.
ASKING = {"police.worker", "ywca.worker", "ywca.lead", "ywca.auditor"}


@contextlib.contextmanager
def the_keys_are_away() -> Iterator[None]:
    aside = KEYS.with_name("taken away")
    KEYS.rename(aside)
    try:
        yield
    finally:
        aside.rename(KEYS)


@contextlib.contextmanager
def columns_are_gone() -> Iterator[None]:
    """Half of a migration: where a referral, a paper, a note and a field are written and read."""
    names = (
        ("referral", "urgency"),
        ("release_paper", "witnessed_at"),
        ("note", "created_at"),
        ("packet_field", "version"),
    )
    with connections["owner"].cursor() as cursor:
        for table, column in names:
            cursor.execute(f"ALTER TABLE {table} RENAME COLUMN {column} TO {column}_")
    try:
        yield
    finally:
        with connections["owner"].cursor() as cursor:
            for table, column in names:
                cursor.execute(f"ALTER TABLE {table} RENAME COLUMN {column}_ TO {column}")


FAULTS = {
    "the log is full": (the_log_is_full, 503),
    "no right to write the log": (no_right_to_write, 503),
    "the keys are away": (the_keys_are_away, 503),
    "columns are gone": (columns_are_gone, 500),
}


# The operator has to know which referral it is: nothing else tells (RUNBOOK.md, Alerts).
NAMES_ITS_REFERRAL = {"access_not_closed", "access_not_bound"}


def without_named(text: str) -> str:
    """Lines of the log, without the id of the referral where a line is there to name it."""
    left = []
    for one in text.splitlines():
        said = orjson.loads(one) if one.startswith("{") else {}
        if said.get("event") in NAMES_ITS_REFERRAL:
            one = orjson.dumps({k: v for k, v in said.items() if k != "referral"}).decode()
        left.append(one)
    return "\n".join(left)


@pytest.fixture
def sweep(
    api: Any, shift_clock: Any, superuser: Any, lines: io.StringIO, settings: Any
) -> Iterator[Sweep]:
    with traced(settings) as collector:
        world = World(api, shift_clock).begin(only=("accepted",))
        kept = Kept(superuser)
        yield Sweep(world, kept, At(api), collector)
    kept.forget()


def written(sweep: Sweep) -> None:
    """Each text of each act, of both sides, on its way when it failed."""
    referral = sweep.world.ids["accepted"]
    for who in ("police.worker", "ywca.worker"):
        caller = sweep.at.api(who)
        for act, names in WITH_TEXT.items():
            word = sweep.world.mark("mistake", f"{act} on its way")
            body = routes.body_for(f"/{act}") | dict.fromkeys(names, word)
            body = body | ({"packet": {"name": word}} if act == "put_packet" else {})
            answer = caller.act(referral, act, body)
            sweep.statuses[answer.status_code] += 1
            for marker in sweep.world.found_in(f"{dict(answer.items())}{answer.content.decode()}"):
                sweep.leak(marker, Cell("POST", act, Who(who), "accepted"))


def tells_no_word(fault: str, sweep: Sweep, lines: io.StringIO, capsys: Any, *, every: int) -> None:
    """One in `every` cells is asked while it is so, others under each fault."""
    broken, status = FAULTS[fault]
    turn = list(FAULTS).index(fault)
    asked = [
        cell._replace(state="accepted")
        for face in ("v1", "pages")
        for cell in cells(face, everything=True)
        if cell.who.name in ASKING and not cell.route.startswith(("accounts/", "leave", "docs"))
        # Of no referral: the first state that there is.
        if cell.state == ("accepted" if "referral_id" in cell.route else "draft")
        if not cell.mistake and "directory" not in cell.route
        if (crc32(repr(cell).encode()) + turn) % every == 0
    ]
    for who in ASKING:  # who she is was asked before it broke
        sweep.browser_of(who)
    with broken():
        for cell in asked:
            sweep.visit(cell, whole_answers=False)
        written(sweep)
    assert sweep.collector
    flush(sweep.collector)
    assert sweep.collector.counts["request"] >= len(asked)
    for source, text in (
        ("trace", sweep.collector.text()),
        ("log line", without_named(lines.getvalue())),
        ("server's log", servers_log()),
    ):
        for marker in sweep.world.found_in(text):
            sweep.leak(marker, source)
    with capsys.disabled():
        print(f"\n{fault}: {sweep.visited} cells, {dict(sweep.statuses)}")
    sweep.nothing_leaked()
    assert len(asked) > 800 / every
    # How many depends on which keys the process still holds in memory.
    assert sweep.statuses[status] > 60 / every, sweep.statuses
