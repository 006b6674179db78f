"""Scrypt as the product has it, at a thousandth of its cost."""

from django.contrib.auth.hashers import ScryptPasswordHasher


class QuickScryptPasswordHasher(ScryptPasswordHasher):
    work_factor = 2**4
    parallelism = 1
