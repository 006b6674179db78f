"""Whatever way is tried: where a confidential place is reaches nobody, and what else is
confidential nobody outside the network (R3, R4, T1).

The scene is tests/support/people/confidential_scene.py: all of it was public before. What the
database itself refuses is tested in tests/directory/test_confidential_places_in_sql.py.
"""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from directory import models as m
from directory.exporting import export
from permissions import assignments
from permissions.database.aliases import JOBS
from tests.directory.hidden_scene import (
    CHANGES,
    LISTS,
    ORGANIZATIONS,
    OUTSIDER,
    PLACES,
    SERVICES,
    ids,
    totals,
)
from tests.directory.hidden_scene import inside as inside  # a fixture
from tests.directory.hidden_scene import nobody as nobody  # a fixture
from tests.directory.hidden_scene import outside as outside  # a fixture
from tests.directory.hidden_scene import scene as scene  # a fixture
from tests.support.people import confidential_scene as hidden
from tests.support.people.callers import Caller
from tests.support.people.confidential_scene import (
    WHERE,
    Scene,
    all_lines,
    text_of,
)
from tests.support.people.desk_pages import Pages, at_the_desk
from tests.support.people.stories import NOTICE
from tests.support.proofs import routes


def fed(caller: Caller) -> list[dict[str, Any]]:
    """The change feed from its beginning."""
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        page = caller.get(CHANGES, {"limit": "500"} | after).json()
        if not page["items"]:
            return found
        found += page["items"]
        after = {"after": page["next"]}


# -- Everything at once ----------------------------------------------------------------------------


def questions(scene: Scene) -> Iterator[tuple[str, dict[str, str]]]:
    """Every list in every form, and every way of asking for what is hidden."""
    words = ["quennelby", "morrowick", "brimholt", "brimhlt", "hestrefall", "penhallow"]
    near = {"latitude": str(hidden.LATITUDE), "longitude": str(hidden.LONGITUDE)}
    asked: list[dict[str, str]] = [
        *({"search": word} for word in words),
        {"modified_after": "2020-01-01", "per_page": "100"},
        {"organization_id": str(scene.ids["home"])},
        {"organization_id": str(scene.ids["neighbour"])},
        {"taxonomy_term_id": str(scene.ids["term"])},
        {"victimization_type": "stalking"},
        {"language": "is"},
        {"postcode": hidden.POSTCODE},
        {"open_at": hidden.open_at()},
        near | {"radius": "3000"},
        near | {"search": "penhallow"},
    ]
    forms: list[dict[str, str]] = [{"full": "true"}, {"format": "ndjson", "full": "true"}]
    forms += [form | PLAIN for form in forms]
    for path, form, one in itertools.product((SERVICES, PLACES), forms, asked):
        yield path, form | one
    short = (_MINIMAL, {"facets": "true"}, PLAIN, {})
    for path, form in itertools.product((SERVICES, PLACES), short):
        yield path, {**form, "per_page": "100"}
        yield path, {**form, "format": "ndjson"}
        yield path, {**form, **near}
    for one in ({"per_page": "100"}, *asked):
        yield PLACES, one | MAP
    for form in ({}, {"full": "true"}, {"full_service": "true"}, {"full_service": "true"} | PLAIN):
        yield ORGANIZATIONS, {**form, "per_page": "100"}
        yield ORGANIZATIONS, {**form, "format": "ndjson"}
        yield ORGANIZATIONS, {**form, "taxonomy_term_id": str(scene.ids["term"])}
        for word in words:
            yield ORGANIZATIONS, {**form, "search": word}
    for path in ("/v1/directory/taxonomies", "/v1/directory/taxonomy_terms"):
        yield path, {"search": "wexcombe"}
        yield path, {"format": "ndjson"}


_MINIMAL = {"minimal": "true"}
PLAIN = {"plain": "true"}
MAP = {"format": "geojson"}


def asked_of_lists(caller: Caller, scene: Scene) -> Iterator[tuple[str, str]]:
    """What each question is answered, by GET or by POST; 400 where a list does not know it."""
    for number, (path, query) in enumerate(questions(scene)):
        ask = caller.get if number % 2 else caller.post
        answer = ask(path, query)
        assert answer.status_code in (200, 400), answer.content
        yield f"{path} {query}", text_of(answer)


def asked_of_routes(caller: Caller | Pages, scene: Scene) -> Iterator[tuple[str, str]]:
    """The answer of every GET route of the directory, for each hidden id and some others."""
    count = 0
    names = {*scene.names, "home", "refuge", "neighbour", "counsel", "counsel_far", "far"}
    for route, pattern in routes.served():
        if "directory" not in route or "GET" not in routes.methods_of(pattern):
            continue
        count += 1
        given = (
            [str(scene.ids[name]) for name in sorted(names)] if "<uuid:" in route else ["service"]
        )
        for one in given:
            path = routes.filled(route, **dict.fromkeys(_IDS, one), name="service")
            answer = caller.get(path)
            assert answer.status_code < 500, path
            yield path, text_of(answer).replace(one, "asked")
    assert count >= 15, "the resolver was not read"


