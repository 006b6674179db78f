"""Primary keys: UUID version 7, made in Python so that nothing is read back after an insert."""

import os
import time
from uuid import UUID


def uuid7() -> UUID:
    """A new UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, 12 bits of the rest of
    that millisecond (section 6.2, method 3), 62 random bits.

    What a process writes one after the other in one transaction is in the order of its ids: the
    feed of events is read by them.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = (rest << 12) // 1_000_000
    random = int.from_bytes(os.urandom(8), "big") >> 2
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | (fraction << 64) | (0x2 << 62) | random)
