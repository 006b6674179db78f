"""From samples to ratios with their spread, as a dictionary and as text."""

import statistics
from typing import Any

from tests.bench.yardstick import HELLO_MS, Yardstick

WIRE = {
    "authentication, ms": "authentication of a request: ms",
    "list, ms more": "list: ms more than as an exempt role",
    "by id, ms more": "one by its id: ms more than as an exempt role",
    "commits ratio": "audited reads a second / plain inserts, 16 clients",
    "commits ratio, bare": "the same entry and rows alone, as an exempt role",
    "commits ratio, slow": "the audited reads where a flush to the disk takes 8 ms",
}
# What docs/rules.md asks (G1, G3, G4, G10): at most; of commits, at least.
ASKED = {
    ("inbox list", "latency"): 1.2,
    ("inbox list", "cpu"): 1.15,
    ("open a packet of 12", "latency"): 1.4,
    ("open a packet of 12", "cpu"): 1.4,
    "exempt": 1.15,
    "authentication, ms": 0.1,
    "list, ms more": 0.1,
    "by id, ms more": 0.03,
    "commits ratio": 0.9,
    "commits ratio, slow": 0.9,
}


def result(
    referrals: list[Any],
    services: list[Any],
    exact: dict[int, dict[str, Any]],
    wire: dict[int, dict[str, list[float]]],
    yardstick: Yardstick,
) -> dict[str, Any]:
    """All figures of a run; `ratio` is [median, lowest, highest] over the rounds."""
    return {
        "hello_ms": _spread(yardstick.taken),
        "rows": [_row(row) for row in referrals],
        "directory": [
            _row(row)
            | {
                "target": row.target,
                "cpu_ms": _spread([one.cpu for one in row.samples["ours"]]),
                "cpu_hellos": _spread(
                    [
                        one.cpu / hello
                        for one, hello in zip(row.samples["ours"], yardstick.taken, strict=True)
                    ]
                ),
            }
            for row in services
        ],
        "growth": [
            _growth(small, big)
            for rows in (referrals, services)
            for small in rows
            for big in rows
            if small.title == big.title and small.size == rows[0].size < big.size
        ],
        "exact": {str(size): found for size, found in exact.items()},
        "wire": {str(size): found for size, found in wire.items()},
    }


def _row(row: Any) -> dict[str, Any]:
    ours, bare = row.samples["ours"], row.samples["bare"]
    pairs = list(zip(ours, bare, strict=True))
    beside = list(zip(ours, row.samples["exempt"], strict=True)) if row.exempt else []
    return {
        "title": row.title,
        "size": row.size,
        "exempt_cpu": _spread([a.cpu / b.cpu for a, b in beside]) if beside else None,
        "exempt_latency": _spread([a.latency / b.latency for a, b in beside]) if beside else None,
        "records_a_second": row.records
        and round(row.records * 1000 / statistics.median(one.latency for one in ours)),
        "latency_ratio": _spread([a.latency / b.latency for a, b in pairs]),
        "cpu_ratio": _spread([a.cpu / b.cpu for a, b in pairs]),
        "worker_ratio": _spread([a.worker / b.worker for a, b in pairs]),
        "back_end_ratio": _spread([a.back_end / b.back_end for a, b in pairs]),
        "ours": _medians(ours),
        "bare": _medians(bare),
    }


def _growth(small: Any, big: Any) -> dict[str, Any]:
    pairs = list(zip(big.samples["ours"], small.samples["ours"], strict=True))
    return {
        "title": small.title,
        "from": small.size,
        "to": big.size,
        "latency_ratio": _spread([a.latency / b.latency for a, b in pairs]),
        "cpu_ratio": _spread([a.cpu / b.cpu for a, b in pairs]),
    }


def _spread(ratios: list[float]) -> list[float]:
    return [round(one, 3) for one in (statistics.median(ratios), min(ratios), max(ratios))]