_IDS = ("organization_id", "place_id", "taxonomy_id", "term_id", "location_id", "service_id")


def told(answers: Iterator[tuple[str, str]], secrets: list[str], least: int) -> list[Any]:
    """Where a secret stands, of at least so many answers looked at."""
    found, count = [], 0
    for path, text in answers:
        count += 1
        found += [(path, word) for word in secrets if word in text]
    assert count >= least
    return found


def test_no_list_tells_the_public(scene: Scene, outside: Caller) -> None:
    assert told(asked_of_lists(outside, scene), scene.secrets(), 110) == []


def test_no_list_tells_the_network_where(scene: Scene, inside: Caller) -> None:
    assert told(asked_of_lists(inside, scene), list(WHERE), 110) == []


def test_no_route_tells_the_public(scene: Scene, outside: Caller) -> None:
    assert told(asked_of_routes(outside, scene), scene.secrets(), 70) == []


def test_no_route_tells_the_network_where(scene: Scene, inside: Caller) -> None:
    assert told(asked_of_routes(inside, scene), list(WHERE), 70) == []


def test_no_page_tells_the_public_nor_the_network_where(scene: Scene) -> None:
    signed_in = at_the_desk("outsider.lead")
    assert told(asked_of_routes(Pages(), scene), scene.secrets(), 70) == []
    assert told(asked_of_routes(signed_in, scene), list(WHERE), 70) == []
    for word in ("quennelby", "morrowick", "brimholt", "brimhlt", "penhallow"):
        for pages, path, secrets in (
            (Pages(), "/directory", scene.secrets()),
            (signed_in, "/desk/directory", [one for one in WHERE if one != word]),
        ):
            page = text_of(pages.submit(path, {"words": word}))
            assert [one for one in secrets if one in page and one != word] == []


def test_no_plain_answer_and_no_map_tells_anybody(scene: Scene, inside: Caller) -> None:
    """Not the network either: its marker would be missing there."""
    asked = [
        (path, query if MAP.items() <= query.items() else query | PLAIN)
        for path, query in questions(scene)
        if "facets" not in query
    ]
    answers = [(f"{path} {query}", text_of(inside.get(path, query))) for path, query in asked]
    for path, name in itertools.product(LISTS, (*scene.names, "neighbour", "counsel")):
        one = str(scene.ids[name])
        answer = inside.get(f"{path}/{one}", PLAIN | _SERVICES.get(path, {}))
        assert answer.status_code == 404 or name not in scene.names
        answers.append((path, text_of(answer).replace(one, "asked")))
    assert told(iter(answers), scene.secrets(), 110) == []


_SERVICES = {ORGANIZATIONS: {"full_service": "true"}}


# -- One by one: what is there, and what is not --------------------------------------------------


def test_the_network_knows_the_names(scene: Scene, inside: Caller) -> None:
    """Or the tests above would look for what is nowhere."""
    there = inside.get(f"{PLACES}/{scene.ids['counsel_there']}")
    assert there.status_code == 200
    place = there.json()["location"]
    assert place["name"] == "Morrowick House"
    assert place["confidential"] is True
    assert place["phones"][0]["number"].endswith("555-0171")
    for name in scene.names:
        if name in ("refuge", "whisper"):
            assert inside.get(f"{SERVICES}/{scene.ids[name]}").json()["confidential"] is True
        if name == "home":
            assert inside.get(f"{ORGANIZATIONS}/{scene.ids[name]}").json()["confidential"] is True


def test_what_is_public_still_is(scene: Scene, outside: Caller) -> None:
    counsel = outside.get(f"{SERVICES}/{scene.ids['counsel']}").json()
    assert counsel["name"] == "Penhallow counsel"
    assert counsel["phones"][0]["number"].endswith("555-0179")
    assert [one["id"] for one in counsel["service_at_locations"]] == [str(scene.ids["counsel_far"])]
    assert str(scene.ids["counsel"]) in ids(outside, SERVICES, search="penhallow")
    assert str(scene.ids["neighbour"]) in ids(outside, ORGANIZATIONS)


def test_what_is_hidden_is_as_an_id_that_never_was(scene: Scene, outside: Caller) -> None:
    paths = {"refuge": SERVICES, "whisper": SERVICES, "home": ORGANIZATIONS}
    paths |= {"refuge_there": PLACES, "counsel_there": PLACES, "den": PLACES}
    for name in scene.names:
        for path in {paths.get(name, SERVICES), *LISTS}:
            for headers in ({}, {"If_None_Match": "*"}, {"If_None_Match": '"0123"'}):
                answers = [
                    routes.ask(outside, "GET", f"{path}/{one}", **headers)
                    for one in (scene.ids[name], uuid4())
                ]
                problems = [
                    (status, headers, {**json.loads(body), "request_id": ""}, cookies)
                    for status, headers, body, cookies in answers
                ]
                assert problems[0][0] == 404
                assert problems[0] == problems[1], (name, path)


