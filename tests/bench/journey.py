"""The acts, each measured by itself: whole stories of referrals, step by step.

No act can be done twice, so each side makes its own referrals and does with them one act after the
other: a step is one act on each of them. Ours alone is asked for what tests/bench/acts.py does not
have.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from api.dev.postgres import Cluster
from permissions.policy.rules import CallerRelation
from permissions.principal import Principal
from referrals.act_registry import transitions
from referrals.codes import REDISCLOSURE_NOTICE
from tests.bench import serve
from tests.bench.acts import ACTS
from tests.bench.fill import PACKET
from tests.bench.rows import OURS, Row, Sample, comparable, measured
from tests.bench.serve import Served
from tests.support.people import fhir_bundles
from tests.support.people.callers import member_id
from tests.support.people.stories import NOTICE, release_body, return_body, service_of

AT_ONCE = "create + send in one request"
BY_FHIR = "create + send by FHIR"  # the same referral as a Bundle; of ours alone
CREATED = ("create", AT_ONCE)
OFFICER, ADVOCATE, LEAD = "police.worker", "ywca.worker", "ywca.lead"
RECORDED = ("set_external_ref", "same_person_as", "record_report", "record_disclosure")
RECORDED += ("record_rights",)

Body = dict[str, Any] | Callable[[list[str], int], dict[str, Any]]


class Step(NamedTuple):
    act: str
    who: str
    body: Body = {}

    @property
    def agency(self) -> str:
        return self.who.partition(".")[0]

    @property
    def status(self) -> int:
        kept = self.act in RECORDED or (self.act in ACTS and ACTS[self.act].record)
        return 201 if kept or self.act in CREATED else 200


def _whom(who: str) -> dict[str, str]:
    return {"member_id": str(member_id(who))}


def _report(basis: str, to: str) -> dict[str, str]:
    at = "2026-01-01T02:45:00Z"
    return {"basis": basis, "to": to, "at": at, "survivor_told": "told_before"}


def stories() -> list[list[Step]]:
    """Times are fresh. The first step makes the referrals."""
    service, until = service_of("ywca"), datetime.now(UTC) + timedelta(days=90)
    notice = NOTICE | {"service_id": service}
    at_once = notice | {"send": {"agreement": "agrees"}}
    sent = Step(AT_ONCE, OFFICER, at_once)
    return [
        [
            Step("create", OFFICER, notice),
            Step("put_notice", OFFICER, NOTICE | {"needs": ["shelter"]}),
            Step("block", OFFICER, _whom("police.admin")),
            Step("unblock", OFFICER, _whom("police.admin")),
            Step("set_plan", OFFICER, {"services": [service_of("sarc")]}),
            Step("put_release", OFFICER, release_body(*sorted(PACKET))),
            Step("put_packet", OFFICER, {"packet": PACKET}),
            Step("narrow_release", OFFICER, {"fields": ["name", "phone", "safe_contact"]}),
            Step("revoke_release", OFFICER, {"via": "oral"}),
            Step("send", OFFICER, {"agreement": "agrees"}),
            Step("leads_only", OFFICER),
            Step("end_leads_only", OFFICER),
            Step("delivered", "ywca"),
            Step("acknowledge", ADVOCATE),
            Step("call_me", ADVOCATE),
            Step("called_back", OFFICER),
            Step("set_callback", OFFICER, {"callback": "406-555-0177"}),
            Step("accept", ADVOCATE),
            Step("assign", ADVOCATE, _whom("ywca.worker2")),
            Step("start_handoff", ADVOCATE, {"mode": "phone"}),
            Step("record_attempt", ADVOCATE, {"result": "not_connected", "interpreter": "phone"}),
            Step("handoff_failed", ADVOCATE),
            Step("add_note", ADVOCATE, {"text": "an invented note"}),
            Step("set_hold", LEAD, {"until": until.isoformat()}),
            Step("end_hold", LEAD),
            Step("hand_over", ADVOCATE, _whom("ywca.worker2")),
            Step("take_over", LEAD, {"reason": "safety"}),
            Step("complete", LEAD, {"outcome": "connected"}),
        ],
        [sent, Step("decline", ADVOCATE, {"code": "no_capacity"})],
        [sent, Step("accept", ADVOCATE), Step("unable", ADVOCATE, {"code": "could_not_contact"})],
        [sent, Step("acknowledge", ADVOCATE), Step("withdraw", OFFICER, {"code": "other"})],
        [sent, Step("stop", OFFICER)],
        [sent, Step("mark_error", OFFICER, {"code": "wrong_recipient"})],
        _of_ours_alone(notice),
        [Step(BY_FHIR, OFFICER, fhir_bundles.bundle(at_once, sender="police"))],
        [Step("create", OFFICER, notice), Step("send", OFFICER, {"agreement": "agrees"}),
         Step("acknowledge", ADVOCATE), Step("accept", ADVOCATE), Step("undo_accept", ADVOCATE),
         Step("decline", ADVOCATE, {"code": "no_capacity"})],
    ]  # fmt: skip


def _for_the_notice() -> dict[str, Any]:
    body = release_body()
    del body["fields"]
    return body


def _of_ours_alone(notice: dict[str, Any]) -> list[Step]:
    return [
        Step("create", OFFICER, notice),
        Step("put_notice_release", OFFICER, _for_the_notice()),
        Step("put_release", OFFICER, release_body(*sorted(PACKET))),
        Step("put_packet", OFFICER, {"packet": PACKET}),
        Step("send", OFFICER, {"agreement": "agrees"}),
        Step("acknowledge", ADVOCATE),
        Step("accept", ADVOCATE),
        Step("open_packet", ADVOCATE, {"purpose": "intake"}),
        Step("same_person_as", ADVOCATE, lambda ids, at: {"referral_id": ids[at - 1]}),
        Step(
            "set_external_ref",
            ADVOCATE,
            lambda ids, at: {"ref": f"an invented number {uuid4().hex}"},
        ),
        Step("record_report", ADVOCATE, _report("child_abuse", "child_protection")),
        Step("record_disclosure", ADVOCATE, _report("subpoena", "nobody")),
        Step(
            "record_rights",
            OFFICER,
            {"victim_rights": "given", "u_certification": "requested"},
        ),
        Step("open_notes", ADVOCATE, {"purpose": "review"}),
        Step("put_return_release", ADVOCATE, return_body()),
        Step("revoke_return_release", ADVOCATE),
        Step("account_disclosures", ADVOCATE, {"purpose": "review"}),
    ]


class Journey:
    """All stories on one database, and a row for each act."""

    def __init__(self, cluster: Cluster, database: str, size: int) -> None:
        self._cluster, self.database = cluster, database
        titles = dict.fromkeys(step.act for story in stories() for step in story)
        known = {"open_packet"}  # it has a row of its own, with more packets
        self.rows = {
            title: Row(title, size, database, "POST", []) for title in titles if title not in known
        }
        self.answers: dict[str, dict[str, Any]] = {}
        self.left: dict[str, list[dict[str, int]]] = {}

    def go(
        self, name: str, served: Served, tokens: dict[str, str], number: int, *, kept: bool
    ) -> None:
        """Each story with so many referrals. `kept`: the samples count."""
        samples: dict[str, Sample] = {}
        left = []
        for story in stories():
            shared = all(one.act in (*ACTS, *CREATED) for one in story)
            if name != OURS and not shared:
                continue
            each = number if shared else max(2, number // 3)  # packets are opened: a day's quota
            ids: list[str] = []
            for step in story:
                base = f"http://127.0.0.1:{served.port}/fhir"
                requests = list(_requests(step, ids, tokens[step.agency], each, base))
                sample, bodies = measured(self._cluster, served, requests, step.status)
                if step.act in CREATED:
                    ids = [json.loads(one)["id"] for one in bodies]
                samples.setdefault(step.act, sample)
                shape = comparable(json.loads(bodies[0]), own=False)
                self.answers.setdefault(step.act, {}).setdefault(name, shape)
            if shared:
                left.append(self._rows_of(ids[0]))
        self.left[name] = left
        if kept:
            for title, sample in samples.items():
                if title in self.rows:
                    self.rows[title].samples[name].append(sample)

    def _rows_of(self, referral: str) -> dict[str, int]:
        """How many rows of each table name it: what a story left."""
        with closing(self._cluster.connect_superuser(self.database)) as superuser:
            cursor = superuser.cursor()
            cursor.execute(
                "SELECT table_name::text FROM information_schema.columns JOIN pg_class"
                " ON relname = table_name AND relkind IN ('r', 'p') AND NOT relispartition"
                " WHERE column_name = 'referral_id' AND table_schema = 'public' ORDER BY 1"
            )
            found = {}
            for (table,) in cursor.fetchall():
                cursor.execute(f"SELECT count(*) FROM {table} WHERE referral_id = %s", [referral])
                (found[table],) = cursor.fetchone()
        return {table: rows for table, rows in found.items() if rows and table not in PROTECTING}


# The rows by which ours protects and sends, which bare does not write.
PROTECTING = frozenset({"bound_access", "closing", "message", "release_paper"})


def _requests(step: Step, ids: list[str], token: str, number: int, base: str) -> Iterator[bytes]:
    headers = {"Authorization": f"Bearer {token}"}
    if "." in step.who:
        headers["Acting-Member"] = str(member_id(step.who))
    for at in range(len(ids) or number):
        body = step.body(ids, at) if callable(step.body) else step.body
        content = json.dumps(body)
        if step.act == BY_FHIR:  # its codes are this server's
            path, content = "/fhir", content.replace(fhir_bundles.BASE, base)
        elif step.act in CREATED:
            path = "/v1/referrals"
        else:
            path = f"/v1/referrals/{ids[at]}/{step.act}"
        yield serve.request("POST", path, headers, content.encode())


def open_to(principals: dict[str, Principal]) -> dict[str, Any]:
    """Which acts are open to whom, in each state: bare and the peers read it from a file."""
    found: dict[str, Any] = {
        "leads": [str(member_id(LEAD)), str(member_id("police.lead"))],
        "notices": {code: str(text) for code, text in REDISCLOSURE_NOTICE.items()},
    }
    flags = (False, True)
    for one in principals.values():
        for side in ("from", "to"):
            for status in sorted(transitions.ANY):
                for works in flags:
                    for holds in flags:
                        for taken in flags:
                            who = CallerRelation(side, works, holds, taken, False)
                            key = f"{one.member_id} {side} {status} {works} {holds} {taken}"
                            found[key] = transitions.acts_open_to(one, who, status)
    return found
