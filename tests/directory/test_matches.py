"""Finding who can help: words, filters, hours, distance, counts, streams."""

import csv
import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connections, transaction

from directory import models as m
from directory.demo import loader
from directory.postcodes import derive
from directory.projection.render import render
from directory.search import unmet_searches
from directory.search.query import CAP, FILTERED_CAP, METRES
from directory.vocabulary import codes_for_name, term_id, terms
from permissions.database.aliases import JOBS
from permissions.database.db_identity import identified_transaction
from tests.support.callers import agency_id
from tests.support.directory_entries import LIST, PLACES, Shelf, lines
from tests.support.directory_entries import shelf as shelf  # a fixture

# -- Words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("abogado", "Civil legal help"),
        ("ayuda legal", "Civil legal help"),
        ("albergue", "Emergency shelter"),
        ("refugio", "Emergency shelter"),
        ("sheltr", "Emergency shelter"),
        ("shelters", "Emergency shelter"),
        ("linea de crisis", "Crisis line"),
    ],
)
def test_words_of_both_languages_are_found_misspelt_or_not(
    names: Any, words: str, expected: str
) -> None:
    found = names(search=words)
    assert any(expected.split()[-1].lower() in name.lower() for name in found[:5]), found


def test_accents_and_capitals_do_not_matter(names: Any) -> None:
    assert names(search="LÍNEA")
    assert names(search="LÍNEA") == names(search="linea")


def test_what_bears_the_word_in_its_name_comes_before_what_only_mentions_it(
    shelf: Shelf, names: Any
) -> None:
    shelf.service("Aardvark boarding", description="Near the quillworks museum.")
    shelf.service("The quillworks clinic")
    assert names(search="quillworks") == ["The quillworks clinic", "Aardvark boarding"]


def test_quotes_and_odd_characters_are_words_like_others(names: Any, api: Any) -> None:
    assert names(search='"shelter"')
    for words in ("'", "\\", "a & | !", "((", "%", "<->", "-", "🛟", "a" * 200, ":*"):
        assert api(None).get(LIST, {"search": words}).status_code == 200, words


def test_a_misspelt_word_beside_a_right_one(shelf: Shelf, names: Any) -> None:
    shelf.service("Brindlewick advocacy")
    assert names(search="brindelwick advocacy") == ["Brindlewick advocacy"]
    assert names(search="brindlewik") == ["Brindlewick advocacy"]


# -- Filters --------------------------------------------------------------------------------------


def test_a_need_stands_for_all_below_it_and_for_its_name_in_the_other_language(names: Any) -> None:
    leaf, above = term_id("needs", "emergency-shelter"), None
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT parent_id FROM directory_taxonomyterm WHERE id = %s", [str(leaf)])
        row = cursor.fetchone()
    above = row[0] if row else None
    found = names(taxonomy_term_id=str(leaf))
    assert found
    assert set(found) <= set(names(taxonomy_term_id=str(above)))
    assert names(taxonomy_term_id=str(term_id("needs", "emergency-shelter", "es"))) == found
    assert set(found) <= set(names(needs=f"{leaf},{above}"))


def test_a_kind_of_victimization_stands_for_all_below_it(
    shelf: Shelf, api: Any, names: Any
) -> None:
    """Whether a service says it itself or bears the term in either language; not the other way."""
    shelf.service("Says it", victimization_types=["labor_trafficking"])
    for language in ("en", "es"):
        marked = shelf.service(f"Bears it, {language}")
        term = term_id("victimization", "labor_trafficking", language)
        shelf.add(marked, m.Attribute(link_table="service", link_id=marked, taxonomy_term_id=term))
    shelf.service("Of the wider kind", victimization_types=["trafficking"])
    narrow = {"Says it", "Bears it, en", "Bears it, es"}
    everything = {*narrow, "Of the wider kind"}
    assert everything & set(names(victimization_type="trafficking")) == everything
    assert everything & set(names(victimization_type="labor_trafficking")) == narrow
    assert everything & set(names(victimization_type="sex_trafficking")) == set()
    # What a document says is what its agency said.
    (found,) = [
        item
        for item in api(None).get(LIST, {"search": "Says it"}).json()["contents"]
        if item["name"] == "Says it"
    ]
    assert found["victimization_types"] == ["labor_trafficking"]


