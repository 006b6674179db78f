"""What the coordinator's lists of questions have in common: what terms of sources mean
(directory/taxonomy/term_meanings.py), and which services are the same (directory/duplicates).

An answer is stored by a function of the database and applied by the background work.
"""

from collections.abc import Sequence
from typing import TypeVar

from permissions.errors import NotPermitted, NotVisible, StaleMatch
from permissions.principal import Principal

T = TypeVar("T")


def require_coordinator(principal: Principal) -> None:
    """Raises NotPermitted unless it is a coordinator in person, and not in practice."""
    if principal.is_client or principal.practices or not principal.has_role("coordinator"):
        raise NotPermitted


def cut(found: Sequence[T], per_page: int) -> tuple[Sequence[T], T | None]:
    """A page of what was found, which is one more if there are more; then also its last row."""
    page = found[:per_page]
    return page, page[-1] if len(found) > per_page else None


def require_kept(outcome: str) -> None:
    """Raises NotVisible or StaleMatch if the database says that an answer was not stored."""
    if outcome == "hidden":
        raise NotVisible
    if outcome == "changed":
        raise StaleMatch
