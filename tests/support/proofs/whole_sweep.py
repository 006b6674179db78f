"""The marker sweep over many cells: answers, rows, logs, commands and what was sent."""

import contextlib
import io
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from api.dev import demo
from tests.support.ground.database import forget_edits
from tests.support.ground.kept_rows import Kept
from tests.support.proofs import markers as marked
from tests.support.proofs.marker_states import STATES
from tests.support.proofs.marker_sweep import (
    At,
    Sweep,
    search_rows_as_everybody,
    search_tables,
    servers_log,
)
from tests.support.proofs.marker_sweep import far as far  # a fixture
from tests.support.proofs.marker_sweep import lines as lines  # a fixture
from tests.support.proofs.marker_table import (
    FACES,
    Cell,
    Who,
    audits,
    cells,
    every_route,
    everybody,
    is_of_one,
    shown,
)
from tests.support.proofs.markers import Marker, World
from tests.support.proofs.sent_markers import FarEnds, Heard
from tests.support.servers.trace_collector import flush, traced


@pytest.fixture
def sweep(
    api: Any,
    shift_clock: Any,
    superuser: Any,
    lines: io.StringIO,
    far: FarEnds,
    settings: Any,
) -> Iterator[Sweep]:
    with traced(settings) as collector:
        world = World(api, shift_clock, far=far).begin()
        kept = Kept(superuser)
        yield Sweep(world, kept, At(api), collector)
    kept.forget()
    forget_edits()


def sweep_over(
    every: list[Cell],
    sweep: Sweep,
    superuser: Any,
    lines: io.StringIO,
    far: FarEnds,
    capsys: Any,
    *,
    whole: bool = True,
) -> None:
    """Ask all these, and look for markers wherever else they might have got to. The `whole` has
    each route in each state, and each of the cast in each."""
    every = sorted(every, key=lambda cell: not audits(cell))  # later it tells whom they asked for

    def tell(line: str) -> None:
        with capsys.disabled():
            print(line, flush=True)

    sweep.over(every, tell)
    sweep.take_exports()
    search_tables(sweep, superuser)
    search_rows_as_everybody(sweep)
    logged = lines.getvalue()
    assert len(re.findall(r'"event": ?"request"', logged)) >= len(every), "the log was listened to"
    assert sweep.collector
    flush(sweep.collector)
    assert sweep.collector.counts["request"] >= len(every), "each request left its trace"
    for source, text in (
        ("trace", sweep.collector.text()),
        ("log line", logged),
        ("server's log", servers_log()),
        *((" ".join(command), said(*command)) for command in SAY),
    ):
        for marker in sweep.world.found_in(text):
            sweep.leak(marker, source)
    search_far_ends(sweep, far)
    of_all = sum(1 for face in FACES for _ in cells(face, everything=True))
    tell(
        f"\n{len(every)} cells of {of_all}, {sweep.visited - len(every)} tables as somebody,"
        f" {len(sweep.world.marks)} markers, "
        + ", ".join(f"{number} × {code}" for code, number in sorted(sweep.statuses.items()))
    )
    tell(", ".join(f"{number} × {where}" for where, number in _counted(far).items()))
    sweep.nothing_leaked()
    if not whole:
        return
    of_one = [cell for cell in every if is_of_one(cell)]
    assert {(one.method, one.route, one.state) for one in of_one} >= every_route(), "in its states"
    assert {(one.state, one.who) for one in of_one} == everybody(), "each of the cast in each"


def _counted(far: FarEnds) -> Counter[str]:
    return Counter(one.where for one in far.heard)


def search_far_ends(sweep: Sweep, far: FarEnds) -> None:
    """What arrived at a mail server, a phone provider and two agencies' systems, of each state as
    it came to be and of all that has happened since."""
    far.messages()
    far.events(sweep.world.found_in)
    for one in far.heard:
        for marker in one.found if one.where == "hook" else sweep.world.found_in(one.text):
            if one.where != "hook" or not _may_be_sent(marker, one):
                sweep.leak(marker, f"{one.where} {one.whose}")
    world, told = sweep.world, [one for one in far.heard if one.where != "hook"]
    spelt = {state: (word, ", ".join(word)) for state, word in world.references.items()}
    of = {state for state in spelt for one in told if any(w in one.text for w in spelt[state])}
    sent = {state for state, one in STATES.items() if "send" in one.how}
    assert of == sent, "each referral but a draft led to a message"
    assert {one.where for one in told} == {"mail", "sms", "voice"}
    hooked = {(one.whose, one.state) for one in far.heard if one.where == "hook"}
    for key in far.hooks:
        due = {(key, state) for state in sent if _at_first(Who(f"{key}.client"), state)}
        assert hooked >= due, due - hooked


def _may_be_sent(marker: Marker, one: Heard) -> bool:
    """Ids of what that side may know."""
    who = Who(f"{one.whose}.client")
    of_both = (marker.kind, marker.side) in (("referral", ""), ("event", who.side))
    return of_both and _at_first(who, marker.state)


def _at_first(who: Who, state: str) -> bool:
    """What is purged by now was shown before."""
    return shown(who, state) or state in marked.EARLY


# What a command says that only looks; the others change something, or are asked for one by name.
SAY = (
    ("messages", "status"),
    ("worker", "purge", "--dry-run"),
    ("worker", "status"),
    ("keys", "status"),
    ("keys", "hosts"),
    ("journal", "status"),
    ("backup", "status"),
    ("ledger", "status"),
    ("numbers", "check"),
    ("directory", "reviews"),
    ("who_sees_what",),
    ("client", "show", "--agency", str(demo.agency_id("police"))),
    ("agency", "show", str(demo.agency_id("police"))),
    ("agency", "terms"),
    ("deadlines", "show", str(demo.agency_id("police"))),
)


def said(*command: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stderr(out), contextlib.suppress(SystemExit, CommandError):
        call_command(*command, stdout=out, stderr=out)
    return out.getvalue()
