"""A world in which every word that a caller may write is a marker: found anywhere, it tells from
which field of whose referral it came. Referrals in every state a referral can be in, at one time.

Which words may be written is read from the contract, so that a new one is marked the day it comes.
"""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connections

from api.dev import demo
from api.dev.cast import CAST
from directory.demo import loader as directory_demo
from directory.importing.parsing import id_of
from permissions.database.uuid7 import uuid7
from referrals.act_registry.registry import MOVES, RULES
from referrals.deadlines import purge
from referrals.packet_fields import PACKET_FIELDS
from tests.support.ground.repository import contract
from tests.support.people.callers import member_id
from tests.support.people.exports import ready
from tests.support.people.notifications import keep
from tests.support.people.stories import Story, release_body, return_body, service_of
from tests.support.proofs import routes
from tests.support.proofs.marker_states import STATES
from tests.support.proofs.sent_markers import FarEnds

# A word of letters that no id, hash or time can hold; for a callback, an extension of six digits;
# for a phone that gets calls, an invented number.
PHONE = re.compile(r"[2-9][0-9]{2}[ .-]?555[ .-]?01[0-9]{2}")
MARK = re.compile(r"zq[g-y]{14}|(?:x ?|ext=)[0-9]{6}(?![0-9])", re.IGNORECASE)
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
NAMES = re.compile("|".join(name for unit in CAST for name, _ in unit.people.values()))
UNRELEASED = "legal"  # the one field of the packet that the survivor does not release
NARROWED = "name"  # the one that is left where the survivor narrowed the release
# Those that need a time of their own; every other is of the last day.
EARLY = ("purged", "purged_draft", "purged_by_sender", "purged_by_recipient", "closed")
BARRED = {"barred": {"police.worker2", "ywca.worker2"}}
SENDER, RECIPIENT = "police.worker", "ywca.worker"


@dataclass(frozen=True)
class Marker:
    kind: str  # a line of the table in tests/policy/test_markers.py
    name: str
    state: str = ""  # of which referral; none: of no referral
    side: str = ""  # whose it is


