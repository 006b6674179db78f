"""The settings of the tests: those of the product, but a password hash costs a thousandth.

A password of the tests is invented and known. One hash of the product's cost takes 60 ms, and the
tests make thousands (tests/house/test_settings.py holds the product's).
"""

from api.settings import *  # noqa: F403

PASSWORD_HASHERS = ["tests.support.hashing.QuickScryptPasswordHasher"]
