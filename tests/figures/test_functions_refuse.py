"""Asked without the server's own checks, the database still says who may count, agree and publish:
each function by each kind of caller (ADR 0143, 0144)."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import DatabaseError

from tests.support.ground.database import as_app
from tests.support.people.callers import Caller, member_id, narrow

CALLERS: dict[str, Callable[[Any], Caller | None]] = {
    "nobody": lambda api: None,
    "a worker": lambda api: api("ywca.worker"),
    "an auditor": lambda api: api("ywca.auditor"),
    "a lead": lambda api: api("ywca.lead"),
    "the coordinator": lambda api: api("taskforce.coordinator"),
    "a system": lambda api: narrow(api, "ywca", None, "reports:read"),
    "a system of few rights": lambda api: narrow(api, "ywca", None, "referrals:read"),
    "a system for a lead": lambda api: narrow(api, "ywca", "ywca.lead", "reports:read"),
    "a system for a worker": lambda api: narrow(api, "ywca", "ywca.worker", "reports:read"),
    "a system for a coordinator": lambda api: narrow(api, "ywca", "ywca.admin", "reports:read"),
}
READERS = {"a lead", "a system", "a system for a lead"}
IN_PERSON, COORDINATOR = {"a lead"}, {"the coordinator"}
PERIOD = "'2026-01-01', '2026-07-01'"
FUNCTIONS = {
    "sec.reporting_month()": READERS,
    f"sec.own_counts({PERIOD})": READERS,
    f"sec.own_call_counts({PERIOD})": READERS,
    f"sec.own_cover({PERIOD})": READERS,
    "sec.figures_agreed_since()": READERS,
    "sec.agree_to_figures(true)": IN_PERSON,
    "sec.agree_to_figures(false)": IN_PERSON,
    "sec.network_figures(false)": COORDINATOR,
    "sec.publish_figures('2025')": COORDINATOR,
    "sec.store_earlier_year(2014, 9, NULL, NULL, 'A report')": COORDINATOR,
    "sec.delete_earlier_year(2014)": COORDINATOR,
    "sec.network_figures(true)": set(CALLERS),
    "sec.earlier_years()": set(CALLERS),
}


@pytest.fixture
def a_coordinator_of_an_agency_with_systems(superuser: Any) -> Iterator[None]:
    """ywca.admin is one for a while: no system acts for the demo's own coordinator."""
    roles = "UPDATE permissions_membership SET roles = %s WHERE id = %s"
    member = str(member_id("ywca.admin"))
    with superuser.cursor() as cursor:
        cursor.execute("SELECT roles FROM permissions_membership WHERE id = %s", [member])
        (before,) = cursor.fetchone()
        cursor.execute(roles, [["coordinator"], member])
        superuser.commit()
        yield
        cursor.execute(roles, [before, member])
    superuser.commit()


@pytest.mark.usefixtures("a_coordinator_of_an_agency_with_systems")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_function_serves_those_whom_it_is_for(function: str, api: Any) -> None:
    served: set[str] = set()
    told: set[str] = set()
    for who, caller in CALLERS.items():
        with as_app(caller(api)) as cursor:
            try:
                cursor.execute(f"SELECT * FROM {function}")
                served.add(who)
            except DatabaseError as refused:
                told.add(str(refused).splitlines()[0])
    assert served == FUNCTIONS[function]
    assert told <= {"no such counts", "no such figures", "in person only"}