def test_a_service_with_open_eligibilitys_names_is_found_by_our_needs(
    shelf: Shelf, names: Any
) -> None:
    service = shelf.service("Named otherwise")
    name = next(term.open_eligibility[0] for term in terms() if term.open_eligibility)
    other = m.TaxonomyTerm(name=name)
    other.save(using=JOBS)
    mark = m.Attribute(link_table="service", link_id=service, taxonomy_term_id=other.id)
    shelf.add(service, mark)
    for taxonomy, code in codes_for_name(name):
        assert "Named otherwise" in names(taxonomy_term_id=str(term_id(taxonomy, code)))
    shelf.clear()
    other.delete(using=JOBS)


def test_several_needs_have_all_to_be_there(names: Any) -> None:
    shelter, legal = term_id("needs", "emergency-shelter"), term_id("needs", "civil-legal")
    both = set(names(needs=f"{shelter},{legal}"))
    assert both == set(names(needs=str(shelter))) & set(names(needs=str(legal)))


def test_ages(shelf: Shelf, names: Any) -> None:
    shelf.service("Teenagers only", minimum_age=13, maximum_age=17)
    shelf.service("Grown-ups only", minimum_age=18)
    shelf.service("Whoever comes")
    asked = {"search": "only comes whoever"}
    assert asked
    assert {"Teenagers only", "Whoever comes"} <= set(names(age="15"))
    assert "Grown-ups only" not in names(age="15")
    assert {"Grown-ups only", "Whoever comes"} <= set(names(age="18"))
    assert "Teenagers only" not in names(age="17.5")


def test_whom_it_is_for(shelf: Shelf, names: Any) -> None:
    women = shelf.service("For women")
    men = shelf.service("For men")
    shelf.service("For everybody")
    for service, code in ((women, "women"), (men, "men")):
        shelf.add(
            service,
            m.Attribute(
                link_table="service", link_id=service, taxonomy_term_id=term_id("served", code)
            ),
        )
    found = names(served="women")
    assert {"For women", "For everybody"} <= set(found)
    assert "For men" not in found


def test_languages_by_code_name_or_own_name(shelf: Shelf, names: Any) -> None:
    for name, said in (
        ("By its code", {"code": "hmn"}),
        ("By its English name", {"name": "Hmong"}),
        ("With a region", {"code": "hmn-US"}),
    ):
        service = shelf.service(name)
        shelf.add(service, m.Language(service_id=service, **said))
    assert set(names(language="hmn")) == {
        "By its code",
        "By its English name",
        "With a region",
    }


def test_accessibility_of_any_place_or_near_of_the_very_place(shelf: Shelf, api: Any) -> None:
    service = shelf.service("Two doors", [(46.0, -110.0), (47.0, -111.0)])
    second = m.Location.objects.using(JOBS).get(name="Two doors 1")
    shelf.add(service, m.Accessibility(location=second, description="Ramp, wheelchair access"))

    def metres(**query: str) -> int | None:
        answer = api(None).get(LIST, {"accessibility": "wheelchair", "per_page": "100"} | query)
        found = [one for one in answer.json()["contents"] if one["name"] == "Two doors"]
        assert len(found) == 1, "each service once"
        distance: int | None = found[0].get("distance")
        return distance

    assert metres() is None
    # from the first place: the second one is meant, which has the ramp
    assert metres(latitude="46.0", longitude="-110.0") == pytest.approx(
        haversine((46.0, -110.0), (47.0, -111.0)), abs=1
    )


@pytest.mark.parametrize(
    ("columns", "free"),
    [
        ({"fees_description": "Free of charge."}, True),
        ({"fees_description": "Gratis"}, True),
        ({"fees_description": "No cost to victims"}, True),
        ({"fees_description": "Free for members, $10 for others"}, False),
        ({"fees_description": "Sliding scale"}, False),
        ({}, False),
    ],
)
def test_what_costs_nothing_says_so(
    shelf: Shelf, names: Any, columns: dict[str, Any], free: bool
) -> None:
    shelf.service("Priced as said", **columns)
    assert ("Priced as said" in names(cost="free")) is free


