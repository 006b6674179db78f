"""A backup needs the database for itself for a moment: no session stays open between tests."""

from collections.abc import Callable
from contextlib import closing

import pytest

from tests.support.ground.cleaning import CONTENT, TableCleaner
from tests.support.ground.cluster import own_cluster


@pytest.fixture(scope="module")
def empty_tables(django_db_setup: str) -> Callable[[], bool]:
    """Instead of the one that keeps its session."""

    def empty() -> bool:
        with closing(own_cluster().connect_superuser(django_db_setup)) as session:
            # What the journal holds stays known to the database.
            return TableCleaner(session, [one for one in CONTENT if one != "closing"])()

    return empty
