"""Staff numbers of the cast, given as their administrator gives them, and taken back."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from permissions.enrollment import members
from tests.support.people.callers import member_id, principal

Give = Callable[[str, str | None], None]


@pytest.fixture
def give_number(api: Any) -> Iterator[Give]:
    """`give_number("ywca.worker", "4711")`; None clears it."""
    given: set[str] = set()

    def give(who: str, staff_ref: str | None) -> None:
        admin = principal(api(f"{who.split('.')[0]}.admin"))
        given.add(who)
        members.set_staff_ref(admin, member_id(who), staff_ref)

    yield give
    for who in given:
        give(who, None)


def named(staff_ref: str) -> dict[str, str]:
    """The header of a system that names its member by this number."""
    return {"Acting_Member": f"staff_ref:{staff_ref}"}
