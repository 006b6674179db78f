"""A person who signs in at the desk, and the entries that this leaves in the log."""

import pytest


@pytest.fixture
def person(network):
    """What demo.json says of one of the cast."""
    return lambda who: next(one for one in network["members"] if one["username"] == who)


def entries(superuser, act):
    """Access entries of this act, the newest first: (decision, rule, member). By transaction: under
    a clock that a test has shifted, one may have been written in the future."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT decision, rule, member_id FROM access_entry WHERE act = %s"
            " ORDER BY xact DESC, id DESC",
            [act],
        )
        rows = cursor.fetchall()
    superuser.commit()
    return rows
