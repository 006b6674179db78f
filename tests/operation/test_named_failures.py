"""A failure is named in a log line by its type and SQLSTATE, whatever it was raised for."""

from typing import Any

import pytest
from django.db import Error, connections

from permissions.health import failures
from permissions.recovery import timeline


@pytest.mark.no_database
def test_an_error_that_is_its_own_cause_is_named_and_ends() -> None:
    error = ValueError("an invented failure")
    error.__cause__ = error
    assert failures.named(error) == {"error": "ValueError"}


def test_a_lost_connection_is_named_where_the_worker_asks_whether_it_may_go_on(
    superuser: Any,
) -> None:
    """It asks before each step: a failover is when it has to go on asking."""
    with connections["jobs"].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (session,) = cursor.fetchone()
    with superuser.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [session])
    with pytest.raises(Error) as raised:
        timeline.require("jobs")
    connections["jobs"].close()
    assert raised.value.__cause__ is not raised.value
    assert failures.sqlstate(raised.value) in ("57P01", None)
