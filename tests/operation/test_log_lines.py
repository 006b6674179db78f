"""The lines of a process: what is written gets there, a failure has its SQLSTATE, each line its
request's id; and RUNBOOK.md explains each line that says of trouble.

That no line holds a value: tests/policy/test_markers.py and test_markers_in_faults.py.
"""

import ast
import contextlib
import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.db import DatabaseError, connection
from psycopg2 import errorcodes

from api import logging_config
from api.logging_config import ALLOWED
from tests.support.ground.repository import DEPLOY, sources

PRODUCT = ("api", "permissions", "directory", "referrals")
LEVELS = ("debug", "info", "warning", "error", "exception", "critical")


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """Each `log.<level>("event", …)` of the product: where, which level, the call."""
    for path, tree in sources(*PRODUCT):
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "log"
                and node.func.attr in LEVELS
            ):
                yield f"{path}:{node.lineno}", node.func.attr, node


@pytest.mark.no_database
def test_each_field_that_is_written_is_on_the_list() -> None:
    """One that is not is dropped in silence, and RUNBOOK.md would promise what is never there."""
    found = list(calls())
    assert len(found) > 25
    dropped = [
        (where, one.arg)
        for where, _, call in found
        for one in call.keywords
        if one.arg and one.arg not in ALLOWED
    ]
    assert dropped == []


@pytest.mark.no_database
def test_an_event_is_a_word_of_the_code_and_no_line_has_a_text() -> None:
    for where, level, call in calls():
        assert len(call.args) == 1, where
        event = call.args[0]
        assert isinstance(event, ast.Constant), where
        assert re.fullmatch("[a-z_]+", str(event.value)), where
        assert level != "exception", where  # it would write what the exception says
        said = ast.unparse(call)
        assert not re.search(r"\bstr\((?:error|exception|failure)\)|\brepr\(", said), where


@pytest.mark.no_database
def test_a_failure_is_named_with_its_sqlstate() -> None:
    """By `failures.named`. The folder of keys knows no database."""
    bare = [
        where
        for where, _, call in calls()
        if "type(error).__name__" in ast.unparse(call) and not where.startswith("permissions/keys/")
    ]
    assert bare == []


@pytest.mark.no_database
def test_the_runbook_explains_each_line_of_trouble() -> None:
    text = (DEPLOY / "RUNBOOK.md").read_text()
    events = {
        str(call.args[0].value)  # type: ignore[attr-defined]
        for _, level, call in calls()
        if level in ("warning", "error")
    }
    assert {one for one in events if not re.search(rf"\b{one}\b", text)} == set()
    named = set(re.findall(r'`"event": "([a-z_]+)"', text))
    events |= {"log_lines_dropped"}  # written by the log itself (api/logging_config.py)
    assert named <= events, "it explains a line that is not written"


@contextlib.contextmanager
def written() -> Iterator[list[dict[str, Any]]]:
    """The process's own lines as a collector reads them."""
    stream, found = io.StringIO(), []
    try:
        with contextlib.redirect_stderr(stream):
            logging_config.configure({"level": "INFO"})
            yield found
    finally:
        logging_config.configure({"level": "INFO"})
    found += [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_librarys_line_has_time_request_and_sqlstate_and_no_word_of_it() -> None:
    with written() as lines:
        with structlog.contextvars.bound_contextvars(request_id="an id", query="a word"):
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 'a word'::int")
            except DatabaseError:
                logging.getLogger("some.library").exception("a word of %s", "a caller")
        logging.getLogger("some.library").warning("a word")
    first, second = lines
    assert first.pop("timestamp").endswith("Z")
    assert re.search(r"\.py:\d+$", first.pop("where"))
    assert first == {
        "event": "library",
        "logger": "some.library",
        "level": "error",
        "error": "DataError",
        "sqlstate": errorcodes.INVALID_TEXT_REPRESENTATION,
        "request_id": "an id",
    }
    assert second.keys() == {"event", "logger", "level", "where", "timestamp"}
    assert "a word" not in json.dumps(lines)
