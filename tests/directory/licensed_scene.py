"""A source whose terms are licensed, and all that says something of them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from directory.importing.parsing import id_of
from directory.projection.render import render_organizations
from directory.taxonomy import crosswalk
from directory.vocabulary import term_id
from permissions.database.aliases import JOBS
from tests.support.people.callers import Caller
from tests.support.people.desk_pages import Pages, at_the_desk
from tests.support.people.directory_entries import (
    LIST,
    ORGANIZATIONS,
    PLACES,
    TAXONOMIES,
    TERMS,
    lines,
)
from tests.support.people.hsds_source import directory_command, forget, take, write_tables

SOURCE, OTHER = "test", "another"
SHELTER, TRANSPORT = term_id("needs", "emergency-shelter"), term_id("needs", "transport")
TABLES: dict[str, Any] = {
    "organizations": [{"id": "1", "name": "Marked House", "description": "For tests."}],
    "services": [
        {"id": "10", "organization_id": "1", "name": "Talking", "status": "active"},
        {"id": "11", "organization_id": "1", "name": "Walking", "status": "active"},
    ],
    "locations": [
        {"id": "5", "organization_id": "1", "name": "Hall", "latitude": "46.9", "longitude": "-114"}
    ],
    "service_at_location": [{"id": "7", "service_id": "10", "location_id": "5"}],
    "phones": [{"id": "100", "service_id": "10", "number": "406-555-0181"}],
    "taxonomies": [{"id": "x", "name": "Quillwort words", "description": "Zygote of words"}],
    "taxonomy_terms": [
        {"id": "t0", "code": "QW-1000", "name": "Quibbling lodges", "taxonomy_id": "x"},
        {"id": "t1", "code": "QW-1010", "name": "Bus Passes", "taxonomy_id": "x"},
        {"id": "t2", "code": "QW-1001", "name": "Quaking lodges", "taxonomy_id": "x"},
        {"id": "t3", "code": "QW-1002", "name": "Quorum halls", "taxonomy_id": "x"},
    ],
    "attributes": [
        {"id": "a0", "link_id": "10", "link_entity": "service", "taxonomy_term_id": "t2"},
        {"id": "a1", "link_id": "11", "link_entity": "service", "taxonomy_term_id": "t1"},
        {"id": "a2", "link_id": "1", "link_entity": "organization", "taxonomy_term_id": "t3"},
        {"id": "a3", "link_id": "5", "link_entity": "location", "taxonomy_term_id": "t3"},
        {"id": "a4", "link_id": "100", "link_entity": "phone", "taxonomy_term_id": "t3"},
    ],
}
for _term in TABLES["taxonomy_terms"]:
    _term |= {"description": "", "taxonomy": "Quillwort", "parent_id": ""}
TABLES["taxonomy_terms"][2]["parent_id"] = "t0"
for _attribute, _label in zip(TABLES["attributes"], ("Quaint", "", "", "", ""), strict=True):
    _attribute |= {"label": _label, "value": ""}
HOME = id_of(SOURCE, "organization", "1")
TALKING, WALKING = (id_of(SOURCE, "service", key) for key in ("10", "11"))
TAXONOMY = id_of(SOURCE, "taxonomy", "x")
IDS = [id_of(SOURCE, "taxonomy_term", f"t{n}") for n in range(4)]
ATTRIBUTES = [id_of(SOURCE, "attribute", f"a{n}") for n in range(5)]
# Nothing of it in any answer. "Bus Passes" is a name of Open Eligibility's, too.
SECRET = re.compile(
    "|".join(
        map(
            str,
            ["qw-10", "quibbl", "quillwort", "quak", "quaint", "quorum", "zygote", *IDS, TAXONOMY],
        )
    ),
    re.I,
)


@pytest.fixture
def county(network: Any, tmp_path: Path) -> Iterator[Path]:
    """The source is imported, and a person said what a term of it means."""
    folder = write_tables(tmp_path / "county", TABLES)
    take(folder)
    with transaction.atomic(using=JOBS):
        crosswalk.store({IDS[2]: {SHELTER}}, crosswalk.Confirmed())
        render_organizations([HOME])
    yield folder
    forget()


def mark(*more: str, source: str = SOURCE) -> str:
    return directory_command("licensed-terms", "--source", source, *more)


def answers(caller: Caller, desk: Pages, root: str) -> dict[str, str]:
    """All that this caller is answered, by what was asked."""
    found = {}
    ours = {"organization_id": str(HOME)}
    for path in (LIST, PLACES):
        for more in ({}, {"full": "true"}, {"full": "true", "plain": "true"}):
            found[f"{path} {more}"] = caller.get(path, ours | more).content.decode()
        streamed = lines(caller.get(path, ours | {"format": "ndjson", "full": "true"}))
        found[f"{path} in lines"] = json.dumps(streamed)
    found["map"] = caller.get(PLACES, ours | {"format": "geojson"}).content.decode()
    for one in (f"{LIST}/{TALKING}", f"{LIST}/{WALKING}", f"{ORGANIZATIONS}/{HOME}"):
        for more in ({}, {"plain": "true"}, {"full_service": "true"}):
            if "full_service" not in more or ORGANIZATIONS in one:
                found[f"{one} {more}"] = caller.get(one, more).content.decode()
    for path in (TAXONOMIES, TERMS):
        for more in ({}, {"search": "qu"}, {"search": "QW-1"}, {"plain": "true"}):
            found[f"{path} {more}"] = caller.get(path, {"per_page": "100"} | more).content.decode()
    found["words"] = caller.get(LIST, {"search": "quillwart"}).content.decode()
    for word in ("Quibbling", "quacking", "quorum"):
        found[f"search {word}"] = caller.get(LIST, ours | {"search": word}).content.decode()
    for path in (TALKING, WALKING):
        found[f"page {path}"] = desk.get(f"{root}/{path}").content.decode()
    return found


def everyone(api: Any) -> dict[str, str]:
    found = {}
    for who, desk, root in (
        (None, Pages(), "/directory"),
        ("police.worker", at_the_desk("police.worker"), "/desk/directory"),
    ):
        found |= {f"{who}: {asked}": text for asked, text in answers(api(who), desk, root).items()}
    return found


def told(texts: dict[str, str]) -> list[str]:
    """What says something of the licensed terms; the words that were asked for are no answer."""
    asked = re.compile(
        r'(value="|search[=":]+\s*"?)(quillwart|quibbling|quacking|quorum|QW-1|qu)', re.I
    )
    return [one for one, text in texts.items() if SECRET.search(asked.sub("", text))]


def ids_found(api: Any, **query: str) -> list[str]:
    page = api(None).get(LIST, {"organization_id": str(HOME)} | query).json()
    return [one["id"] for one in page["contents"]]


def fed(caller: Caller) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    after: dict[str, str] = {}
    while True:
        page = caller.get("/v1/directory/changes", {"limit": "500"} | after).json()
        if not page["items"]:
            return found
        found += [(one["kind"], one["id"], one["action"]) for one in page["items"]]
        after = {"after": page["next"]}
