"""Where time runs out CI tries some of the cases of a test that has several: others each time.

`.ci/run` says after how long (CAIRN_ALL_S), and pytest how many it left out; `make test` and
`make check` try all.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable


def left_out(node_ids: Iterable[str], word: str, parts: int = 3) -> set[str]:
    """Of each test with several cases those that are not tried, drawn by `word`: one of `parts` is.

    The same in every process that is given the same: workers have to collect alike.
    """
    cases: dict[str, list[str]] = defaultdict(list)
    for node_id in node_ids:
        cases[node_id.partition("[")[0]].append(node_id)
    out: set[str] = set()
    for found in cases.values():
        drawn = sorted(found, key=lambda one: hashlib.sha256(f"{word} {one}".encode()).digest())
        out |= set(drawn[-(-len(found) // parts) :])  # at least one is tried
    return out
