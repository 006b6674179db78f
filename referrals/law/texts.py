"""What the desk and the API say of the law, and to whom: by the agency's duties and by what its
people are (referrals/law/law_text.py).

One page for each subject: reports.py, compelled.py, minors.py, prosecution.py, rights.py. Each text
is Cairn's own sentence about the section that it names. A network in another state replaces those
on reports and on compelled disclosures by CAIRN_REPORT_LINE and CAIRN_DISCLOSURE_LINE. An officer
and a nurse are named by the statute and are never asked to wait.
"""

from collections.abc import Iterator, Sequence

from referrals.law.compelled import COMPELLED, PRIVILEGE
from referrals.law.law_text import LawText, roles_of
from referrals.law.minors import ALONE, CALLS, PRIVACY
from referrals.law.prosecution import PROSECUTION
from referrals.law.reports import REPORTS
from referrals.law.rights import RIGHTS

SUBJECTS: dict[str, tuple[LawText, ...]] = {
    "Mandated reports": REPORTS,
    "Privilege": PRIVILEGE,
    "Compelled disclosures": COMPELLED,
    "The privacy of minors": (ALONE, *PRIVACY),
    "Calls about a minor": CALLS,
    "Prosecution": PROSECUTION,
    "Rights given": RIGHTS,
}


def reports(kind: str, duties: frozenset[str]) -> list[LawText]:
    """Return what is said of mandated reports to an agency of this kind with these duties: one."""
    return _first(REPORTS, kind, duties)


def disclosures(kind: str, duties: frozenset[str]) -> list[LawText]:
    """Return what is said of privilege and compelled disclosures to such an agency."""
    privilege = _first(PRIVILEGE, kind, duties)
    compelled = _all(COMPELLED, kind, duties)
    # The last one says that there is no privilege.
    return [*privilege, *(one for one in compelled if not (privilege and one.is_for_all))]


def privacy_of_minors(kind: str, duties: frozenset[str]) -> list[LawText]:
    """Return what is said of the privacy of minors to such an agency."""
    return _all(PRIVACY, kind, duties)


def calls_about_a_minor(kind: str, duties: frozenset[str]) -> list[LawText]:
    """Return what is said of calls that a minor's age asks for: one."""
    return _first(CALLS, kind, duties)


def prosecution(kind: str, duties: frozenset[str]) -> list[LawText]:
    """Return what is said to such an agency before something goes to a prosecutor, or of its own
    part if it is one."""
    return _all(PROSECUTION, kind, duties)


def _first(texts: Sequence[LawText], kind: str, duties: frozenset[str]) -> list[LawText]:
    roles = roles_of(kind, duties)
    return [one for one in texts if one.fits(roles, duties)][:1]


def _all(texts: Sequence[LawText], kind: str, duties: frozenset[str]) -> list[LawText]:
    roles = roles_of(kind, duties)
    found = [one for one in texts if one.fits(roles, duties)]
    return [one for one in found if not one.is_for_all] or found


def every_text() -> Iterator[LawText]:
    """Yield each text, subject by subject."""
    for texts in SUBJECTS.values():
        yield from texts
