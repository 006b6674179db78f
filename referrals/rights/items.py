"""The items of a rights record, their answers, and which answer is counted.

What the law says of each, with its source: referrals/law/rights.py and referrals/law/minors.py.
"""

from typing import NamedTuple

from referrals.codes import CERTIFICATION, RIGHTS_CALL, RIGHTS_GIVEN
from referrals.screening import Labels


class Item(NamedTuple):
    """`counted`: the one answer that counts as done (referrals/rights/tally.py)."""

    name: str
    label: str
    answers: Labels
    counted: str


# Where an answer says that a decision is awaited, the record has a clock.
AWAITED = "requested"
DECIDED = frozenset({"signed", "denied", "withdrawn"})

ITEMS = (
    Item("victim_rights", "Notice of a victim's rights", RIGHTS_GIVEN, "given"),
    Item("compensation", "Notice of crime victim compensation", RIGHTS_GIVEN, "given"),
    Item("vine", "VINE: where the offender is held", RIGHTS_GIVEN, "offered"),
    Item("u_certification", "U visa certification (I-918 B)", CERTIFICATION, AWAITED),
    Item("t_certification", "T visa declaration (I-914 B)", CERTIFICATION, AWAITED),
    Item("advocacy_center", "Child advocacy center", RIGHTS_CALL, "called"),
    Item("ncmec", "National Center for Missing & Exploited Children", RIGHTS_CALL, "called"),
)
BY_NAME = {one.name: one for one in ITEMS}
OF_A_MINOR = ("advocacy_center", "ncmec")
CERTIFICATIONS = tuple(one.name for one in ITEMS if one.answers is CERTIFICATION)
