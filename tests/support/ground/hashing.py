"""Scrypt as the product has it, at a thousandth of its cost.

A password of the tests is invented and known. One hash of the product's cost takes 60 ms, and the
tests make thousands (tests/house/test_settings.py holds the product's).
"""

from django.contrib.auth.hashers import ScryptPasswordHasher

QUICK_HASHER = "tests.support.ground.hashing.QuickScryptPasswordHasher"


class QuickScryptPasswordHasher(ScryptPasswordHasher):
    work_factor = 2**4
    parallelism = 1
