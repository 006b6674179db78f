"""From samples to ratios with their spread, as a dictionary and as text; and next to those of
the last release."""

import json
import statistics
from pathlib import Path
from typing import Any

from tests.bench.journey import AT_ONCE, BY_FHIR
from tests.bench.rows import BARE, EXEMPT, FASTAPI, OURS, PEERS, Row
from tests.bench.yardstick import HELLO_MS, Yardstick

RELEASED = Path(__file__).resolve().parents[2] / "docs" / "bench"
# CPU to bare's, at most (G1, G4, G5 of docs/rules.md); of an act that is not named here, ACT.
GOALS = {
    "inbox list": 1.3,
    "inbox, pages of 100": 1.3,
    "referral detail": 2.0,
    "open a packet of 12": 1.6,
    "events, page of 100": 1.5,
    "token": 2.5,
    "create + send in one request": 2.5,
}
ACT = 3.0
FHIR = 1.6  # ours by FHIR to ours by /v1: what the translation may cost
NO_GOAL = ("401", "404 of a random referral")
WIRE = {
    "authentication, ms": "authentication of a request: ms",
    "list, ms more": "list: ms more than as an exempt role",
    "by id, ms more": "one by its id: ms more than as an exempt role",
    "commits ratio": "audited reads a second / plain inserts, 16 clients",
    "commits ratio, bare": "the same entry and rows alone, as an exempt role",
    "commits ratio, slow": "the audited reads where a flush to the disk takes 8 ms",
}
# What docs/rules.md asks at the wire (G3, G10): at most.
ASKED = {"authentication, ms": 0.1, "list, ms more": 0.1, "by id, ms more": 0.03}


def result(
    referrals: list[Row],
    services: list[Row],
    exact: dict[int, dict[str, Any]],
    wire: dict[int, dict[str, list[float]]],
    yardstick: Yardstick,
) -> dict[str, Any]:
    """All figures of a run; a ratio is [median, lowest, highest] over the rounds."""
    return {
        "hello_ms": _spread(yardstick.taken),
        "rows": [_row(row) | _judged(row) for row in referrals],
        "directory": [
            _row(row)
            | {
                "target": row.target,
                "cpu_hellos": _spread(
                    [
                        one.cpu / hello
                        for one, hello in zip(row.samples[OURS], yardstick.taken, strict=True)
                    ]
                ),
            }
            for row in services
        ],
        "growth": [
            {
                "title": small.title,
                "from": small.size,
                "to": big.size,
                "ratio": _ratio_of(big.samples[OURS], small.samples[OURS]),
            }
            for rows in (referrals, services)
            for small in rows
            for big in rows
            if small.title == big.title and small.size == rows[0].size < big.size
        ],
        "fhir": _by_fhir(referrals),
        "exact": {str(size): found for size, found in exact.items()},
        "wire": {str(size): found for size, found in wire.items()},
    }


def _by_fhir(rows: list[Row]) -> dict[str, list[float]]:
    """CPU of a referral that comes as a Bundle to the same by /v1, by size."""
    of = {
        title: {row.size: row for row in rows if row.title == title} for title in (AT_ONCE, BY_FHIR)
    }
    return {
        str(size): _ratio_of(row.samples[OURS], of[AT_ONCE][size].samples[OURS])
        for size, row in of[BY_FHIR].items()
    }


def _row(row: Row) -> dict[str, Any]:
    ours = row.samples[OURS]
    asked = {name: samples for name, samples in row.samples.items() if samples}
    return {
        "title": row.title,
        "size": row.size,
        "cpu_ms": {name: _median(samples, "cpu") for name, samples in asked.items()},
        "worker_ms": {name: _median(samples, "worker") for name, samples in asked.items()},
        "latency_ms": {name: _median(samples, "latency") for name, samples in asked.items()},
        "ratio": {
            name: _ratio_of(ours, samples) for name, samples in asked.items() if name != OURS
        },
        "records_a_second": row.records
        and round(row.records * 1000 / statistics.median(one.latency for one in ours)),
    }


def _judged(row: Row) -> dict[str, Any]:
    """Whether the goal is met, and whether ours is below FastAPI. None: there is no figure."""
    ours, bare, peer = (row.samples[name] for name in (OURS, BARE, FASTAPI))
    goal = GOALS.get(row.title, None if row.title in NO_GOAL else ACT) if bare else None
    return {
        "goal": goal,
        "met": goal and round(_ratio_of(ours, bare)[0], 2) <= goal,
        "below_fastapi": _ratio_of(ours, peer)[0] < 1 if peer else None,
    }


def _ratio_of(ours: list[Any], others: list[Any]) -> list[float]:
    return _spread([a.cpu / b.cpu for a, b in zip(ours, others, strict=True)])


def _spread(ratios: list[float]) -> list[float]:
    return [round(one, 3) for one in (statistics.median(ratios), min(ratios), max(ratios))]


def _median(samples: list[Any], name: str) -> float:
    return round(statistics.median(getattr(one, name) for one in samples), 3)


# -- The last release ------------------------------------------------------------------------------


def last_release() -> tuple[str, dict[str, float]]:
    """Its name, and its ratios to bare by row; ('', {}): there is no file."""
    files = sorted(RELEASED.glob("*.json"), key=_version)
    if not files:
        return "", {}
    ratios: dict[str, float] = json.loads(files[-1].read_text())["to_bare"]
    return files[-1].stem, ratios


def _version(file: Path) -> list[int]:
    return [int(one) for one in file.stem.split(".")]


