"""What an edit replaced is in clear nowhere, outlives a rotation of its key, and ends."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings

from directory.editing import earlier_text
from directory.editing.versions import steps
from permissions.database.uuid7 import uuid7
from permissions.errors import NotPermitted, NotVisible, Unavailable
from permissions.keys.keystore import key_store
from tests.directory.own_services import SERVICES, a_service, history_of
from tests.directory.own_services import nothing_left as nothing_left  # a fixture
from tests.directory.own_versions import (
    MARKER,
    OLD,
    STREET,
    end_texts,
    entry_id,
    kept,
    opened,
    patched,
    principal,
    step,
    text_of,
)
from tests.directory.own_versions import line as line  # a fixture
from tests.directory.own_versions import place as place  # a fixture
from tests.keys.key_versions import keys, of
from tests.support.people.callers import Caller
from tests.support.people.directory_entries import OURS
from tests.support.people.sealed_packets import destroyed

NEW = "By the river."


def changed(caller: Caller, path: str) -> UUID:
    patched(caller, path, description=NEW)
    return text_of(caller, path)


# -- It is nowhere in clear ------------------------------------------------------------------------


def test_it_stands_in_clear_nowhere(api: Any, superuser: Any, line: str, place: str) -> None:
    """Not in a column of any table, in no answer, and not for who has the database alone."""
    ywca = api("ywca.editor")
    changed(ywca, line)
    patched(ywca, place, addresses=[], transportation=None)
    opened(ywca, line)
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind = 'r'"
        )
        for (table,) in cursor.fetchall():
            for words in (MARKER, STREET):
                cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text ILIKE %s",
                               [f"%{words}%"])  # fmt: skip
                assert cursor.fetchone() == (0,), (table, words)
        cursor.execute("SELECT sealed FROM directory_earlier_text")
        sealed = [bytes(one) for (one,) in cursor.fetchall()]
    assert len(sealed) == 2
    assert not any(words.encode() in one for one in sealed for words in (MARKER, STREET))
    organization = f"/v1/directory/organizations/{OURS}"
    for who in (None, "ywca.editor", "ywca.auditor", "police.worker", "sarc.editor", "ywca.client"):
        for path, query in (
            (line, {}),
            (organization, {"full_service": "true"}),
            (place, {}),
            (SERVICES, {"full": "true", "per_page": "100"}),
            (SERVICES, {"search": MARKER, "per_page": "100"}),
            ("/v1/directory/changes", {"limit": "500"}),
            (f"{organization}/history", {"limit": "100"}),
            ("/v1/access-log", {}),
        ):
            shown = api(who).get(path, query).content.decode()
            assert MARKER not in shown, (who, path)
            assert STREET not in shown, (who, path)


def test_without_the_keys_the_database_opens_nothing(
    api: Any, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ywca = api("ywca.editor")
    changed(ywca, line)
    monkeypatch.setattr(key_store(), "folder", Path(settings.BASE_DIR / "nowhere"))
    with pytest.raises(Unavailable):
        opened(ywca, line)
    monkeypatch.undo()
    with destroyed("ywca"), pytest.raises(Unavailable):
        opened(ywca, line)
    assert opened(ywca, line).content["before"] == {"description": OLD}


def test_an_edit_never_waits_for_a_key(
    api: Any, superuser: Any, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(api("ywca.editor"), line)
    monkeypatch.setattr(key_store(), "folder", Path(settings.BASE_DIR / "nowhere"))
    patched(api("ywca.editor"), line, description="Without a key")
    monkeypatch.undo()
    assert len(kept(superuser)) == 1
    assert step(api("ywca.editor"), line, line).replaced is None
    assert len(history_of(line)) == 3


def test_a_rotated_key_opens_what_the_old_one_sealed(api: Any, line: str) -> None:
    ywca = api("ywca.editor")
    changed(ywca, line)
    keys("rotate", of("ywca"))
    keys("destroy", of("ywca"))
    assert opened(ywca, line).content["before"] == {"description": OLD}


# -- Its end ---------------------------------------------------------------------------------------


def test_after_a_year_it_opens_no_more_and_is_deleted(
    api: Any, superuser: Any, line: str, shift_clock: Any
) -> None:
    ywca = api("ywca.editor")
    text = changed(ywca, line)
    end_texts()
    assert len(kept(superuser)) == 1
    shift_clock("365 days 1 minute")
    fresh = principal(api("ywca.editor"))
    with pytest.raises(NotVisible):
        earlier_text.open_text(fresh, entry_id(line), text)
    for _twice in (1, 2):
        end_texts()
        assert kept(superuser) == []
    shift_clock("0")


def test_its_editor_erases_it_of_this_history_alone(api: Any, superuser: Any, line: str) -> None:
    ywca = api("ywca.editor")
    other = f"{SERVICES}/{uuid7()}"
    assert ywca.put(other, a_service(name="Other")).status_code == 201
    for path in (line, other, f"/v1/directory/organizations/{OURS}"):
        patched(ywca, path, description=NEW)
    for _twice in (1, 2):
        steps.erase(principal(ywca), entry_id(line))
        assert kept(superuser) == [("edit", str(entry_id(other)))]
    with pytest.raises((NotVisible, NotPermitted)):
        steps.erase(principal(api("sarc.editor")), entry_id(other))
    assert len(kept(superuser)) == 1
