"""An import without the rows of the organizations tells nothing of what is hidden (R3, R4, T1):
what substitutes a hidden organization is hidden."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from directory.importing.formats.source_formats import read
from directory.importing.import_package import import_package
from tests.directory.hidden_scene import LISTS, ORGANIZATIONS, PLACES, SERVICES
from tests.support.people import confidential_scene as hidden
from tests.support.people.callers import Caller
from tests.support.people.confidential_scene import (
    PUBLIC,
    SOURCE,
    WAYS,
    WHERE,
    Scene,
    caller_of,
    text_of,
)
from tests.support.people.hsds_source import write_tables


@pytest.fixture(params=WAYS)
def scene(request: pytest.FixtureRequest, network: Any, tmp_path: Path) -> Iterator[Scene]:
    """Hidden in one of the ways, and then imported once more from files with a gap."""
    found = Scene(request.param)
    try:
        found.set().hide()
        _imported(found, tmp_path)
        yield found
    finally:
        found.clear()


def _imported(scene: Scene, folder: Path) -> None:
    ids = {name: str(one) for name, one in scene.ids.items()}
    owner = {"refuge": "home", "whisper": "home", "counsel": "neighbour"}
    names = {"refuge": "Brimholt refuge", "whisper": "Farrowgate line", "counsel": "Penhallow law"}
    tables = {
        "organizations": [{"id": "another", "name": "Another of the tests"}],
        "services": [
            {
                "id": ids[key],
                "organization_id": ids[of],
                "name": names[key],
                "organization_name": f"Hestrefall of {of}",
            }
            for key, of in owner.items()
        ],
        "locations": [{"id": ids["den"], "organization_id": ids["home"], "name": "Morrowick"}],
        "service_at_location": [
            {"id": ids["refuge_there"], "service_id": ids["refuge"], "location_id": ids["den"]}
        ],
        "addresses": [
            {
                "id": "street",
                "location_id": ids["den"],
                "address_1": "48 Quennelby Lane",
                "city": "Tarrowford",
                "state_province": "MT",
                "postal_code": hidden.POSTCODE,
                "country": "US",
            }
        ],
    }
    report = import_package(read(write_tables(folder, tables)), SOURCE, allow_closing=True)
    assert report.stood_in() == 2
    report.staging.close()


def answers(caller: Caller) -> Iterator[tuple[str, str]]:
    asked = [{"per_page": "100", "full": "true"}, {"format": "ndjson"}, {"search": "morrowick"}]
    asked += [{"search": word} for word in ("brimholt", "farrowgate", "hestrefall", "quennelby")]
    for path in LISTS:
        for query in asked:
            answer = caller.get(path, query)
            assert answer.status_code in (200, 400), answer.content
            yield f"{path} {query}", text_of(answer)


def test_the_public_learns_nothing_of_it(scene: Scene, api: Any) -> None:
    secrets = [*scene.secrets(), "hestrefall of"]
    for who in PUBLIC:
        caller = caller_of(api, who)
        told = [(at, word) for at, text in answers(caller) for word in secrets if word in text]
        assert told == []
        for name in scene.names:
            for path in (SERVICES, PLACES, ORGANIZATIONS):
                assert caller.get(f"{path}/{scene.ids[name]}").status_code == 404


def test_the_network_does_not_learn_where(scene: Scene, api: Any, superuser: Any) -> None:
    caller = api("outsider.lead")
    told = [(at, word) for at, text in answers(caller) for word in WHERE if word in text]
    assert told == []
    with superuser.cursor() as cursor:
        assert [word for word in WHERE if hidden.kept_anywhere(word, cursor)] == []
