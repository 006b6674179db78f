"""What is true after a fault: nothing that was acknowledged is lost, nothing happened twice."""

import json
import random
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import requests

from tests.slow.cluster.hosts import Cluster
from tests.slow.cluster.load import Advocate, patiently
from tests.support.ground.waiting import until

ACTS = (  # each leaves one event of its name
    *("create", "send", "acknowledge", "accept", "put_release", "put_packet", "revoke_release"),
)
OPENED = 6  # revoked packets that are tried after each fault, besides the newest


@dataclass
class Verdict:
    """One row of the table. `wrong` lists in words what is not as promised."""

    fault: str
    acts: int = 0  # acknowledged since the last row
    lost: int = 0
    doubled: int = 0
    rto: float = 0.0  # the longest time without an acknowledged act, in seconds
    whole: float = 0.0  # until the cluster was whole again, in seconds
    missed: int = 0  # events that the partner was not given
    twice: int = 0  # events that it was given twice
    seals: str = ""
    opened: int = 0  # revoked packets that opened
    refused: int = 0  # acts that were refused for good
    wrong: list[str] = field(default_factory=list)

    def is_good(self, most_s: float) -> bool:
        counts = (self.lost, self.doubled, self.missed, self.twice, self.opened, self.refused)
        return not any(counts) and self.rto <= most_s and self.seals == "verify" and not self.wrong


class Journals:
    """What the load and the partner wrote down, read on from where it was read last."""

    def __init__(self, load: Path, partner: Path) -> None:
        self.files = {load: 0, partner: 0}
        self.load, self.partner = load, partner
        self.said: list[dict[str, Any]] = []
        self.tried: set[str] = set()
        self.refused: list[str] = []
        self.events: Counter[str] = Counter()

    def read(self) -> None:
        for file, at in self.files.items():
            if not file.exists():
                continue
            with open(file, "rb") as text:
                text.seek(at)
                for raw in text:
                    if not raw.endswith(b"\n"):
                        break
                    self._take(json.loads(raw), file == self.load)
                    at += len(raw)
            self.files[file] = at

    def _take(self, line: dict[str, Any], of_load: bool) -> None:
        if "refused" in line:
            self.refused.append(line["refused"])
        elif "events" in line:
            self.events.update(line["events"])
        elif "trying" in line:
            self.tried.add(line["trying"])
        elif of_load:
            self.said.append(line)

    def last(self) -> float:
        """When an act was acknowledged last (time.monotonic); 0 if none was."""
        self.read()
        return float(self.said[-1]["at"]) if self.said else 0.0

    def longest_pause(self, since: float) -> float:
        """The longest time without an acknowledged act from `since` to now."""
        self.read()
        times = [since, *(one["at"] for one in self.said if one["at"] > since), time.monotonic()]
        times.sort()
        return max(b - a for a, b in pairwise(times))


class Judge:
    """Compares journals and database."""

    def __init__(
        self, cluster: Cluster, journals: Journals, advocate: Advocate, police: str
    ) -> None:
        self.cluster, self.journals, self.advocate = cluster, journals, advocate
        self.police = police  # the agency whose system reads the feed
        self.acts = self.refused = 0

    def judge(self, row: Verdict) -> None:
        """Fill the row in."""
        self.journals.read()
        said = list(self.journals.said)
        row.acts, self.acts = len(said) - self.acts, len(said)
        row.refused, self.refused = (
            len(self.journals.refused) - self.refused,
            len(self.journals.refused),
        )
        row.wrong += self.journals.refused[len(self.journals.refused) - row.refused :][:5]
        self._acts(row, said)
        self._feed(row)
        self._seals(row)
        self._revoked(row, said)

    def _acts(self, row: Verdict, said: list[dict[str, Any]]) -> None:
        rows = self.cluster.psql(
            "SELECT referral_id, act, count(*) FROM referral_event GROUP BY 1, 2"
        )
        there = {(referral, act): int(number) for referral, act, number in rows}
        for one in said:
            if one["act"] in ACTS and (one["referral"], one["act"]) not in there:
                row.lost += 1
                row.wrong.append(f"lost: {one['act']} of {one['referral']}")
        twice = [place for place, number in there.items() if number > 1 and place[1] in ACTS]
        row.wrong += [f"doubled: {act} of {referral}" for referral, act in twice][:5]
        self.journals.read()  # what was being tried meanwhile is no double
        made = int(self.cluster.psql("SELECT count(*) FROM referral")[0][0])
        self.journals.read()
        row.doubled = len(twice) + max(0, made - len(self.journals.tried))

    def _feed(self, row: Verdict) -> None:
        theirs = (
            f"SELECT id FROM referral_event WHERE from_agency_id = '{self.police}' AND from_sees"
            " AND NOT reserved AND xact < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
        )
        expected = {found[0] for found in self.cluster.psql(theirs)}

        def complete() -> bool:
            self.journals.read()
            return expected <= set(self.journals.events)

        with suppress(TimeoutError):
            until(complete, "the partner has every event", 20)
        missed = expected - set(self.journals.events)
        row.missed, row.wrong = len(missed), row.wrong + [f"missed: {one}" for one in missed][:3]
        row.twice = sum(1 for number in self.journals.events.values() if number > 1)

    def _seals(self, row: Verdict) -> None:
        code, said = self.cluster.manage("worker1", "ledger", "verify")
        row.seals = "verify" if code == 0 else "do not verify"
        if code:
            row.wrong.append(f"ledger verify: {said.strip()[-600:]}")

    def _revoked(self, row: Verdict, said: list[dict[str, Any]]) -> None:
        revoked = [one["referral"] for one in said if one["act"] == "revoke_release"]
        tried = {*revoked[-3:], *random.sample(revoked, min(OPENED, len(revoked)))}
        for referral in tried:
            path, purpose = f"/v1/referrals/{referral}/open_packet", {"purpose": "intake"}
            answer: requests.Response = patiently(
                lambda: self.advocate.ask("POST", path, purpose, {}),  # noqa: B023
                lambda: True,
            )
            if answer.status_code < 300:
                row.opened += 1
                row.wrong.append(f"a revoked packet opened: {referral}")
