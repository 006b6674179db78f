"""The network's terms, as the operator gives them: one text file, named by CAIRN_TERMS.

Version: 2026-1
In force from: 2026-12-01

The text, in paragraphs.
"""

import hashlib
import re
from datetime import date, datetime, time
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

MOST_TEXT = 200_000  # characters
_HEAD = re.compile(
    r"Version: ([a-z0-9-]{1,20})\nIn force from: (\d{4}-\d\d-\d\d)\n\s*\n(.+)", re.DOTALL
)


class Terms(NamedTuple):
    """One version of the terms. `digest`: SHA-256 of the whole file in hex; a changed text is
    another version, whatever it is called."""

    version: str
    in_force_from: datetime
    text: str
    digest: str


def read(path: str, time_zone: str) -> Terms:
    """Read the file. The terms are in force from the beginning of their day in `time_zone`. Raises
    ValueError with a sentence that says what is wrong."""
    try:
        whole = Path(path).read_text(encoding="utf-8").replace("\r\n", "\n")
    except (OSError, UnicodeError) as error:
        raise ValueError(
            f"The file of the terms cannot be read ({type(error).__name__})."
        ) from None
    found = _HEAD.fullmatch(whole.strip())
    if found is None or len(whole) > MOST_TEXT:
        raise ValueError(
            "The file of the terms begins with the lines `Version: 2026-1` and `In force from:"
            " 2026-12-01`, then an empty line, then the text."
        )
    try:
        day = date.fromisoformat(found[2])
    except ValueError:
        raise ValueError("`In force from` in the file of the terms is no date.") from None
    begins = datetime.combine(day, time(), ZoneInfo(time_zone))
    digest = hashlib.sha256(whole.strip().encode()).hexdigest()
    return Terms(found[1], begins, found[3].strip(), digest)