def test_answered_here_phone_only_paused_and_full(shelf: Shelf, names: Any) -> None:
    ywca = agency_id("ywca")
    shelf.service("Answered", answered_by_id=ywca)
    shelf.service("Paused", answered_by_id=ywca, intake_paused=True)
    full = shelf.service("Full", answered_by_id=ywca)
    shelf.service("By phone")
    unit = m.Unit(name="beds")
    unit.save(using=JOBS)
    capacity = m.ServiceCapacity(service_id=full, unit=unit, available=0, maximum=8)
    shelf.add(full, capacity)
    ours = {"Answered", "Paused", "Full", "By phone"}
    assert set(names(answered="here")) & ours == {"Answered", "Paused", "Full"}
    assert set(names(answered="phone_only")) & ours == {"By phone"}
    assert set(names(answered="here", intake="taking")) & ours == {"Answered"}
    assert set(names(answered_by=str(ywca))) & ours == {"Answered", "Paused", "Full"}
    assert set(names(kind="community_advocate")) & ours == {"Answered", "Paused", "Full"}
    assert not set(names(kind="healthcare")) & ours
    shelf.clear()
    unit.delete(using=JOBS)


def test_an_interpreter(shelf: Shelf, names: Any) -> None:
    shelf.service("With interpreters", interpretation_services="By telephone, any language")
    shelf.service("Without", interpretation_services="None")
    found = names(interpreter="true")
    assert "With interpreters" in found
    assert "Without" not in found


# -- Hours ----------------------------------------------------------------------------------------


def hours(service: UUID, **said: Any) -> m.Schedule:
    usual = {"freq": "WEEKLY", "byday": "MO,TU,WE,TH,FR", "opens_at": "09:00", "closes_at": "17:00"}
    return m.Schedule(service_id=service, **usual | said)


def test_open_at_a_moment_and_on_a_holiday(shelf: Shelf, names: Any) -> None:
    service = shelf.service("Weekdays")
    shelf.add(service, hours(service))
    monday = _next_monday()

    def is_open(moment: datetime) -> bool:
        return "Weekdays" in names(open_at=moment.astimezone(UTC).isoformat())

    assert is_open(monday.replace(hour=9))
    assert not is_open(monday.replace(hour=8, minute=59))
    assert not is_open(monday.replace(hour=17))
    assert not is_open((monday - timedelta(1)).replace(hour=12))
    day = monday.date()
    shelf.add(service, m.HolidaySchedule(service_id=service, start_date=day, end_date=day))
    assert not is_open(monday.replace(hour=9))
    assert is_open((monday + timedelta(1)).replace(hour=9))


@pytest.mark.parametrize("confidential", [False, True])
def test_a_service_is_open_where_any_of_its_places_is(
    shelf: Shelf, api: Any, confidential: bool
) -> None:
    service = shelf.service(
        "Two counters", [(46.0, -110.0), (47.0, -111.0)], confidential=confidential
    )
    links = m.ServiceAtLocation.objects.using(JOBS).filter(service_id=service)
    for link, day in zip(links.order_by("position"), ("MO", "TU"), strict=True):
        shelf.add(
            service,
            m.Schedule(
                service_at_location_id=link.id,
                freq="WEEKLY",
                byday=day,
                opens_at="09:00",
                closes_at="17:00",
            ),
        )
    monday = _next_monday().replace(hour=12)

    def found(moment: datetime) -> bool:
        answer = api("ywca.worker").get(
            LIST, {"open_at": moment.astimezone(UTC).isoformat(), "per_page": "100"}
        )
        return "Two counters" in [one["name"] for one in answer.json()["contents"]]

    assert found(monday)
    assert found(monday + timedelta(1))
    assert not found(monday + timedelta(2))


