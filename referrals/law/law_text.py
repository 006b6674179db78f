"""What one text on the law is, and to whom it is said."""

from datetime import date
from typing import NamedTuple

CHECKED = date(2026, 11, 29)

ROLES = (
    *("officer", "nurse", "advocate", "campus", "prosecutor", "child_protection", "lawyer"),
    "other",
)
_OF_KIND = {
    "law_enforcement": "officer",
    "healthcare": "nurse",
    "community_advocate": "advocate",
    "system_advocate": "advocate",
    "prosecution": "prosecutor",
    "child_protection": "child_protection",
    "legal": "lawyer",
}


class LawText(NamedTuple):
    """`duties`: the agency has all of them; `roles`: its people have one of these. Empty: any.
    `unread`: sections that it rests on and that were cited from memory: the lawyer reads them."""

    name: str
    duties: tuple[str, ...]
    roles: tuple[str, ...]
    text: str
    source: str
    checked: date = date(2026, 11, 28)
    unread: tuple[str, ...] = ()

    def fits(self, roles: frozenset[str], duties: frozenset[str]) -> bool:
        """Return whether it is said to such an agency."""
        return set(self.duties) <= duties and (not self.roles or bool(roles & set(self.roles)))

    @property
    def is_for_all(self) -> bool:
        return not self.duties and not self.roles


def roles_of(kind: str, duties: frozenset[str]) -> frozenset[str]:
    """Return what the people of such an agency are. An agency of a school has the duty `ferpa`; its
    people are also what its kind says."""
    campus = {"campus"} if "ferpa" in duties else set()
    return frozenset({_OF_KIND.get(kind, "other")} | campus)
