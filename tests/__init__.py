"""The tests, and what they are written with (tests/support)."""

import pytest

pytest.register_assert_rewrite("tests.support")