def _medians(samples: list[Any]) -> dict[str, float]:
    """Milliseconds a request."""
    return {
        name: round(statistics.median(getattr(one, name) for one in samples), 3)
        for name in ("latency", "cpu", "worker", "back_end")
    }


def text(found: dict[str, Any]) -> str:
    """For people. Ratios first: a millisecond is this machine's, a ratio nearly anybody's; `then`
    is what it would have been where the targets were set, by how long a hello takes."""
    head = (
        f"{'':24}{'referrals':>10}  {'ours/bare (lowest-highest)':28}{'ours ms':>9}{'bare ms':>9}"
    )
    lines = [
        f"A hello takes {_ratio(found['hello_ms'], 3)} CPU ms here; where the targets in ms were"
        f" set, {HELLO_MS}: 'then' is a figure as it would have been there.",
        *([head] if found["rows"] else []),
    ]
    for row in found["rows"]:
        lines.append(f"{row['title']:24}{row['size']:>10,}")
        for name in ("latency", "cpu", "worker", "back_end"):
            label = {"cpu": "CPU", "worker": "  worker", "back_end": "  back end"}.get(name, name)
            ratio = _ratio(row[f"{name}_ratio"])
            lines.append(
                f"  {label:32}  {ratio:28}{row['ours'][name]:>9.2f}{row['bare'][name]:>9.2f}"
                + _asked(row[f"{name}_ratio"], (row["title"], name))
            )
        for name in ("CPU", "latency"):
            if spread := row[f"exempt_{name.lower()}"]:
                line = f"  {f'{name}, to an exempt role':32}  {_ratio(spread):28}"
                lines.append(line + _asked(spread, "exempt"))
        if row["records_a_second"]:
            lines.append(f"  {'records a second, one client':32}  {row['records_a_second']:,}")
    lines += _directory(found["directory"])
    for grown in found["growth"]:
        lines.append(f"\n{grown['title']}, ours, from {grown['from']:,} to {grown['to']:,}")
        lines.append(f"  {'latency':32}  {_ratio(grown['latency_ratio'])}")
        lines.append(f"  {'CPU':32}  {_ratio(grown['cpu_ratio'])}")
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
            line = f"  {title:52}  {_ratio(figures[name], 3)}"
            if ", ms" in name:
                line += f", then {figures[name][0] * scale:.3f}"
            lines.append(line + _asked(figures[name], name))
    last = list(found["exact"].values())[-1:]
    for title, names in last[0]["statements"].items() if last else ():
        lines.append(f"\n{title}: {len(names)} statements: {', '.join(names)}")
    return "\n".join(lines)


def _directory(rows: list[dict[str, Any]]) -> list[str]:
    """One line a question: a target is CPU time, of the worker and the back end together."""
    if not rows:
        return []
    lines = [
        f"\n{'':28}{'services':>9}  {'CPU ms (lowest-highest)':24}{'then':>6}{'target':>8}"
        f"{'worker':>8}{'back end':>10}   {'CPU ours/bare':20}latency ours/bare"
    ]
    for row in rows:
        target = f"{row['target']:g}" if row["target"] else "-"
        then = row["cpu_hellos"][0] * HELLO_MS
        lines.append(
            f"{row['title']:28}{row['size']:>9,}  {_ratio(row['cpu_ms']):24}{then:>6.2f}"
            f"{target:>8}{row['ours']['worker']:>8.2f}{row['ours']['back_end']:>10.2f}   "
            f"{_ratio(row['cpu_ratio']):20}{_ratio(row['latency_ratio'])}"
        )
    return lines


def _asked(spread: list[float], of: Any) -> str:
    """What is asked, and whether the median misses it, as it is said on the screen."""
    if of not in ASKED:
        return ""
    limit, found = ASKED[of], round(spread[0], 3 if "ms" in of else 2)
    missed = found < limit if "commits" in of else found > limit
    return f"  asked {limit}{', MISSED' if missed else ''}"


def _ratio(spread: list[float], digits: int = 2) -> str:
    middle, low, high = (f"{one:.{digits}f}" for one in spread)
    return f"{middle}  ({low}-{high})"