def for_release(found: dict[str, Any]) -> dict[str, Any]:
    """What is committed with a release: ratios alone, nearly the same on another machine."""
    rows = [*found["rows"], *found["directory"]]
    return {
        "to_bare": {_key(one): one["ratio"][BARE][0] for one in rows if BARE in one["ratio"]},
        "to_fastapi": {
            _key(one): one["ratio"][FASTAPI][0] for one in rows if FASTAPI in one["ratio"]
        },
    }


def _key(row: dict[str, Any]) -> str:
    return f"{row['title']}, {row['size']:,}"


# -- Text ------------------------------------------------------------------------------------------


def text(found: dict[str, Any]) -> str:
    """For people: CPU milliseconds of the worker and its back end; a ratio is ours to theirs."""
    lines = [
        "CPU ms a request (worker and PostgreSQL back end). A ratio is ours to theirs: the median"
        " of the rounds (lowest-highest).",
        *_table(found["rows"]),
        *_directory(found["directory"]),
    ]
    for row in found["rows"]:
        if spread := row["ratio"].get(EXEMPT):
            lines.append(f"{_key(row)}: to an exempt role {_shown(spread)}; goal 1.15")
        if row["records_a_second"]:
            lines.append(f"{_key(row)}: {row['records_a_second']:,} records a second, one client")
    for size, spread in found["fhir"].items():
        said = "met" if spread[0] <= FHIR else "MISSED"
        lines.append(f"A Bundle to the same by /v1, {size}: {_shown(spread)}; goal {FHIR} {said}")
    for grown in found["growth"]:
        sizes = f"from {grown['from']:,} to {grown['to']:,}"
        lines.append(f"{grown['title']}, ours, {sizes}: {_shown(grown['ratio'])}")
    for size, exact in found["exact"].items():
        plan = exact["list"]
        same = "the same plan" if plan["same_shape"] else "ANOTHER PLAN"
        lines.append(
            f"\nList at {int(size):,}: {plan['buffers']} buffers as app,"
            f" {plan['buffers_exempt']} as an exempt role, {same}\n  {plan['shape']}"
        )
    scale = HELLO_MS / found["hello_ms"][0]
    for size, figures in found["wire"].items():
        lines.append(f"\nAt the wire, {int(size):,} referrals")
        for name, title in WIRE.items():
            line = f"  {title:52}  {_shown(figures[name], 3)}"
            if ", ms" in name:
                line += f", then {figures[name][0] * scale:.3f}"
            if name in ASKED:
                missed = round(figures[name][0], 3) > ASKED[name]
                line += f"  goal {ASKED[name]}{', MISSED' if missed else ''}"
            lines.append(line)
    last = list(found["exact"].values())[-1:]
    for title, names in last[0]["statements"].items() if last else ():
        lines.append(f"\n{title}: {len(names)} statements: {', '.join(names)}")
    return "\n".join(lines)


def _table(rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    release, before = last_release()
    short = [name.partition(" ")[0] for name in PEERS]
    lines = [
        f"\n{'':30}{'referrals':>9} {'ours':>6} {'bare':>6} "
        + "".join(f"{name:>13}" for name in short)
        + f"  {'to bare':18} {release:>6}  {'to FastAPI':18}"
    ]
    for row in rows:
        cpu, ratio = row["cpu_ms"], row["ratio"]
        cells = [f"{cpu[name]:.1f}" if name in cpu else "-" for name in (OURS, BARE)]
        peers = [f"{cpu[name]:.1f}" if name in cpu else "-" for name in PEERS]
        then = before.get(_key(row))
        shown = [_shown(ratio[name]) if name in ratio else "-" for name in (BARE, FASTAPI)]
        lines.append(
            f"{row['title']:30}{row['size']:>9,} {cells[0]:>6} {cells[1]:>6} "
            + "".join(f"{one:>13}" for one in peers)
            + f"  {shown[0]:18} {f'{then:.2f}' if then else '-':>6}  {shown[1]:18} {_said(row)}"
        )
    return lines


def _said(row: dict[str, Any]) -> str:
    said = []
    if row["goal"]:
        said.append(f"goal {row['goal']:g} {'met' if row['met'] else 'MISSED'}")
    if row["below_fastapi"] is not None:
        said.append("below FastAPI" if row["below_fastapi"] else "ABOVE FastAPI")
    return ", ".join(said) or "no goal"


def _directory(rows: list[dict[str, Any]]) -> list[str]:
    """One line a question. `then`: what it would have been where the targets were set, by how long
    a hello takes there."""
    if not rows:
        return []
    release, before = last_release()
    lines = [
        f"\n{'':30}{'services':>9} {'ours':>6} {'bare':>6} {'then':>6} {'target':>6}"
        f"  {'to bare':18} {release}"
    ]
    for row in rows:
        target = row["target"]
        then = row["cpu_hellos"][0] * HELLO_MS
        missed = "" if not target else " met" if then <= target else " MISSED"
        lines.append(
            f"{row['title']:30}{row['size']:>9,} {row['cpu_ms'][OURS]:>6.2f}"
            f" {row['cpu_ms'][BARE]:>6.2f} {then:>6.2f} {f'{target:g}' if target else '-':>6} "
            f" {_shown(row['ratio'][BARE]):18} {before.get(_key(row), '-')}{missed}"
        )
    return lines


def _shown(spread: list[float], digits: int = 2) -> str:
    middle, low, high = (f"{one:.{digits}f}" for one in spread)
    return f"{middle} ({low}-{high})"
