"""The story over HTTP against a running server, with real tokens and browser sessions.

Each step prints who asks what, the answer, how long it took, and what that party can and cannot
see. It ends at the first difference from the design. A partner system's developer can read it as a
worked example: it knows only demo.json and the addresses. Its callers
are in parties.py.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import requests

from api.dev.parties import Browser, Differs, PartnerSystem, Party

PACKET = {
    "name": "Invented Person",
    "phone": "406-555-0199",
    "safe_contact": "Text only, before noon. No voicemail.",
    "circumstances": "Invented circumstances, written for the walkthrough.",
}
RELEASED = ["name", "phone", "safe_contact"]


class Walkthrough:
    """The cast, and the checks that print."""

    def __init__(self, demo: Mapping[str, Any], say: Callable[[str], None]) -> None:
        self.demo, self.say = demo, say
        self.base_url: str = demo["base_url"]

    def member(self, username: str) -> dict[str, Any]:
        return next(one for one in self.demo["members"] if one["username"] == username)

    def agency(self, key: str) -> dict[str, Any]:
        return next(one for one in self.demo["agencies"] if one["key"] == key)

    def system(self, key: str, acting: str, name: str) -> PartnerSystem:
        client = next(one for one in self.demo["clients"] if one["agency"] == key)
        staff = self.member(acting)["id"]
        return PartnerSystem(name, self.base_url, client, self.demo["token_url"], staff)

    def browser(self, username: str, name: str) -> Browser:
        return Browser(name, self.base_url, self.member(username))

    def step(
        self,
        who: Party,
        what: str,
        expected: int,
        method: str,
        path: str,
        body: Any = None,
        **headers: str,
    ) -> requests.Response:
        """Send one request and print it. Raises Differs if its status is not `expected`."""
        answer, ms = who.ask(method, path, body, **headers)
        self.say(f"{who.name:<24} {what:<52} {answer.status_code}  {ms:6.0f} ms")
        if answer.status_code != expected:
            raise Differs(f"{what}: expected {expected}, got {answer.status_code}: {answer.text}")
        return answer

    def sees(self, fact: str, is_so: bool) -> None:
        """Print and check a fact. Raises Differs if it is false."""
        self.say(f"{'':<24}   {'·' if is_so else '✗'} {fact}")
        if not is_so:
            raise Differs(fact)


def walk(demo: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Run the whole story. Raises Differs at the first difference from the design."""
    w = Walkthrough(demo, say)
    officer = w.system("police", "police.worker", "officer (police system)")
    colleague = w.system("police", "police.worker2", "officer's colleague")
    outsider = w.system("outsider", "outsider.worker", "uninvolved agency")
    advocate = w.browser("ywca.worker", "advocate (browser)")
    visitor = Party("visitor, not signed in", w.base_url)

    service = _find_a_service(w, visitor, officer)
    referral = _refer(w, officer, service)
    _answer(w, advocate, officer, outsider, referral)
    _write_the_packet(w, officer, referral)
    _open_it(w, advocate, officer, colleague, outsider, referral)
    _finish(w, advocate, officer, referral)
    _nothing_for_the_uninvolved(w, outsider, referral)
    _prove_it(w, referral)
    say("The story is as designed.")


def _find_a_service(w: Walkthrough, visitor: Party, officer: Party) -> dict[str, Any]:
    root = w.step(visitor, "opens the directory's root", 200, "GET", "/v1/directory").json()
    w.sees("it lists the safety lines", any(x["phone"] == "911" for x in root["safety_lines"]))
    public = w.step(
        visitor, "searches for shelter", 200, "GET", "/v1/directory/services?search=shelter"
    ).json()
    network = w.step(
        officer, "searches for shelter", 200, "GET", "/v1/directory/services?search=shelter"
    ).json()
    hidden = {x["id"] for x in network["contents"]} - {x["id"] for x in public["contents"]}
    w.sees("the network finds a confidential shelter, the public does not", bool(hidden))
    mine = w.agency("ywca")["id"]
    answered = w.step(
        officer, "asks who answers here", 200, "GET", f"/v1/directory/services?answered_by={mine}"
    ).json()["contents"]
    w.sees("there is a service that the advocates answer", bool(answered))
    found: dict[str, Any] = answered[0]
    return found


