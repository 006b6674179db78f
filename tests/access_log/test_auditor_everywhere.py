"""An auditor tries every route that the process serves, read from the resolver, with every method:
no answer holds a packet value, a note, anything of a referral but its id, or a person of another
agency; and each try is in the log."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from api.dev.cast import CAST
from permissions.identity import credentials
from permissions.models import Client
from tests.support.ground.database import full_story
from tests.support.ground.short_form import in_both_forms
from tests.support.people.callers import Caller, agency_id, member_id
from tests.support.people.stories import PACKET, Story
from tests.support.proofs import matrix, routes
from tests.support.proofs.marker_sweep import whole
from tests.support.proofs.matrix import TryOut, ask, browser, form
from tests.support.proofs.route_table import SIGNS_OUT

NEVER_RELEASED = "never released"  # a value of full_story's packet
NOTES = {"ywca": "Zymurgy, an invented note of theirs", "police": "Quixotry, an invented note"}
CALLBACK = "406-555-0188"
AUDITORS = ("ywca.auditor", "police.auditor", "outsider.auditor", "taskforce.auditor")
SYSTEMS = (None, "ywca.lead")  # a partner system that reads the log, and for whom it says it acts

# What is the same for everybody, and so no entry's matter: the public directory and what explains
# the product, and the pages of signing in and out. Nor is it one to be led elsewhere.
NO_ENTRY = (
    *("v1/directory", "v1/codes", "v1/referrals/transitions", "v1/access-log/keys"),
    *("v1/access-log/verifier.py", "docs", "health", "directory", "problems/", "who-sees-what"),
    *("safety", "accounts/", "leave", "demo", "oauth/token", "desk/directory"),
    *("manifest.webmanifest", "service-worker.js", "metrics", ".well-known/"),
    *("fhir/metadata", "fhir/.well-known/", "fhir/CodeSystem/", "fhir/HealthcareService"),
    *("fhir/Location/", "fhir/Organization/"),
    "fhir/Consent",  # without the Task whose they are: of no row (the one is in the log)
    "scim/",  # a system's token, never a person's: counted, and one row a minute
    "calendar/",  # an address that is no one's; a good one is an entry of its member
    "join",  # no one's yet: what they become is in the log
    "call/awake/",  # of no one who is known, until the provider has signed it
    "sign/",  # of no one who is known: counted, and one row a minute
    "desk/referrals/<uuid:referral_id>/signing",  # what this browser asked for; nothing else
    "card/",  # of no one who is known: counted, and one row a minute
    "check/",  # of the people who run a service: no one who is known
    "line/",  # of a person who holds a phone: counted, and one row a minute
    "desk/practice/",  # who is in no exercise leaves and ends none
    "numbers",  # what is published of the network
    "language",  # a choice of words, kept in a cookie
    "desk/agency/terms",  # the network's own text
    "desk/unfinished",  # what they type, kept for themselves
    "desk/locked",  # not locked now: it leads on
    "desk/account",  # their own; each change asks for a fresh second factor first
    "desk/calls/new",  # an entry of the directory, with its number
)


class Everywhere(TryOut):
    """The addresses of the matrix, of a referral with everything in it."""

    def begin(self) -> None:
        self.story = Story(self.api, self.service)
        self.story.create(callback=CALLBACK)
        full_story_of(self.story, self.api)


def full_story_of(story: Story, api: Any) -> None:
    story.send().accept().release(*PACKET).packet(**PACKET, health=NEVER_RELEASED)
    story.answers("add_note", {"text": NOTES["ywca"]}).sends("add_note", {"text": NOTES["police"]})
    api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"})
    api("outsider.worker").get(f"/v1/referrals/{story.id}")


@pytest.fixture
def everywhere(api: Any, story: Story) -> Everywhere:
    full_story(story, api)  # a row in every table, the opt-in of the police's among them
    ends = (datetime.now(UTC) + timedelta(days=7)).isoformat()
    given = {"to_agency_id": str(agency_id("taskforce")), "ends_at": ends}
    assert api("ywca.admin").post("/v1/access-log/opt-ins", given).status_code == 201
    return Everywhere(api)


def others(who: str, superuser: Any) -> dict[str, str]:
    """What is of another agency: its people by name, by id and by number, and its handles."""
    own = who.split(".")[0]
    found = {}
    for unit in CAST:
        if unit.key == own:
            continue
        for short, (name, _) in unit.people.items():
            found[name] = f"the name of {unit.key}.{short}"
            if own != "taskforce":  # an oversight auditor reads ids where an agency opted in
                found[str(member_id(f"{unit.key}.{short}"))] = f"the id of {unit.key}.{short}"
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT subject::text, agency_id FROM referral_side WHERE agency_id <> %s",
            [str(agency_id(own))],
        )
        found |= {subject: f"a handle of {agency}" for subject, agency in cursor.fetchall()}
    return found


def asked_by(
    everywhere: Everywhere, caller: Caller, who: str | None, turn: int = 0, turns: int = 1
) -> Iterator[Any]:
    """Each route and method, requested as by a member who may; one in `turns` of them."""
    pages = browser(who) if who else None
    every = sorted(matrix.served(), key=lambda row: (row[1], row[0]))
    for method, route in every[turn::turns]:
        path = everywhere.address(route)
        if route.startswith(routes.FACES):
            answer = ask(caller, method, path, everywhere, route)
        elif pages is None:
            continue  # a system has no desk
        elif method == "POST":
            answer = pages.post(path, form(everywhere, route))
        else:
            answer = pages.get(path)
        yield method, route, answer
        changes = route.startswith("accounts/") and method == "POST"
        if who and (changes or route in SIGNS_OUT):
            pages = browser(who)


@in_both_forms
@pytest.mark.parametrize("who", AUDITORS)
def test_every_route_tells_an_auditor_ids_and_codes_of_her_own_agency_and_is_in_the_log(
    everywhere: Everywhere, superuser: Any, who: str, short: bool
) -> None:
    """In short: each route by one of them."""
    turns = len(AUDITORS) if short else 1
    turn = AUDITORS.index(who) % turns
    asked = asked_by(everywhere, everywhere.api(who), who, turn, turns)
    assert told_and_unlogged(asked, who, superuser) > 150 / turns


@pytest.mark.parametrize("acting", SYSTEMS)
def test_and_a_partner_system_that_reads_the_log(
    everywhere: Everywhere, superuser: Any, acting: str | None
) -> None:
    caller = everywhere.api("ywca.client", acting)
    caller.secret = f"a-token-that-audits-{uuid4()}"
    system = Client.objects.get(client_id="demo-ywca")
    credentials.open_for_client(system, caller.secret, ["audit:read"])
    assert caller.get("/v1/access-log").status_code == 200
    asked = asked_by(everywhere, caller, None)
    assert told_and_unlogged(asked, "ywca.client", superuser) > 80


def told_and_unlogged(asked: Iterator[Any], who: str, superuser: Any) -> int:
    """How many routes were asked, once none told what it must not nor left no entry."""
    contents = dict.fromkeys((*PACKET.values(), NEVER_RELEASED), "a packet")
    contents |= dict.fromkeys(NOTES.values(), "a note") | {CALLBACK: "a notice"}
    hidden = contents | others(who, superuser)
    told, to_log, routes = [], {}, 0
    for method, route, answer in asked:
        routes += 1
        request_id = answer["X-Request-Id"]
        text = whole(answer)
        told += [(method, route, what) for word, what in hidden.items() if word in text]
        led_on = (method, answer.status_code) == ("GET", 302)
        public = not route or route.startswith(NO_ENTRY) or led_on
        # Without a code no one is known yet: counted, and one row a minute.
        public |= (route, answer.status_code) == ("desk/agency", 403)
        if not public:
            to_log[request_id] = (method, route, answer.status_code)
    unlogged = [to_log[one] for one in to_log.keys() - logged(superuser, list(to_log))]
    assert told == []
    assert not unlogged, "\n".join(map(str, unlogged))
    return routes


def logged(superuser: Any, request_ids: list[str]) -> set[str]:
    """Those of the requests that left an entry."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT request_id::text FROM access_entry WHERE request_id = ANY(%s::uuid[])",
            [request_ids],
        )
        return {one for (one,) in cursor.fetchall()}


def test_the_words_that_are_looked_for_are_told_to_those_whose_they_are(
    everywhere: Everywhere, superuser: Any
) -> None:
    """So that a misspelt one would be seen here."""
    story, found = everywhere.story, ""
    for who in ("ywca.worker", "police.worker"):
        caller = everywhere.api(who)
        for act, body in (
            ("open_packet", {"purpose": "intake"}),
            ("open_notes", {"purpose": "review"}),
        ):
            found += caller.act(story.id, act, body).content.decode()
        found += caller.get(f"/v1/referrals/{story.id}").content.decode()
    trail = f"/v1/access-log?limit=100&referral_id={story.id}"
    for key in ("ywca", "police", "outsider", "taskforce"):
        found += everywhere.api(f"{key}.auditor").get(trail).content.decode()
    words = [*PACKET.values(), NEVER_RELEASED, *NOTES.values(), CALLBACK, "Yve Example"]
    assert [word for word in words if word not in found] == []
    handles = [
        word for word, what in others("outsider.auditor", superuser).items() if "handle" in what
    ]
    assert any(word in found for word in handles)
