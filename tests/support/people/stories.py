"""A referral brought to where a test begins, and what its acts are sent."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, connections

from tests.support.people.callers import Caller, agency_id, member_id

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
        if self.sender.startswith(BOUND):
            self.sends("put_notice_release", notice_release_body())
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


TOLD = [one for one in release_body()["attestations"] if one != "told_no_effect_on_case"]
# What a hospital's authorization says besides (45 CFR 164.508(c)).
AUTHORIZED = ["revocation_in_writing_told", "no_longer_protected_told", "copy_provided"]


def authorization(**terms: Any) -> dict[str, Any]:
    """The terms of a release as a nurse records it: a signed authorization."""
    return {
        "basis": "hipaa_authorization",
        "form": "written",
        "attestations": [*TOLD, *AUTHORIZED],
    } | terms


# Victim service providers: their notice, too, needs a signed release (34 U.S.C. 12291(b)(2)).
BOUND = ("ywca.", "sarc.")


def notice_release_body(**terms: Any) -> dict[str, Any]:
    """The permission for the notice as an advocate records it: written, for this recipient."""
    body = release_body(basis="written_release", form="written", attestations=TOLD, **terms)
    del body["fields"]
    return body


def return_body(*fields: str, **terms: Any) -> dict[str, Any]:
    """A return release as an advocate records it: written, to tell the police who sent it."""
    return release_body() | {
        "basis": "written_release",
        "form": "written",
        "fields": list(fields) or ["connected", "engaged", "outcome_code"],
        "attestations": [*TOLD, "police_may_have_to_disclose"],
        **terms,
    }


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


def phone_only() -> str:
    """One that says what it is for."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM directory_listing WHERE answered_by IS NULL"
            " AND cardinality(taxonomy_term_ids) > 0 LIMIT 1"
        )
        return str(cursor.fetchone()[0])


def to(who: str, **more: Any) -> dict[str, Any]:
    return {"member_id": str(member_id(who))} | more


def bar(api: Any, by: str, story: Story, whom: str) -> None:
    answer = api(by).act(story.id, "block", to(whom))
    assert answer.status_code == 200, answer.content


def says_no(api: Any, who: str, draft_id: Any) -> Any:
    return api(who).post("/v1/agreement-tally", {"draft_id": str(draft_id)})


def full_draft(story: Story) -> Story:
    """A draft with all that one can have: packet, note, releases (one has ended), a block."""
    story.create().release("name").release(*PACKET).packet(**PACKET)
    story.sends("add_note", {"text": "an invented note"})
    story.sends("block", {"member_id": str(member_id("police.admin"))})
    story.sends("set_plan", {"services": [service_of("sarc")]})
    return story.sends("revoke_release", {"via": "oral"}).release(*PACKET)


def seen(api: Any, who: str, referral_id: str) -> Any:
    return api(who).get(f"/v1/referrals/{referral_id}").json()


def notes(api: Any, who: str, story: Story, kind: str) -> list[Any]:
    found = api(who).act(story.id, "open_notes", {"purpose": "review"}).json()["items"]
    return [one["content"] for one in found if one["kind"] == kind]


def two(api: Any, service: str) -> tuple[Story, Story]:
    """The same night, from police and hospital, to one advocate."""
    first = Story(api, service).accept().release(*PACKET).packet(**PACKET)
    second = Story(api, service, sender="police.worker2").accept()
    second.release(*PACKET).packet(**PACKET)
    return first, second


def stays(minutes: int) -> dict[str, str]:
    return {"with_worker_until": (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()}


def begun(api: Any) -> Story:
    return Story(api, service_of("ywca")).accept().release().packet(**PACKET)


RECORD = {"at": "2026-01-01T02:45:00Z", "detail": "an invented detail"}
REPORT = RECORD | {"basis": "child_abuse", "to": "child_protection", "survivor_told": "told_before"}
SECRET = RECORD | {"basis": "search_warrant", "to": "police", "survivor_told": "not_told_forbidden"}


def reads_the_log(story: Story, who: str) -> Any:
    return story.api(who).get("/v1/access-log", {"referral_id": story.id})


def opened(story: Story) -> Story:
    """Accepted, with a packet of three fields of which two were released, and opened once."""
    story.accept().release("name", "phone").packet(**PACKET)
    story.answers("open_packet", {"purpose": "intake"})
    return story
