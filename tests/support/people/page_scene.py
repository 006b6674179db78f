"""What the walk over every page is shown: a network at work at night, and an exercise
(tests/support/people/every_page.py)."""

from datetime import date, timedelta
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from directory.demo import loader
from directory.editing import mistake_reports, verification
from directory.editing.versions import hiding
from directory.models import Duplicate, Edit, PublicListing, Service, TermMeaning, Verification
from directory.trainings import trainings
from directory.trainings.trainings import Facts
from permissions.database.clock import database_now
from permissions.database.uuid7 import uuid7
from permissions.models import Client, SignInProvider
from referrals.models import LineCover, Shift, SilentLine
from referrals.notifications import gaps
from referrals.numbers import network_figures, published_figures
from referrals.numbers.published_figures import EarlierYear
from referrals.on_call import changes
from tests.figures.past_cells import some_years
from tests.support.people.callers import agency_id, member_id
from tests.support.people.directory_entries import OURS, a_location
from tests.support.people.exercises import Exercise
from tests.support.people.exports import ask, second_lead
from tests.support.people.notifications import keep
from tests.support.people.rota import now, principal, set_rotation
from tests.support.people.stories import PACKET, Story, phone_only, service_of

LINE = "/line/" + "a" * 22  # one that there is not: it looks like every other


class Shot(NamedTuple):
    """A page: who is signed in (None: nobody), where it is, and which button leads on to it."""

    name: str
    who: str | None
    path: str
    choose: tuple[str, ...] = ()  # fields of the form by name=value
    press: bool = False  # submit the form of the page
    then: str = ""  # the link to follow from there, as a selector


class Scene(NamedTuple):
    """Referrals in the states that pages show; each value is a referral's id."""

    draft: str
    new: str
    reviewed: str
    accepted: str
    opened: str
    in_handoff: str
    declined: str
    expired: str
    withdrawn: str
    completed: str
    service: str
    by_phone: str
    channel: str
    system: str  # a partner system
    agency_code: str  # of an agency's own sign-in
    shift: str  # on call
    export: str  # that a second lead of ywca asked for
    practiced: str  # in an exercise
    term: str  # of a source, without a meaning
    check: str  # the secret part of a link about an entry
    changed: str  # an own entry with a history
    edit: str  # its last step
    hidden: str  # an own entry that was made confidential, with an undo
    training: str  # of the police


IN_PRACTICE = " in practice"  # behind who is signed in: their browser is in an exercise
LEADS = f"police.lead{IN_PRACTICE}"


def build(api: Any, exercise: Exercise) -> Scene:
    """A network at work at night; and an exercise."""
    ywca = service_of("ywca")

    def story(**notice: Any) -> Story:
        return Story(api, ywca).create(**notice)

    night = {"urgency": "emergency", "needs": ["shelter", "advocacy"], "age_band": "adult"}
    ready = story(language="es", interpreter="phone").release(*PACKET).packet(**PACKET)
    opened = story().release(*PACKET).packet(**PACKET).send().answers("accept")
    opened.answers("open_packet", {"purpose": "intake"}).answers("add_note", {"text": "a note"})
    handed = story().release(*PACKET).packet(**PACKET).send().answers("accept")
    handed.answers("start_handoff", {"mode": "phone"})
    _duplicates()
    _figures(api)
    words = "It is closed on Mondays now.\nSo says the paper at its door."
    mistake_reports.report(None, UUID(ywca), "hours", words)
    mistake_reports.report(None, UUID(ywca), "closed", "")
    return Scene(
        draft=story().id,
        new=story(**night).send().id,
        reviewed=story().send().answers("acknowledge").id,
        accepted=ready.send().answers("accept").sends("call_me").id,
        opened=opened.id,
        in_handoff=handed.id,
        declined=story().send().answers("decline", {"code": "no_capacity"}).id,
        expired=story().send().sends("call_me").id,
        withdrawn=story().send().answers("accept").sends("withdraw", {"code": "other"}).id,
        completed=story().send().answers("accept").answers("complete", {"outcome": "served"}).id,
        service=ywca,
        by_phone=phone_only(),
        channel=keep(api, "ywca.worker", "voice", "406-555-0181"),
        shift=on_call(api),
        export=ask(second_lead("ywca").caller),
        system=str(Client.objects.get(agency_id=agency_id("ywca")).id),
        agency_code=_own_sign_in("ywca"),
        practiced=exercise.id,
        term=_terms(),
        check=_checks(ywca),
        **_own_entries(api),
        training=_trainings(api),
    )


def _own_entries(api: Any) -> dict[str, str]:
    """Two services at places of their own: one was changed, and one was hidden, with an undo."""
    editor, caller = principal(api, "ywca.editor"), api("ywca.editor")
    made = []
    for name in ("Changed line", "Hidden house"):
        place = f"/v1/directory/locations/{uuid7()}"
        assert caller.put(place, a_location(name=f"Place of {name}")).status_code == 201
        service = f"/v1/directory/services/{uuid7()}"
        at = {"service_at_locations": [{"location_id": place.rsplit("/", 1)[1]}]}
        body = {"organization_id": str(OURS), "name": name, "description": "Before."} | at
        assert (
            caller.put(service, body | {"phones": [{"number": "406-555-0171"}]}).status_code == 201
        )
        made.append(UUID(service.rsplit("/", 1)[1]))
    hidden, changed = made[1], made[0]
    plan = hiding.preview(editor, "service", hidden)
    assert hiding.hide(editor, "service", hidden, plan.token, with_undo=True)
    change = {"description": "After.", "phones": [{"number": "406-555-0172"}]}
    path = f"/v1/directory/services/{changed}"
    assert caller.patch(path, change, If_Match="*").status_code == 200
    edit = Edit.objects.using("jobs").filter(row_id=changed).latest("at", "id")
    return {"changed": str(changed), "edit": str(edit.id), "hidden": str(hidden)}


