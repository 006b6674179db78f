"""What the same request means when it comes twice: one decision for each write of the API.

Each act's entry and each endpoint states it (`repeat`, `repeats`), and a write without it is an
error at start. The header `Idempotency-Key` is honoured where something new would be made, and
refused elsewhere: a key that is ignored promises what no one keeps (ADR 0111).
"""

from enum import StrEnum


class Repeat(StrEnum):
    """The values are those of `x-repeat` in the contract."""

    KEYED = "keyed"  # each request makes or sends something: with an Idempotency-Key, once
    SAFE = "safe"  # a repeat leaves what the first left, or its state or ETag refuses it
    COUNTED = "counted"  # each request counts, and no key may be kept: it would say who (R14)