def test_open_now_is_the_databases_clock(shelf: Shelf, names: Any, shift_clock: Any) -> None:
    service = shelf.service("Weekdays")
    shelf.add(service, hours(service))
    ahead = _next_monday().replace(hour=12) - datetime.now(UTC)
    shift_clock(f"{int(ahead.total_seconds())} seconds")
    assert "Weekdays" in names(open_at="now")
    shift_clock(f"{int(ahead.total_seconds()) + 6 * 3600} seconds")
    assert "Weekdays" not in names(open_at="now")


def test_hours_are_looked_ahead_in_anew_when_that_is_due(
    shelf: Shelf, names: Any, shift_clock: Any
) -> None:
    service = shelf.service("Weekdays")
    shelf.add(service, hours(service))
    later = _next_monday().replace(hour=12) + timedelta(weeks=8)
    asked = {"open_at": later.astimezone(UTC).isoformat()}
    shift_clock("50 days")
    assert "Weekdays" not in names(**asked), "so far ahead nothing was known"
    call_command("refresh_directory")
    assert "Weekdays" in names(**asked)
    shift_clock("0 days")
    # The hours look ahead further than is due now: made anew from today, for the tests to come.
    everything = m.Service.objects.using(JOBS).values_list("id", flat=True)
    with transaction.atomic(using=JOBS):
        render(list(everything))


def _next_monday() -> datetime:
    from zoneinfo import ZoneInfo

    now = datetime.now(ZoneInfo("America/Denver"))
    days = 7 - now.weekday()
    return (now + timedelta(days)).replace(minute=0, second=0, microsecond=0)


# -- Distance -------------------------------------------------------------------------------------