def _checks(service: str) -> str:
    """A question about an entry whose link works, and one that ran out; the first one's secret."""
    secret, at = "b" * 22, database_now("jobs")
    long_ago = {"asked_at": at - timedelta(20), "expires_at": at - timedelta(1)}
    open_now = {"asked_at": at, "expires_at": at + verification.GOOD_FOR}
    for service_id, token, times in (
        (UUID(service), secret, open_now),
        (loader.service_id("shelter-crisis"), "over", long_ago),
    ):
        email = Service.objects.using("jobs").get(id=service_id).email
        Verification.objects.using("jobs").create(
            service_id=service_id,
            token_hash=verification.hash_of(token),
            address_hash=sha256(email.strip().lower().encode()).digest(),
            **times,
        )
    return secret


def _terms() -> str:
    """Terms of a source: one to answer, and one with a meaning; the first one's id."""
    kept = TermMeaning.objects.using("jobs")
    given = {"source": "county", "vocabulary": "?"}
    likely = {"means": ["needs/emergency-shelter"], "score": 0.62}
    meant = {"answer": "yes", "chosen": ["needs/emergency-shelter", "served/women"], "due": True}
    open_now = kept.create(id=uuid4(), name="Sheltering", services=41, **given, **likely)
    kept.create(id=uuid4(), name="Zebra walks", services=2, **given)
    kept.create(id=uuid4(), name="Lodging of women", services=7, **given, **meant)
    return str(open_now.id)


def _duplicates() -> None:
    """Pairs of services: one to answer, and one with each answer."""
    listed = PublicListing.objects.using("jobs").filter(status="active").order_by("id")
    ids = list(listed.values_list("id", flat=True)[:4])
    given = {"score": 0.85, "reasons": ["same_phone", "similar_name", "same_postcode"]}
    kept = Duplicate.objects.using("jobs")
    kept.create(first_id=ids[0], second_id=ids[1], **given)
    kept.create(first_id=ids[0], second_id=ids[2], answer="different", changes=1, **given)
    same = {"answer": "same", "kept_id": ids[1], "due": True, "changes": 1}
    kept.create(first_id=ids[1], second_id=ids[3], **same, **given)


def _trainings(api: Any) -> str:
    """Two trainings of the police, one with a title; that one's id."""
    coordinator, police = principal(api, "taskforce.coordinator"), agency_id("police")
    plain = Facts(police, date(2014, 5, 6), "mixed", "several", "responding", 120, "")
    named = Facts(police, date(2026, 3, 5), "frontline", "hospitality", "recognizing", 31, "Lobby")
    trainings.add(coordinator, uuid4(), plain)
    trainings.add(coordinator, made := uuid4(), named)
    return str(made)


def _figures(api: Any) -> None:
    """Figures of three years, of which one is published, an agency that is named, and a year that
    was published before Cairn."""
    coordinator = principal(api, "taskforce.coordinator")
    some_years()
    published_figures.agree(principal(api, "ywca.lead"), agree=True)
    network_figures.step()
    published_figures.publish(coordinator, "2025")
    told = EarlierYear(2014, 5, 75, 2000, "Invented report of 2015")
    published_figures.store_earlier_year(coordinator, told)


def _own_sign_in(agency: str) -> str:
    """Let the agency have a sign-in of its own, which no page asks; return its code."""
    made = SignInProvider.objects.create(
        agency_id=agency_id(agency),
        code="k7mnp9qx",
        issuer="https://login.agency.example/realm",
        client_id="cairn",
        sealed_secret="00",
        active=True,
        tested=True,
        away_since=database_now("signin"),
    )
    return made.code


def on_call(api: Any) -> str:
    """A rota with a shift that was entered and a question that waits; the shift's id."""
    set_rotation(api)
    times = now() + timedelta(days=1), now() + timedelta(days=2)
    changes.add_shift(principal(api, "ywca.lead"), member_id("ywca.worker2"), "away", *times)
    asks = principal(api, "ywca.worker"), member_id("ywca.worker2"), "first"
    changes.ask_swap(*asks, now() + timedelta(hours=1), now() + timedelta(hours=4))
    gaps.step()
    lines(agency_id("ywca"))
    return str(Shift.objects.using("signin").latest("id").id)


def lines(of: UUID) -> None:
    """Two lines that do not answer, and the figures of two months."""
    for member in (member_id("ywca.worker"), None):
        SilentLine.objects.using("jobs").create(
            agency_id=of, member_id=member, channel_id=uuid4(), kind="voice", began_at=now()
        )
    for month, covered in ((date(2026, 9, 1), 43_200), (date(2026, 10, 1), 30_011)):
        LineCover.objects.using("jobs").create(
            agency_id=of, month=month, minutes=43_200, covered=covered, until=now()
        )
