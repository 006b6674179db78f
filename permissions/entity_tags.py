"""ETags, and the preconditions that name them (RFC 9110, sections 8.8.3 and 13.1).

A tag of what changes by itself, such as a referral whose release runs out, has two halves. The
first is the version, which `If-Match` compares: only a change that somebody made is stale. Both
together say that the bytes are the same, which `If-None-Match` compares.
"""

import hmac
import re
from hashlib import sha256

from permissions.keys.derived_keys import derived_key

HALF = 16  # hexadecimal digits of each half
_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_GAP = re.compile(r"[ \t]*(?:,[ \t,]*|$)")


def of_version(kind: str, *parts: str) -> str:
    """Return the tag of a version: a keyed hash of `parts`, by a key for each `kind`."""
    told = hmac.new(derived_key(kind), ":".join(parts).encode(), "sha256")
    return f'"{told.hexdigest()[:HALF]}"'


def with_content(version: str, body: bytes) -> str:
    """Return the tag of these bytes at this version."""
    return f'{version[:-1]}{sha256(body).hexdigest()[:HALF]}"'


def is_current(if_match: str, etag: str) -> bool:
    """Whether `If-Match` names what is there: `*`, or a strong tag of the version `etag`. A weak
    tag, and what is no list of tags, names nothing."""
    tags = [tag for weak, tag in _tags(if_match) if not weak]
    return if_match.strip() == "*" or any(tag.startswith(etag[:-1]) for tag in tags)


def is_known(if_none_match: str, etag: str) -> bool:
    """Whether `If-None-Match` names these very bytes: `*`, or the tag, weak or strong."""
    return if_none_match.strip() == "*" or etag in {tag for _, tag in _tags(if_none_match)}


def _tags(header: str) -> list[tuple[str, str]]:
    """Return (W/ or '', tag) of each tag of a list; nothing if it is none."""
    found, place = [], len(header) - len(header.lstrip(" \t,"))
    while place < len(header):
        tag = _TAG.match(header, place)
        gap = _GAP.match(header, tag.end()) if tag else None
        if tag is None or gap is None:
            return []
        found.append((tag[1] or "", tag[2]))
        place = gap.end()
    return found
