"""Whether the tests of a run share one database, instead of one for each file."""

import pytest

ONE_DATABASE = pytest.StashKey[bool]()
