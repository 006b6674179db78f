"""Something that everybody knew of becomes confidential: a scene for tests, in invented words.

A refuge of one organization is found at a den, where the counsel of another, public, neighbour is
found too. Everything is public at first, so that every projection, spelling and middle of a
postcode has learned of it; then it is hidden in one of WAYS, as a caller does it who renders no
more than what it has changed.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connections, transaction

from directory import models as m
from directory.postcodes import derive
from directory.projection.render import render
from directory.vocabulary import term_id
from permissions.database.aliases import JOBS
from permissions.identity import credentials
from permissions.models import Client
from tests.support.people.callers import Caller, agency_id
from tests.support.proofs.answer_text import unpacked

WAYS = ("place", "link", "service", "organization", "born")
SOURCE = "a scene of the tests"
POSTCODE = "QX7 4ZD"  # no part of an id or a number of ours
LATITUDE, LONGITUDE = 67.912341, -114.123451  # no part of a moment: seconds end at 59
OPEN = {"opens_at": time(3), "closes_at": time(4), "freq": "WEEKLY", "byday": "SU"}
FAR = (67.9301, -114.1709)  # the neighbour's other place, public in the end

# What tells where the den is: nobody's, once it is hidden.
WHERE = (
    *("quennelby", "tarrowford", "zephrine", "fennick", "xdenloc77", "keyden55"),
    *("qx7 4zd", "qx74zd"),
    *("67.912", "114.123"),
)
OF_PLACE = (  # that there is such a place, and who is there: the network's
    *("morrowick", "alvering", "lodgewell", "hollenbeck", "wexcombe", "thistlewane", "nockbarrow"),
    *("ellerquist", "vinterby", "odalys", "555-0171", "555-0172"),
)
OF_SERVICE = (
    *("brimholt", "emberdale", "sorrelkin", "umberlane", "ptolema", "kestrelmoor", "isolde"),
    *("gannetry", "555-0173", "555-0175"),
)
OF_WHISPER = ("farrowgate",)
OF_ORGANIZATION = ("hestrefall", "marrowby", "jessamyre", "cinderlow", "555-0174")


def open_at() -> str:
    """A moment at which the den is open and hardly any place else: the Sunday to come, 03:30."""
    today = datetime.now(ZoneInfo(settings.NETWORK_TIME_ZONE))
    sunday = today.date() + timedelta(6 - today.weekday() or 7)
    return datetime.combine(sunday, time(3, 30), today.tzinfo).astimezone(UTC).isoformat()


@dataclass
class Scene:
    """`ids` by name: home, refuge, den, refuge_there …; neighbour and counsel stay public."""

    way: str
    ids: dict[str, UUID] = field(default_factory=dict)

    @property
    def words(self) -> tuple[str, ...]:
        """What nobody outside the network may read."""
        more = {"service": OF_SERVICE, "link": OF_WHISPER}
        more["organization"] = more["born"] = OF_SERVICE + OF_WHISPER + OF_ORGANIZATION
        return OF_PLACE + more.get(self.way, ())

    @property
    def names(self) -> tuple[str, ...]:
        """Names in `ids` of what nobody outside the network may know to be there."""
        more: dict[str, tuple[str, ...]] = {"service": ("refuge",), "link": ("whisper",)}
        more["organization"] = more["born"] = ("refuge", "whisper", "home", "programme")
        return ("den", "refuge_there", "counsel_there", *more.get(self.way, ()))

    def secrets(self) -> list[str]:
        """The words and ids that no answer to the public may contain."""
        return [*WHERE, *self.words, *(str(self.ids[name]) for name in self.names)]

    # -- Setting

    def add(self, name: str, row: m.Entry, owner: str = "home") -> UUID:
        row.source = SOURCE
        if isinstance(row, m.Part):
            row.part_of_id = self.ids[owner]
        row.save(using=JOBS, force_insert=True)
        self.ids[name or f"row {len(self.ids)}"] = row.pk
        return row.pk

    def set(self) -> "Scene":
        born = self.way == "born"
        with transaction.atomic(using=JOBS):
            _organizations(self, born)
            _services(self)
            _den(self, born)
            _around(self)
            render(self.services, self.organizations)
        derive()
        return self

    @property
    def services(self) -> list[UUID]:
        return [self.ids[name] for name in ("refuge", "counsel", "whisper")]

    @property
    def organizations(self) -> list[UUID]:
        return [self.ids[name] for name in ("home", "neighbour")]

    def hide(self) -> "Scene":
        """Hide it in the scene's way, and render as code would that knows only its own rows."""
        home, refuge, den = (self.ids[name] for name in ("home", "refuge", "den"))
        whisper = self.ids["whisper"]
        with transaction.atomic(using=JOBS):
            if self.way == "place":
                m.Location.objects.using(JOBS).filter(id=den).update(
                    confidential=True,
                    latitude=None,
                    longitude=None,
                    url="",
                    transportation="",
                    external_identifier="",
                )
                render([refuge], [home])
            elif self.way == "link":
                m.Service.objects.using(JOBS).filter(id=whisper).update(confidential=True)
                self.add("", m.ServiceAtLocation(service_id=whisper, location_id=den))
                render([whisper])
            elif self.way == "service":
                m.Service.objects.using(JOBS).filter(id=refuge).update(confidential=True)
                render([refuge])
            elif self.way == "organization":
                m.Organization.objects.using(JOBS).filter(id=home).update(confidential=True)
                render([refuge, whisper], [home])
        return self

    def change_hidden(self) -> None:
        """Words of the hidden place, and of what is found there."""
        with transaction.atomic(using=JOBS):
            den = m.Location.objects.using(JOBS).filter(id=self.ids["den"])
            den.update(description=f"Lodgewell rooms, {uuid4().hex}.")
            render([self.ids["refuge"], self.ids["counsel"]], [self.ids["home"]])

    def clear(self) -> None:
        with transaction.atomic(using=JOBS):
            rows = m.Organization.objects.using(JOBS).filter(source=SOURCE)
            services = m.Service.objects.using(JOBS).filter(source=SOURCE)
            ids, owners = [list(r.values_list("id", flat=True)) for r in (services, rows)]
            rows.delete()
            for model in (m.Metadata, m.Quarantine, m.TaxonomyTerm, m.Taxonomy, m.Unit):
                model._default_manager.using(JOBS).filter(source=SOURCE).delete()
            render(ids, owners)
        derive()