def _refer(w: Walkthrough, officer: Party, service: dict[str, Any]) -> str:
    notice = {
        "service_id": service["id"],
        "urgency": "urgent",
        "needs": ["shelter", "advocacy"],
        "callback": "406-555-0111",
        "concern": "trafficking",
        "wanted": "call_worker",
    }
    key = {"Idempotency-Key": str(uuid4())}
    made = w.step(officer, "makes a referral", 201, "POST", "/v1/referrals", notice, **key)
    again = w.step(officer, "repeats it (same key)", 201, "POST", "/v1/referrals", notice, **key)
    w.sees("it is the same referral", made.json()["id"] == again.json()["id"])
    referral = f"/v1/referrals/{made.json()['id']}"
    sent = w.step(
        officer, "sends the notice", 200, "POST", f"{referral}/send", {"agreement": "agrees"}
    ).json()
    w.sees("it shows its deadlines", bool(sent["ack_by"] and sent["accept_by"]))
    w.sees("it names no one", not any(text in str(sent) for text in PACKET.values()))
    return referral


def _answer(
    w: Walkthrough, advocate: Party, officer: Party, outsider: Party, referral: str
) -> None:
    page = w.step(advocate, "looks at the inbox", 200, "GET", "/v1/referrals?needs_answer=true")
    ids = [line["id"] for line in page.json()["items"]]
    w.sees("the notice waits for an answer", referral.rsplit("/", 1)[1] in ids)
    seen = w.step(advocate, "reads the notice", 200, "GET", referral).json()
    w.sees(f"its reference to say on the phone: {seen['reference']}", len(seen["reference"]) == 6)
    early = {"purpose": "intake"}
    w.step(advocate, "tries the packet too early", 403, "POST", f"{referral}/open_packet", early)
    w.step(advocate, "acknowledges", 200, "POST", f"{referral}/acknowledge", {})
    w.step(advocate, "accepts", 200, "POST", f"{referral}/accept", {})
    w.step(advocate, "accepts again (a retry)", 200, "POST", f"{referral}/accept", {})
    shown = w.step(officer, "looks", 200, "GET", referral).json()
    w.sees("it was taken", shown["status"] == "accepted")
    w.step(outsider, "tries to accept it too", 404, "POST", f"{referral}/accept", {})


def _write_the_packet(w: Walkthrough, officer: Party, referral: str) -> None:
    w.step(
        officer,
        "writes a packet without a release",
        409,
        "POST",
        f"{referral}/put_packet",
        {"packet": PACKET},
    )
    now = datetime.now(UTC)
    release = {
        "basis": "stated_agreement",
        "purpose": "receive_service",
        "fields": RELEASED,
        "form": "oral_witnessed",
        "signed_at": now.isoformat(),
        "expires_at": (now + timedelta(days=6)).isoformat(),
        "attestations": [
            *("risks_explained", "alternatives_offered", "not_a_condition_of_service"),
            *("platform_explained", "right_to_revoke_told", "may_be_redisclosed_told"),
            "told_no_effect_on_case",
        ],
        "consenters": [{"who": "self", "signed_at": now.isoformat(), "not_the_abuser": True}],
        "adult": True,
    }
    w.step(
        officer, "records the survivor's release", 200, "POST", f"{referral}/put_release", release
    )
    w.step(officer, "writes the packet", 200, "POST", f"{referral}/put_packet", {"packet": PACKET})


def _open_it(
    w: Walkthrough,
    advocate: Party,
    officer: Party,
    colleague: Party,
    outsider: Party,
    referral: str,
) -> None:
    path, purpose = f"{referral}/open_packet", {"purpose": "intake"}
    w.step(advocate, "opens the packet without a purpose", 400, "POST", path, {})
    packet = w.step(advocate, "opens the packet, for intake", 200, "POST", path, purpose).json()
    released = {name: PACKET[name] for name in RELEASED}
    w.sees("exactly the released fields open", packet["packet"] == released)
    w.sees("a receipt names the entry in the log", bool(packet["receipt"]))
    w.sees("the notice of the release goes with it", "network" in packet["handling"])
    w.step(colleague, "tries the packet", 403, "POST", path, purpose)
    w.step(colleague, "tries the notes", 403, "POST", f"{referral}/open_notes", purpose)
    w.step(outsider, "tries the packet", 404, "POST", path, purpose)