def test_an_etag_of_before_is_no_longer_known(scene: Scene, api: Any) -> None:
    for name in scene.names:
        for path in (SERVICES, PLACES, ORGANIZATIONS):
            full = api("outsider.lead").get(f"{path}/{scene.ids[name]}")
            if full.status_code == 200:
                again = api(None).get(f"{path}/{scene.ids[name]}", If_None_Match=full["ETag"])
                assert again.status_code == 404


def test_no_map_counts_or_shows_what_is_hidden(
    scene: Scene, outside: Caller, inside: Caller
) -> None:
    maps = [one.get(PLACES, MAP | {"per_page": "100"}).json() for one in (outside, inside)]
    assert maps[0] == maps[1]
    assert maps[0]["total_items"] == len(maps[0]["features"])
    shown = {one["id"] for one in maps[0]["features"]}
    assert str(scene.ids["counsel_far"]) in shown
    assert not {str(scene.ids[name]) for name in scene.names} & shown
    assert all(one["geometry"]["coordinates"] for one in maps[0]["features"])


def test_totals_count_nothing_hidden(scene: Scene, outside: Caller) -> None:
    for path in LISTS:
        total, pages = totals(outside, path)
        shown = ids(outside, path)
        assert total == pages == len(shown), path
        assert len(list(all_lines(outside, path, {}))) == total, path
        assert not {str(scene.ids[name]) for name in scene.names} & set(shown)


# -- The change feed -------------------------------------------------------------------------------


def test_the_public_feed_ends_with_a_tombstone(scene: Scene, outside: Caller) -> None:
    """A mirror of the public directory sees that a public entry is deleted, and no line of one that
    never was public. The network's feed says that it goes on."""
    lines = fed(outside)
    for name in ("den", "refuge_there", "counsel_there", "refuge", "whisper", "home"):
        actions = [line["action"] for line in lines if line["id"] == str(scene.ids[name])]
        if scene.way == "born" or name == "den":
            assert actions == [] or name not in scene.names
        elif name in scene.names:
            assert actions[0] == "created"
            assert actions[-1] == "deleted"
            assert actions.count("deleted") == 1


def test_the_networks_feed_goes_on(scene: Scene, inside: Caller) -> None:
    lines = fed(inside)
    for name in ("refuge_there", "counsel_there"):
        actions = [line["action"] for line in lines if line["id"] == str(scene.ids[name])]
        assert actions[0] == "created"
        assert "deleted" not in actions


def test_no_line_shows_its_number_nor_how_many_are_between(scene: Scene, nobody: Caller) -> None:
    for line in fed(nobody):
        assert set(line) == {"kind", "id", "action", "at"}
    first = nobody.get(CHANGES, {"limit": "1"}).json()["next"]
    later = nobody.get(CHANGES, {"limit": "500"}).json()["next"]
    assert len(first) == len(later)


def test_a_change_of_what_is_hidden_is_no_line_of_the_publics(
    scene: Scene, outside: Caller, api: Any
) -> None:
    before, known = fed(outside), fed(api("outsider.lead"))
    page = outside.get(CHANGES, {"limit": "500"}).json()["items"]
    scene.change_hidden()
    assert fed(outside) == before
    assert len(fed(api("outsider.lead"))) > len(known)
    assert outside.get(CHANGES, {"limit": "500"}).json()["items"] == page


# -- Exports ---------------------------------------------------------------------------------------


def package(path: Path, agency: UUID | None) -> str:
    """All files of an export, lower case."""
    told = export(path, agency_id=agency)
    assert told.written["organization"] >= 1
    return "\n".join(one.read_text() for one in sorted(path.iterdir())).lower()


def test_no_export_tells(scene: Scene, tmp_path: Path) -> None:
    """The public part nothing; an agency's own part names, and not where it is."""
    public = package(tmp_path / "public", None)
    assert "penhallow counsel" in public
    assert [word for word in scene.secrets() if word in public] == []
    assignments.allow_editing(
        m.Organization.objects.using(JOBS).get(id=scene.ids["home"]), OUTSIDER
    )
    own = package(tmp_path / "own", OUTSIDER)
    assert "morrowick" in own
    assert [word for word in WHERE if word in own] == []


# -- Referrals and calls -------------------------------------------------------------------------


def test_no_referral_to_what_one_may_not_see(scene: Scene, api: Any) -> None:
    """Of a client without the scope: a hidden service is answered as a random id, whatever the act
    names it for; a member may refer to it."""
    caller = hidden.without_the_scope(api)
    for name in set(scene.names) & {"refuge", "whisper"}:
        for path, body in (
            ("/v1/referrals", dict(NOTICE)),
            ("/v1/call-records", {"outcome": "full", "put_through": False}),
        ):
            answers = [
                routes.ask(caller, "POST", path, body | {"service_id": str(one)})
                for one in (scene.ids[name], uuid4())
            ]
            bodies = [{**json.loads(body), "request_id": ""} for _, _, body, _ in answers]
            assert answers[0][0] == answers[1][0] == 409
            assert answers[0][1] == answers[1][1]
            assert bodies[0] == bodies[1]
        made = api("police.worker").post(
            "/v1/referrals", NOTICE | {"service_id": str(scene.ids[name])}
        )
        assert made.status_code == 201