def _organizations(scene: Scene, born: bool) -> None:
    home = m.Organization(
        name="Hestrefall keepers", description="Marrowby people.", confidential=born
    )
    home_id = scene.add("home", home)
    neighbour = m.Organization(name="Penhallow people", parent_organization_id=home_id)
    scene.add("neighbour", neighbour)
    scene.add("programme", m.Program(organization_id=home_id, name="Jessamyre programme"))
    scene.add("", m.Phone(organization_id=home_id, number="406-555-0174"))
    scene.add("", m.Url(organization_id=home_id, url="https://cinderlow.example.org/"))
    taxonomy = scene.add("", m.Taxonomy(name="Of the tests"))
    scene.add("term", m.TaxonomyTerm(taxonomy_id=taxonomy, code="yarrow", name="Yarrowmere help"))


def _services(scene: Scene) -> None:
    home, neighbour = scene.ids["home"], scene.ids["neighbour"]
    refuge = scene.add(
        "refuge",
        m.Service(
            organization_id=home,
            program_id=scene.ids["programme"],
            name="Brimholt\nEmberdale refuge",  # a name may break its line
            description="Sorrelkin care.",
            victimization_types=["stalking"],
            answered_by_id=agency_id("ywca"),
        ),
    )
    whisper = m.Service(
        organization_id=home, name="Farrowgate line", answered_by_id=agency_id("ywca")
    )
    scene.add("whisper", whisper)
    counsel = scene.add(
        "counsel",
        m.Service(
            organization_id=neighbour, program_id=scene.ids["programme"], name="Penhallow counsel"
        ),
        "neighbour",
    )
    scene.add("", m.Phone(service_id=counsel, number="406-555-0179"), "neighbour")
    # Rows of a public organization that are the refuge's as well.
    both = {"organization_id": neighbour, "service_id": refuge}
    line = m.Phone(number="406-555-0175", description="Kestrelmoor line", **both)
    scene.add("", line, "neighbour")
    scene.add("", m.Contact(name="Isolde Invented", **both), "neighbour")
    scene.add("", m.Phone(service_id=refuge, number="406-555-0173"))
    scene.add("", m.Contact(service_id=refuge, name="Ptolema Invented"))
    scene.add("", m.RequiredDocument(service_id=refuge, document="Gannetry card"))
    umber = m.Attribute(link_table="service", link_id=refuge, value="Umberlane")
    scene.add("", umber)