def _finish(w: Walkthrough, advocate: Party, officer: Party, referral: str) -> None:
    before = w.step(officer, "looks", 200, "GET", referral)
    story = w.step(officer, "reads the history", 200, "GET", f"{referral}/history")
    w.step(
        advocate, "starts the hand-off", 200, "POST", f"{referral}/start_handoff", {"mode": "phone"}
    )
    note = {"text": "Invented note of the walkthrough."}
    w.step(advocate, "writes a note", 201, "POST", f"{referral}/add_note", note)
    done = w.step(
        advocate, "completes", 200, "POST", f"{referral}/complete", {"outcome": "connected"}
    ).json()
    w.sees("on the advocates' side it is completed", done["status"] == "completed")
    after = w.step(officer, "looks again", 200, "GET", referral)
    same = before.content == after.content and before.headers["ETag"] == after.headers["ETag"]
    w.sees("the officer's answer has not moved by a byte, nor its ETag", same)
    later = w.step(officer, "reads the history again", 200, "GET", f"{referral}/history")
    w.sees("nor has the history", story.content == later.content)
    w.step(
        officer, "asks for the notes", 200, "POST", f"{referral}/open_notes", {"purpose": "review"}
    )
    notes = w.step(
        advocate, "reads the notes", 200, "POST", f"{referral}/open_notes", {"purpose": "review"}
    ).json()["items"]
    w.sees("hand-off, note and outcome are there", len(notes) == 3)


def _nothing_for_the_uninvolved(w: Walkthrough, outsider: Party, referral: str) -> None:
    random = f"/v1/referrals/{uuid4()}"
    purpose = {"purpose": "intake"}
    for what, method, end, body in (
        ("the referral", "GET", "", None),
        ("its history", "GET", "/history", None),
        ("its packet", "POST", "/open_packet", purpose),
        ("its notes", "POST", "/open_notes", purpose),
        ("an act", "POST", "/complete", {"outcome": "other"}),
    ):
        real = w.step(outsider, f"asks for {what}", 404, method, referral + end, body)
        none, _ms = outsider.ask(method, random + end, body)
        same = real.content == none.content and _plain(real) == _plain(none)
        w.sees("the very answer that a random id gets", same)
    page = w.step(outsider, "lists its referrals", 200, "GET", "/v1/referrals").json()
    w.sees("it is not among them", referral.rsplit("/", 1)[1] not in str(page))


def _plain(answer: requests.Response) -> dict[str, str]:
    varies = {"x-request-id", "date"}
    return {name: value for name, value in answer.headers.items() if name.lower() not in varies}


def _prove_it(w: Walkthrough, referral: str) -> None:
    auditor = w.browser("ywca.auditor", "advocates' auditor")
    number = referral.rsplit("/", 1)[1]
    path = f"/v1/access-log?referral_id={number}&limit=100"
    entries = w.step(auditor, "reads the access log", 200, "GET", path).json()["items"]
    opened = [one for one in entries if one["act"] == "referral.open_packet"]
    w.sees(
        "who opened the packet, when, why, which fields",
        any(
            one["decision"] == "allowed"
            and one["purpose"] == "intake"
            and one["member_name"]
            and sorted(one["fields"]) == sorted(RELEASED)
            for one in opened
        ),
    )
    w.sees("and who was refused", any(one["decision"] == "refused" for one in opened))
    values = [*PACKET.values(), "Invented note"]
    w.sees("no value of the packet is in it", not any(text in str(entries) for text in values))
    w.step(auditor, "tries the referral itself", 404, "GET", referral)
    other = w.browser("police.auditor", "police auditor")
    theirs = w.step(other, "reads the access log", 200, "GET", path).json()["items"]
    w.sees(
        "the police's own people only: not one entry is the same",
        bool(theirs) and not {one["id"] for one in theirs} & {one["id"] for one in entries},
    )
