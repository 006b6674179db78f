"""The cache of sign-in attempts and used codes: a row that was written by hand runs nothing."""

import base64
import io
import os
import pickle
import pickletools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.cache import cache
from django.db import connections
from structlog.testing import capture_logs

from permissions.models import Person
from tests.desk.people import person as person  # a fixture
from tests.support.ground.database import full_story
from tests.support.ground.stored_rows import rows
from tests.support.people.desk_pages import Pages, one_time_code, sign_in


class RunsWhenRead:
    """Its pickle makes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return os.mknod, (str(self.path),)


def written_by_hand(superuser: Any, value: str, key: str = "%") -> None:
    changed = (
        "UPDATE permissions_cache SET value = %s, expires = 'infinity' WHERE cache_key LIKE %s"
    )
    with superuser.cursor() as cursor:
        cursor.execute(changed, [value, key])
        assert cursor.rowcount
    superuser.commit()


def test_a_database_writer_puts_a_pickle_in_the_cache_and_a_sign_in_runs_no_code(
    person: Callable[[str], dict[str, Any]], superuser: Any, tmp_path: Path
) -> None:
    """The row of a code that the person's next sign-in looks for. It counts as used, no more."""
    officer, made = person("police.worker"), tmp_path / "made"
    code = one_time_code(officer["totp_secret"], lives_s=15)
    person_id = Person.objects.get(username=officer["username"]).pk
    cache.set(f"used_code:{person_id}:{code}", 1, 60)
    pickled = pickle.dumps(RunsWhenRead(made))
    assert pickletools.optimize(pickled), "it is a pickle"
    written_by_hand(superuser, base64.b64encode(pickled).decode())
    with capture_logs() as logged:
        answer = sign_in(Pages(), officer, code=code)
        assert cache.get(f"used_code:{person_id}:{code}", "absent") == "absent"
    assert answer.request["PATH_INFO"] == "/accounts/code"
    assert not made.exists()
    assert "cache_row_not_ours" in {one["event"] for one in logged}


def test_a_database_writer_copies_another_keys_row_and_nothing_is_read() -> None:
    cache.set("used", "y", 60)
    cache.set("free", [1.5], 60)
    with connections["signin"].cursor() as cursor:
        cursor.execute(
            "UPDATE permissions_cache SET value ="
            " (SELECT value FROM permissions_cache WHERE cache_key LIKE '%used')"
            " WHERE cache_key LIKE '%free'"
        )
    assert cache.get("free", "none") == "none"
    assert cache.get("used") == "y"


def test_what_was_stored_comes_back_and_ends_in_time() -> None:
    cache.set("history", [1.25, 2.5], 60)
    assert cache.get("history") == [1.25, 2.5]
    assert cache.touch("history", 0.0) is True
    assert cache.get("history", "gone") == "gone"
    assert cache.touch("history", 60) is False
    assert cache.add("history", [3], 60) is True, "one that expired is as none"
    assert cache.add("history", [4], 60) is False
    assert cache.get("history") == [3]
    cache.set("history", [5], None)
    assert cache.get("history") == [5]
    assert (cache.delete("history"), cache.delete("history")) == (True, False)
    cache.set("history", [6], 60)
    cache.clear()
    assert cache.get("history") is None


def test_of_many_that_use_a_code_at_once_one_does() -> None:
    def use(_: int) -> bool:
        try:
            return cache.add("code", "y", 60)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(use, range(16))) == 1


def test_rows_that_expired_go_and_those_that_live_stay(superuser: Any) -> None:
    cache.set("lives", 1, 60)
    for number in range(15):
        cache.set(f"over:{number}", 1, 60)
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE permissions_cache SET expires = now() WHERE cache_key LIKE '%over%'")
    superuser.commit()
    for number in range(3):
        cache.set(f"new:{number}", 1, 60)
    assert len(rows(superuser, "SELECT FROM permissions_cache")) == 4
    assert cache.get("lives") == 1


# -- No pickle anywhere ----------------------------------------------------------------------------


def is_pickle(content: bytes) -> bool:
    """Whether `pickle.loads` would take it; three random bytes can look like one, so all is read.

    Django writes protocol 2 or later.
    """
    if content[:1] != b"\x80" or content[1:2] > bytes([pickle.HIGHEST_PROTOCOL]):
        return False
    try:
        pickletools.dis(
            content, out=io.StringIO()
        )  # also follows the stack, which `genops` does not
        last = [place for _, _, place in pickletools.genops(content)][-1]
    except Exception:  # they raise what their parsers raise, of many kinds
        return False
    return last == len(content) - 1


def readings(value: Any) -> Iterator[bytes]:
    """What may be in a value: its bytes, and what they are the base64 or hex of."""
    content = bytes(value) if isinstance(value, memoryview) else str(value).encode()
    yield content
    for decode in (base64.b64decode, lambda text: bytes.fromhex(text.decode())):
        with suppress(ValueError):
            yield decode(content)


def test_no_column_of_any_table_holds_a_pickle_after_the_whole_story(
    story: Any, api: Any, person: Callable[[str], dict[str, Any]], superuser: Any
) -> None:
    assert is_pickle(pickle.dumps([datetime(2026, 1, 1)])), "it would be found"
    assert not any(map(is_pickle, [b"\x80\xf7.", b"\x80\x02."])), "three random bytes are none"
    full_story(story, api)
    sign_in(Pages(), person("police.worker") | {"password": "wrong"})
    sign_in(Pages(), person("police.lead"))
    read = 0
    for (table,) in rows(
        superuser,
        "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p')"
        " AND relnamespace = 'public'::regnamespace",
    ):
        for row in rows(superuser, f"TABLE {table}"):
            read += 1
            found = [one for value in row for one in readings(value) if is_pickle(one)]
            assert found == [], table
    assert read > 1000