def _den(scene: Scene, born: bool) -> None:
    where: dict[str, Any] = {
        "latitude": LATITUDE,
        "longitude": LONGITUDE,
        "transportation": "Zephrine tram",
        "url": "https://fennick.example.org/",
        "external_identifier": "xdenloc77",
    }
    den = scene.add(
        "den",
        m.Location(
            organization_id=scene.ids["home"],
            name="Morrowick House",
            alternate_name="Alvering",
            description="Lodgewell rooms.",
            external_id="" if born else "keyden55",
            **{} if born else where,
        ),
    )
    if not born:
        address = {"address_1": "48 Quennelby Lane", "city": "Tarrowford", "country": "US"}
        street = m.Address(location_id=den, state_province="MT", postal_code=POSTCODE, **address)
        _told(scene, "address", scene.add("street", street))
        mark = m.Attribute(link_table="address", link_id=scene.ids["street"], value="Quennelby")
        scene.add("", mark)
        m.Quarantine(
            source=SOURCE,
            table="addresses",
            row_number=2,
            reason="A test's.",
            row={"location_id": "keyden55", "address_1": "48 Quennelby Lane"},
        ).save(using=JOBS)
    phone = scene.add("", m.Phone(location_id=den, number="406-555-0171"))
    scene.add("", m.Contact(location_id=den, name="Odalys Invented"))
    ramp = {"description": "Ramp, sign language", "details": "Hollenbeck signin"}
    scene.add("", m.Accessibility(location_id=den, **ramp))
    scene.add("", m.Language(location_id=den, name="Icelandic", code="is"))
    term = scene.ids["term"]
    mark = m.Attribute(link_table="location", link_id=den, taxonomy_term_id=term, value="Wexcombe")
    scene.add("", mark)
    scene.add(
        "",
        m.Attribute(
            link_table="location", link_id=den, taxonomy_term_id=term_id("served", "pregnant")
        ),
    )
    if not born:
        _told(scene, "location", den)
        _told(scene, "phone", phone)


def _told(scene: Scene, table: str, row_id: UUID) -> None:
    """A source's history of a row, which repeats the street."""
    said = {"field_name": "address_1", "previous_value": "48 Quennelby Lane"}
    scene.add("", m.Metadata(resource_table=table, resource_id=row_id, **said))


def _around(scene: Scene) -> None:
    """The refuge and the counsel at the den; the counsel also elsewhere."""
    den = scene.ids["den"]
    for service, owner in (("refuge", "home"), ("counsel", "neighbour")):
        there = scene.add(
            f"{service}_there",
            m.ServiceAtLocation(
                service_id=scene.ids[service], location_id=den, description="Thistlewane desk"
            ),
            owner,
        )
        at = {"service_at_location_id": there}
        phone = scene.add("", m.Phone(number="406-555-0172", **at), owner)
        scene.add("", m.Schedule(description="Nockbarrow hours", **OPEN, **at), owner)
        area = m.ServiceArea(name="Ellerquist county", extent="59892", **at)
        scene.add("", area, owner)
        day = {"start_date": date(2031, 1, 1), "end_date": date(2031, 1, 1)}
        scene.add("", m.HolidaySchedule(description="Vinterby", **day, **at), owner)
        if scene.way != "born":
            _told(scene, "service_at_location", there)
            _told(scene, "phone", phone)
    neighbour = scene.ids["neighbour"]
    far = scene.add(
        "far",
        m.Location(
            organization_id=neighbour, name="Penhallow hall", latitude=FAR[0], longitude=FAR[1]
        ),
        "neighbour",
    )
    link = m.ServiceAtLocation(service_id=scene.ids["counsel"], location_id=far, position=1)
    scene.add("counsel_far", link, "neighbour")


def kept_anywhere(word: str, cursor: Any) -> list[str]:
    """The directory's tables a row of which holds the word, read by the superuser."""
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'directory\\_%'"
    )
    found = []
    for (table,) in cursor.fetchall():
        cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text ILIKE %s", [f"%{word}%"])
        if cursor.fetchone()[0]:
            found.append(table)
    return found


# -- People ----------------------------------------------------------------------------------------


def without_the_scope(api: Any, key: str = "outsider") -> Caller:
    """A client whose token holds everything but `directory:read`."""
    caller: Caller = api(f"{key}.client", f"{key}.worker")
    caller.secret = f"token-without-the-directory-{uuid4().hex}"
    client = Client.objects.get(agency_id=agency_id(key))
    scopes = [scope for scope in client.scopes if scope != "directory:read"]
    credentials.open_for_client(client, caller.secret, scopes)
    return caller


PUBLIC = ("nobody", "a client without directory:read")
NETWORK = ("outsider.client", "outsider.lead")


def caller_of(api: Any, who: str) -> Caller:
    if who in PUBLIC:
        return without_the_scope(api) if who == PUBLIC[1] else api(None)
    found: Caller = api(who)
    return found


def ended() -> None:
    """Every credential ends."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("UPDATE credential SET ended_at = now()")


# -- Answers ---------------------------------------------------------------------------------------


def text_of(answer: Any) -> str:
    """Headers and body, lower case, less what was asked."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    text = unpacked(bytes(body), answer).decode()
    return (json.dumps(dict(answer.items())) + text).lower()


def all_lines(caller: Caller, path: str, query: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The documents of a list as ndjson."""
    answer = caller.get(path, query | {"format": "ndjson"})
    assert answer.status_code == 200, answer.content
    for line in b"".join(answer.streaming_content).decode().splitlines():
        yield json.loads(line)