def texts() -> dict[str, list[str]]:
    """For each act on a referral, the members of its body that are free text in the contract."""
    shapes, found = contract()["components"]["schemas"], {}
    for path, operations in contract()["paths"].items():
        content = operations.get("post", {}).get("requestBody", {}).get("content")
        if not path.startswith("/v1/referrals/{referral_id}/") or not content:
            continue
        shape = shapes[content["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]]
        free = [name for name, one in shape.get("properties", {}).items() if _is_text(one)]
        if free:
            found[path.rsplit("/", 1)[1]] = free
    return found


def _is_text(schema: dict[str, Any]) -> bool:
    kinds = schema.get("type")
    text = "string" in kinds if isinstance(kinds, list) else kinds == "string"
    any_text = schema.get("pattern", "^(?!").startswith(
        ("^(?!", "^[^")
    )  # of any signs that are seen
    return text and any_text and not {"enum", "format", "$ref"} & set(schema)


WITH_TEXT = texts()
# How each reaches the world; any other act with a text of its own is done by each side that may.
OF_THE_STORY = {
    *("put_notice", "put_notice_release", "put_packet", "put_release", "put_return_release"),
    "set_callback",
}
# Of the packet's fields one may hold codes alone; a row of them is as good as a word.
CODED, CODES = (
    "screening",
    ("power_or_control", "threats", "violence", "isolated", "watched", "labour"),
)


@dataclass
class World:
    api: Any
    shift: Any
    marks: dict[str, Marker] = field(default_factory=dict)
    rows: dict[str, Marker] = field(default_factory=dict)  # likewise, of codes
    ids: dict[str, str] = field(default_factory=dict)  # of each state, its referral
    references: dict[str, str] = field(default_factory=dict)  # of each state, what messages say
    hooks: dict[str, str] = field(default_factory=dict)  # of each agency, its webhook
    exports: dict[str, str] = field(default_factory=dict)  # of each agency, its lead's export
    place: str = ""  # a confidential place of ywca's
    age_h: float = 0
    far: FarEnds | None = None  # with it, each step sends its messages

    # -- Marking

    def mark(self, kind: str, name: str, state: str = "", side: str = "") -> str:
        word = "zq" + "".join(secrets.choice("ghijklmnopqrstuvwxy") for _ in range(14))
        self.marks[word] = Marker(kind, name, state, side)
        return word

    def number(self, state: str) -> str:
        extension = f"x{secrets.randbelow(900_000) + 100_000}"
        self.marks[extension] = Marker("notice", "callback", state, "from")
        return f"406-555-0111 {extension}"

    def phone(self, name: str, side: str) -> str:
        """A number that no one else has. Every callback begins with 406."""
        while (number := f"+1{secrets.randbelow(480) + 420}55501{secrets.randbelow(100):02}") in (
            self.marks
        ):
            continue
        self.marks[number] = Marker("channel", name, side=side)
        return number

    def _codes(self) -> str:
        """The codes in an order that no other referral has: as good as a word."""
        while True:
            row = " ".join(secrets.SystemRandom().sample(CODES, len(CODES)))
            if row not in self.rows:
                return row

    def found_in(self, text: str) -> set[Marker]:
        spelt = {one.lower().replace("x ", "x").replace("ext=", "x") for one in MARK.findall(text)}
        spelt |= {*ID.findall(text), *NAMES.findall(text)}
        spelt |= {"+1" + re.sub(r"\D", "", one) for one in PHONE.findall(text)}
        found = {self.marks[one] for one in spelt if one in self.marks}
        return found | {self.rows[one] for one in self.rows if one in text}

    # -- Making

    def hours(self, age: float) -> None:
        self.age_h = age
        self.shift(f"{age} hours")

    def begin(self, only: tuple[str, ...] = tuple(STATES)) -> "World":
        """Every state at once; the last day is day 40."""
        self._people()
        self._channels()
        self._confidential_place()
        if set(EARLY) & set(only):
            self._early()
        self.hours(40 * 24)
        for state in STATES:
            if state not in EARLY and state in only:
                self.make(state)
        self.hours(40 * 24 + 5)
        for key in ("police", "ywca"):
            _lead, self.exports[key] = ready(self.api, f"{key}.lead")
        self._rows()
        return self

    def _early(self) -> None:
        for state in ("purged", "purged_draft", "purged_by_sender"):
            self.make(state)
        self.hours(9 * 24)
        self.make("purged_by_recipient")
        working = Story(self.api, "", self.ids["purged_by_sender"])
        for day in (13, 26):
            self.hours(day * 24)
            working.answers("add_note", {"text": "still at work"})
        self.hours(30 * 24 + 1)
        purge.run()
        self.hours(32 * 24 + 2)
        purge.run()
        self.hours(33 * 24)
        self.make("closed")
        self.hours(37 * 24)  # a release of its own days, which outlasts what the sender is shown
        self._release(Story(self.api, "", self.ids["closed"]), "closed")
        for hours in (38 * 24 + 2, 39 * 24 + 4):
            self.hours(hours)
            purge.run()

    def make(self, state: str) -> None:
        """One referral, with every text of both sides, brought to its state."""
        story = Story(self.api, service_of("ywca"))
        if state == "leads_only":
            story.recipient = "ywca.lead"
        story.create(callback=self.number(state))
        self.ids[state] = story.id
        shown = self.api(SENDER).get(f"/v1/referrals/{story.id}").json()
        self.references[state] = shown["reference"]
        notice = self._signed(routes.body_for("/put_notice_release"))
        paper = {"evidence_ref": self.mark("paper", "notice_evidence_ref", state, "from")}
        story.sends("put_notice_release", notice | paper)
        self._release(story, state)
        self._own_texts(story, state, "from")
        self._tell(state)
        told = False
        for step in STATES[state].how:
            act = step.removeprefix("to:")
            if act == step:
                story.sends(act, self._body(act, state, step))
            else:
                story.answers(act, self._body(act, state, step))
                if not told:
                    self._own_texts(story, state, "to")
                told = True
            self._tell(state)
        if self.far:
            self._rows()  # what both know now a purge may leave to one
            self.far.events(self.found_in, state)

    def _tell(self, state: str) -> None:
        if self.far:
            self.far.messages(state)

    def _release(self, story: Story, state: str) -> None:
        fields = [name for name in PACKET_FIELDS if name != UNRELEASED]
        paper = {"evidence_ref": self.mark("paper", "evidence_ref", state, "from")}
        signed = release_body(*fields, form="written")  # Part 2 is among them
        story.sends("put_release", self._signed(signed) | paper)
        packet = {one: self.mark("packet", one, state, "from") for one in PACKET_FIELDS}
        packet[CODED] = self._codes()
        self.rows[packet[CODED]] = Marker("packet", CODED, state, "from")
        story.sends("put_packet", {"packet": packet})

    def _signed(self, body: dict[str, Any]) -> dict[str, Any]:
        """Its times by the world's clock."""
        now = self.now()
        body["consenters"][0]["signed_at"] = now.isoformat()
        times = {"signed_at": now, "expires_at": now + timedelta(days=6)}
        return body | {name: at.isoformat() for name, at in times.items()}

    def now(self) -> datetime:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT sec.clock()")
            now: datetime = cursor.fetchone()[0]
        return now

    def _own_texts(self, story: Story, state: str, side: str) -> None:
        """Write every text that this side may write on its referral now and no one else sees."""
        draft = STATES[state].how == ()
        for act, names in WITH_TEXT.items():
            rule = getattr(RULES[act], f"{side}_side")
            if act in OF_THE_STORY or rule is None:
                continue
            if draft and "draft" not in (MOVES[act].from_side or ()):
                continue
            body = routes.body_for(f"/{act}") | {
                name: self.mark("own", f"{act}.{name}", state, side) for name in names
            }
            (story.sends if side == "from" else story.answers)(act, body)

    def _body(self, act: str, state: str, step: str) -> Any:
        match act:
            case "put_return_release":
                paper = {"evidence_ref": self.mark("paper", "evidence_ref", state, "to")}
                return self._signed(return_body()) | paper
            case "set_callback":
                return {"callback": self.number(state)}
            case "narrow_release" if state == "release_over":
                return {"expires_at": (self.now() + timedelta(hours=1)).isoformat()}
            case "block" if state == "agency_barred":
                return {"other_agency": True}
            case "block":
                whom = "ywca.worker2" if step != act else "police.worker2"
                return {"member_id": str(member_id(whom))}
        return routes.body_for(f"/{act}")

    def _channels(self) -> None:
        """Give each worker and each agency channels of every kind, with addresses that no one else
        has, and an address for events."""
        for key, kinds in (
            ("police", ("sms", "voice", "mail")),
            ("ywca", ("voice", "sms", "mail")),
        ):
            self._channel(f"{key}.admin", key, "mail", "duty", use="duty")
            for short, kind in zip(("worker", "worker2", "lead"), kinds, strict=True):
                self._channel(f"{key}.{short}", f"{key}.{short}", kind, "own")
            if self.far:
                url = f"{self.far.hooks[key].url}/{self.mark('webhook', 'url', side=key)}"
                made = self.api(f"{key}.admin").post("/v1/webhooks", {"url": url})
                assert made.status_code == 201, made.content
                self.hooks[key] = made.json()["id"]

    def _channel(self, who: str, whose: str, kind: str, name: str, **more: str) -> None:
        if kind == "mail":
            address = f"{self.mark('channel', name, side=whose)}@mail.invalid"
        else:
            address = self.phone(name, whose)
        keep(self.api, who, kind, address, **more)

    def _confidential_place(self) -> None:
        """A place of ywca's, each line of its address a marker."""
        ours = id_of(directory_demo.SOURCE, "organization", "shelter")
        self.place = str(uuid7())
        path = f"/v1/directory/locations/{self.place}"
        body = {"organization_id": str(ours), "name": "House", "confidential": True}
        lines = ("attention", "address_1", "address_2", "city", "directions")
        address = {line: self.mark("address", line) for line in lines}
        editor = self.api("ywca.editor")
        assert editor.put(path, body).status_code == 201
        assert editor.put(f"{path}/confidential_address", address).status_code == 204

    def _people(self) -> None:
        """Mark each member by name and id, which only people of their own agency are shown."""
        for unit in CAST:
            for short, (name, _) in unit.people.items():
                one = Marker("member", name, side=unit.key)
                self.marks[str(member_id(f"{unit.key}.{short}"))] = self.marks[name] = one

    def _rows(self) -> None:
        """Ids that tell something: referrals, an agency's own handles of her, one side's events."""
        of = {referral: state for state, referral in self.ids.items()}
        for referral, state in of.items():
            self.marks[referral] = Marker("referral", "id", state)
        for kind, question in (
            ("handle", "SELECT subject, referral_id, agency_id FROM referral_side"),
            ("own", "SELECT id, referral_id, agency_id FROM note"),
            (
                "event",
                "SELECT id, referral_id, CASE WHEN from_sees THEN from_agency_id"
                " ELSE to_agency_id END FROM referral_event WHERE from_sees <> to_sees",
            ),
        ):
            for own, about, agency in self._past_policies(question):
                side = "from" if agency == demo.agency_id("police") else "to"
                self.marks[str(own)] = Marker(kind, "row", of[str(about)], side)

    def _past_policies(self, question: str) -> list[tuple[UUID, UUID, UUID]]:
        from tests.support.ground.cluster import own_cluster

        connection = own_cluster().connect_superuser(connections["default"].settings_dict["NAME"])
        try:
            with connection.cursor() as cursor:
                cursor.execute(question)
                return [(_uuid(a), _uuid(b), _uuid(c)) for a, b, c in cursor.fetchall()]
        finally:
            connection.close()


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


def cast() -> Iterator[tuple[str, str | None]]:
    """Everybody: each member, each system naming nobody and naming a worker, and nobody."""
    yield "none", None
    for unit in CAST:
        for short in unit.people:
            yield f"{unit.key}.{short}", None
        if unit.has_client:
            yield f"{unit.key}.client", None
            yield f"{unit.key}.client", f"{unit.key}.{next(iter(WORKERS & set(unit.people)))}"


WORKERS = {"worker", "all"}