def haversine(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Metres over the sphere, by the formula of that name."""
    (lat1, lon1), (lat2, lon2) = [(math.radians(x), math.radians(y)) for x, y in (a, b)]
    h = math.sin((lat2 - lat1) / 2) ** 2
    h += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371008.8 * math.asin(math.sqrt(h))


SPREAD = [(45 + i * 0.61 % 4, -116 + i * 1.37 % 12) for i in range(40)]


def test_nearest_first_is_exact_and_each_service_comes_once(shelf: Shelf, api: Any) -> None:
    for number, place in enumerate(SPREAD[:20]):
        other = SPREAD[20 + number]
        shelf.service(f"Spread {number:02}", [place, other], description="thornapple")
    here = (46.87, -113.99)
    at = {"latitude": "46.87", "longitude": "-113.99", "search": "thornapple", "per_page": "7"}
    expected = sorted(
        (min(haversine(here, SPREAD[n]), haversine(here, SPREAD[20 + n])), f"Spread {n:02}")
        for n in range(20)
    )
    found = []
    for page in ("1", "2", "3"):
        answer = api(None).get(LIST, at | {"page": page}).json()
        found += [(item["distance"], item["name"]) for item in answer["contents"]]
        assert answer["total_items"] == 20
        assert answer["last_page"] is (page == "3")
    assert [name for _, name in found] == [name for _, name in expected]
    for (told, _), (true, _) in zip(found, expected, strict=True):
        assert told == pytest.approx(true, abs=1)


def test_nearest_first_is_exact_when_the_index_is_walked(shelf: Shelf, api: Any) -> None:
    """More matches than are counted: the other plan."""
    points = [(45 + i * 0.0713 % 4, -116 + i * 0.1371 % 12) for i in range(CAP + 15)]
    for number, place in enumerate(points):
        shelf.service(f"Many {number:03}", [place], description="thornapple")
    here = (46.87, -113.99)
    at = {"latitude": "46.87", "longitude": "-113.99", "search": "thornapple", "per_page": "40"}
    expected = sorted((haversine(here, p), f"Many {n:03}") for n, p in enumerate(points))
    names = []
    for page in ("1", "2"):
        answer = api(None).get(LIST, at | {"page": page}).json()
        assert (answer["total_items"], answer["total_items_capped"]) == (CAP, True)
        names += [item["name"] for item in answer["contents"]]
    assert answer["last_page"] is True
    assert names == [name for _, name in expected]


def test_a_radius_limits_and_a_postcode_stands_for_its_middle(shelf: Shelf, api: Any) -> None:
    shelf.service("Near by", [(46.90, -114.00)], description="thornapple")
    shelf.service("Far off", [(47.90, -114.00)], description="thornapple")

    def found(**query: str) -> list[str]:
        answer = api(None).get(LIST, {"search": "thornapple"} | query)
        assert answer.status_code == 200, answer.content
        return [item["name"] for item in answer.json()["contents"]]

    at = {"latitude": "46.87", "longitude": "-113.99"}
    assert found(**at) == ["Near by", "Far off"]
    assert found(**at, radius="20000") == ["Near by"]
    near = {"search": "thornapple", "radius": "20000", "format": "ndjson"}
    assert [one["name"] for one in lines(api(None).get(LIST, near | at))] == ["Near by"]
    assert len(lines(api(None).get(PLACES, near | at))) == 1
    assert found(**at, proximity="200000") == ["Near by", "Far off"]
    with connections[JOBS].cursor() as cursor:
        cursor.execute(
            "INSERT INTO directory_postcode VALUES ('00059', 46.87, -113.99, false)"
            " ON CONFLICT DO NOTHING"
        )
    assert found(postcode="00059-1234", proximity="20000") == ["Near by"]
    m.Postcode.objects.using(JOBS).filter(postcode="00059").delete()
    refused = api(None).get(LIST, {"postcode": "99999", "proximity": "5"})
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_postcode")


@pytest.mark.parametrize("how", ["hidden", "removed", "its address removed", "moved"])
def test_the_middle_of_a_postcode_goes_with_the_last_place_it_was_made_of(
    shelf: Shelf, how: str
) -> None:
    """At once, not at night: of a single address it is the address, to a kilometre."""
    service = shelf.service("Once here", [(46.912, -114.123), (46.931, -114.15)])
    links = m.ServiceAtLocation.objects.using(JOBS).filter(service=service).order_by("position")
    first, second = links.values_list("location_id", flat=True)
    for place, code in ((first, "00061"), (second, "00062")):
        shelf.add(service, m.Address(location_id=place, address_1="1 Lane", postal_code=code))
    derive()

    def known() -> set[str]:
        rows = m.Postcode.objects.using(JOBS).filter(postcode__startswith="0006")
        return set(rows.values_list("postcode", flat=True))

    assert known() == {"00061", "00062"}
    places = m.Location.objects.using(JOBS).filter(id=first)
    addresses = m.Address.objects.using(JOBS).filter(location_id=first)
    with transaction.atomic(using=JOBS):
        if how == "hidden":
            places.update(confidential=True, latitude=None, longitude=None)
        elif how == "removed":
            places.delete()
        elif how == "moved":
            addresses.update(postal_code="00062")
        else:
            addresses.delete()
        render([service])
    assert known() == {"00062"}


def test_a_table_of_postcodes_is_taken_or_refused_whole(tmp_path: Path) -> None:
    file = tmp_path / "postcodes.csv"
    with file.open("w", newline="") as out:
        csv.writer(out).writerows(
            [["postcode", "latitude", "longitude"], ["00058", "46.1", "-113.2"], ["X Y", "1", "2"]]
        )
    call_command("import_postcodes", str(file))
    taken = m.Postcode.objects.using(JOBS).filter(derived=False)
    assert set(taken.values_list("postcode", flat=True)) >= {"00058", "XY"}
    file.write_text("postcode,latitude,longitude\n00057,91,0\n")
    with pytest.raises(Exception, match="line 2"):
        call_command("import_postcodes", str(file))
    for text, says in (
        ("", "holds no postcode"),
        ("postcode,latitude,longitude\n", "holds no postcode"),
        ("latitude,longitude,postcode\n1,2,00057\n1,2\n", "line 3"),
        ("postcode,latitude,longitude\n5\x0080,1,1\n", "line 2"),
        (f"postcode,latitude,longitude\n{'9' * 100},1,1\n", "line 2"),
    ):
        file.write_text(text)
        with pytest.raises(CommandError, match=says):
            call_command("import_postcodes", str(file))
    assert taken.filter(postcode="00058").exists()
    taken.filter(postcode__in=["00058", "XY"]).delete()


def test_a_place_that_is_nowhere_on_earth_is_listed_and_not_near_anything(
    shelf: Shelf, api: Any, names: Any
) -> None:
    shelf.service("Off the map", [(100.0, 101.0)], description="thornapple")
    assert names(search="thornapple") == ["Off the map"]
    assert names(search="thornapple", latitude="46", longitude="-113") == []


# -- Counts, pages, streams -----------------------------------------------------------------------


def test_counts_of_filters_stop_and_say_so(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = api(None).get(LIST).json()
    assert "total_items_capped" not in everything
    monkeypatch.setattr("directory.search.sql_statements.FILTERED_CAP", 3)
    page = api(None).get(LIST, {"language": "en", "per_page": "2"}).json()
    assert (page["total_items"], page["total_items_capped"]) == (3, True)
    assert page["last_page"] is False
    assert FILTERED_CAP > 100


def test_all_pages_together_are_the_whole_list(api: Any) -> None:
    seen, page = [], 1
    while True:
        answer = api(None).get(LIST, {"per_page": "7", "page": str(page)}).json()
        seen += [item["id"] for item in answer["contents"]]
        if answer["last_page"]:
            break
        page += 1
    assert len(seen) == len(set(seen)) == answer["total_items"]
    assert api(None).get(LIST, {"per_page": "7", "page": str(page + 1)}).json()["empty"] is True


@pytest.mark.parametrize("path", [LIST, PLACES, "/v1/directory/organizations"])
@pytest.mark.parametrize("full", ["false", "true"])
def test_a_stream_holds_what_all_pages_hold(api: Any, path: str, full: str) -> None:
    for who in (None, "police.worker"):
        streamed = lines(api(who).get(path, {"format": "ndjson", "full": full}))
        page = api(who).get(path, {"per_page": "100", "full": full}).json()
        assert page["last_page"] is True
        key = lambda one: one["id"]  # noqa: E731
        assert sorted(streamed, key=key) == sorted(page["contents"], key=key)


def test_a_stream_is_longer_than_one_statement(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lines(api(None).get(LIST, {"format": "ndjson"}))
    monkeypatch.setattr("directory.search.retrieval.STREAMED", 4)
    assert lines(api(None).get(LIST, {"format": "ndjson"})) == whole


def test_minimal_has_the_id_and_the_date_only(api: Any) -> None:
    page = api(None).get(LIST, {"minimal": "true"}).json()
    assert all(item.keys() == {"id", "modified_date"} for item in page["contents"])
    streamed = lines(api(None).get(LIST, {"minimal": "true", "format": "ndjson"}))
    assert {item["id"] for item in page["contents"]} <= {item["id"] for item in streamed}


def test_modified_after_is_inclusive(api: Any) -> None:
    item = api(None).get(LIST).json()["contents"][0]
    found = api(None).get(LIST, {"modified_after": item["last_modified"], "per_page": "100"})
    assert item["id"] in {one["id"] for one in found.json()["contents"]}
    assert api(None).get(LIST, {"modified_after": "2999-01-01"}).json()["empty"] is True


@pytest.mark.parametrize(
    "moment", ["2026-01-01T00:00:00Z", "2026-01-01t00:00:00z", "2026-01-01 01:00:00.5+01:00"]
)
def test_a_moment_is_read_in_every_form_of_rfc_3339(api: Any, moment: str) -> None:
    soon = f"{datetime.now(UTC) + timedelta(2):%Y-%m-%d}{moment[10:]}"
    for asked in ({"modified_after": moment}, {"open_at": soon}):
        assert api(None).get(LIST, asked).status_code == 200
        assert api(None).post(LIST, asked).status_code == 200
    for bare in ("2026-01-01T00:00:00", "2026-01-01 ", "2026-1-1", "2026-02-30"):
        assert api(None).get(LIST, {"modified_after": bare}).status_code == 400, bare


def test_a_search_by_post_is_the_same_and_leaves_nothing_in_the_url(api: Any) -> None:
    caller = api("police.client")
    asked = {"search": "shelter", "per_page": 5, "full": True, "needs": []}
    posted = caller.post(LIST, asked)
    assert posted.status_code == 200, posted.content
    got = caller.get(LIST, {"search": "shelter", "per_page": "5", "full": "true"})
    assert posted.json() == got.json()
    for path in (PLACES, "/v1/directory/organizations", "/v1/directory/taxonomies"):
        assert caller.post(path, {"search": "shelter"}).status_code == 200
    refused = caller.post(LIST, {"serach": "x"})
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_field")
    assert caller.post(LIST, {"search": {"a": 1}}).status_code == 400


def test_facets_say_how_many_have_what(api: Any) -> None:
    page = api(None).get(LIST, {"facets": "true", "per_page": "100"}).json()
    spanish = api(None).get(LIST, {"language": "es", "per_page": "100"}).json()
    assert page["facets"]["language"]["es"] == spanish["total_items"]
    assert "here" not in page["facets"]
    assert "facets" not in spanish


# -- Organizations, places, taxonomies ------------------------------------------------------------


def test_an_organization_has_its_services_short_or_in_full(api: Any) -> None:
    service = api(None).get(f"{LIST}/{loader.service_id('shelter-advocacy')}").json()
    path = f"/v1/directory/organizations/{service['organization_id']}"
    short = api(None).get(path).json()
    assert {"id", "name", "status"} == short["services"][0].keys()
    full = api(None).get(path, {"full_service": "true"}).json()
    same = next(one for one in full["services"] if one["id"] == service["id"])
    assert same == {name: value for name, value in service.items() if name != "organization"}
    term = str(term_id("needs", "emergency-shelter"))
    listed = api(None).get("/v1/directory/organizations", {"taxonomy_term_id": term}).json()
    assert listed["total_items"] >= 1
    named = api(None).get("/v1/directory/organizations", {"search": short["name"]}).json()
    assert short["id"] in {one["id"] for one in named["contents"]}


def test_a_place_has_the_whole_service_without_its_places(api: Any) -> None:
    item = api(None).get(PLACES).json()["contents"][0]
    place = api(None).get(f"{PLACES}/{item['id']}").json()
    service = api(None).get(f"{LIST}/{item['service_id']}").json()
    expected = {name: v for name, v in service.items() if name != "service_at_locations"}
    assert place["service"] == expected
    assert place["location"]["id"] == item["location_id"]


def test_taxonomies_and_terms(api: Any) -> None:
    taxonomies = api(None).get("/v1/directory/taxonomies").json()["contents"]
    for one in taxonomies:
        assert api(None).get(f"/v1/directory/taxonomies/{one['id']}").json() == one
    needs = next(one for one in taxonomies if "ervice" in one["name"])
    path = "/v1/directory/taxonomy_terms"
    query = {"taxonomy_id": needs["id"], "per_page": "100"}
    terms = api(None).get(path, query).json()
    top = api(None).get(path, query | {"top_only": "true"}).json()
    assert 0 < top["total_items"] < terms["total_items"]
    assert all("parent_id" not in one for one in top["contents"])
    parent = top["contents"][0]["id"]
    below = api(None).get(path, {"parent_id": parent}).json()["contents"]
    assert all(one["parent_id"] == parent for one in below)
    assert all(one["taxonomy_detail"]["id"] == needs["id"] for one in terms["contents"])
    spanish = api(None).get(path, {"search": "albergue"}).json()["contents"]
    assert any(one["language"] == "es" for one in spanish)
    assert api(None).get(f"{path}/{below[0]['id']}").json() == below[0]
    assert api(None).get(f"{path}/{uuid4()}").status_code == 404


def test_a_detail_has_a_validator(api: Any) -> None:
    path = f"{LIST}/{loader.service_id('ndvh-line')}"
    first = api(None).get(path)
    again = api(None).http.get(path, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    tag = first["ETag"]
    for known in ("*", f"W/{tag}", f'"other", {tag}', f'W/"a,b" ,W/{tag}'):
        again = api(None).http.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again["ETag"]) == (304, tag), known
    for other in ('"other"', tag.strip('"'), f'"{tag[1:-2]}"', '"*"', ""):
        assert api(None).http.get(path, headers={"If-None-Match": other}).status_code == 200, other
    assert (
        api(None).http.get(f"{LIST}/{uuid4()}", headers={"If-None-Match": "*"}).status_code == 404
    )


# -- What was not found ---------------------------------------------------------------------------


def test_a_search_in_vain_is_kept_as_codes_area_and_month_and_never_as_words(api: Any) -> None:
    term = str(term_id("needs", "emergency-shelter"))
    vain = {"needs": term, "language": "kl", "postcode": "59801"}
    for _ in range(2):
        assert api(None).get(LIST, vain).json()["total_items"] == 0
    assert api(None).get(LIST, {"search": "a very private story"}).json()["total_items"] == 0
    rows = list(m.UnmetSearch.objects.using(JOBS).values("codes", "area", "count", "month"))
    assert [(row["codes"], row["area"], row["count"]) for row in rows] == [
        (["needs:emergency-shelter"], "598", 2)
    ]
    assert rows[0]["month"].day == 1


def test_no_text_that_somebody_typed_stays_in_the_tally(api: Any) -> None:
    """Nobody makes a row of a text of her own: it might say who she is, and has no end."""
    refused = api(None).get(LIST, {"victimization_type": "Maria Lopez 12 Elm St"})
    assert (refused.status_code, refused.json()["pointer"]) == (400, "victimization_type")
    vain = {"victimization_type": "robbery", "language": "kl"}
    for code in ("Xy zq", "598 Elm", "５９８０１", "59", "59801-1234", " 59801 "):
        assert api(None).get(LIST, vain | {"postcode": code}).json()["total_items"] == 0
    with identified_transaction(None):
        unmet_searches.record_unmet_call([], ["robbery", "Maria Lopez"])
        unmet_searches.record_unmet_call([], ["Maria Lopez"])
    rows = m.UnmetSearch.objects.using(JOBS).order_by("area").values_list("codes", "area", "count")
    assert list(rows) == [(["victimization:robbery"], "", 5), (["victimization:robbery"], "598", 2)]


@pytest.mark.parametrize(
    ("days", "known"), [(-2, False), (-0.9, True), (34.9, True), (35.1, False), (365, False)]
)
def test_hours_are_asked_of_the_days_they_are_known_of(
    days: float, known: bool, shift_clock: Any, api: Any
) -> None:
    shift_clock("100 days")  # by the database's clock
    moment = datetime.now(UTC) + timedelta(100 + days)
    for ask in (api(None).get, api("ywca.worker").post):
        answer = ask(LIST, {"open_at": moment.isoformat(), "search": "shelter"})
        if known:
            assert answer.status_code == 200
        else:
            assert (answer.status_code, answer.json()["pointer"]) == (400, "open_at")
            assert "35 days ahead" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"latitude": "46"}, "latitude"),
        ({"latitude": "91", "longitude": "0"}, "latitude"),
        ({"radius": "0"}, "radius"),
        ({"radius": "1000"}, None),
        ({"open_at": "tomorrow"}, "open_at"),
        ({"accessibility": "stairs"}, "accessibility"),
        ({"kind": "bakery"}, "kind"),
        ({"victimization_type": "bakery"}, "victimization_type"),
        ({"age": "-1"}, "age"),
        ({"needs": "x"}, "needs"),
        ({"format": "xml"}, "format"),
        ({"full": "maybe"}, "full"),
        ({"language": "klingon"}, "language"),
    ],
)
def test_bad_questions_are_told_where(api: Any, query: dict[str, str], pointer: str | None) -> None:
    answer = api(None).get(LIST, query)
    assert answer.status_code == 400
    if pointer:
        assert pointer in json.dumps(answer.json())
    assert METRES[0] == 1
