"""The accounting of disclosures as a paper for the survivor, in their language: to print, to read
aloud, to hand over. Its words are in accounting_paper.py."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from api import languages
from api.desk.forms import one_of
from api.desk.referral.accounting_paper import Text, accounting_text, paper_day, paper_time
from api.desk.referral.packet import PurposeForm, opening_page
from api.desk.referral.page import common
from api.desk.referral.release.release_paper import permission_text
from api.desk.request_context import Visit, page
from api.desk.template_context import safety_in
from api.desk.template_tags import spelled
from referrals import accounting
from referrals.accounting import ITSELF, WORKED, Accounting, Disclosure, NoticeShown
from referrals.codes import CODE_LISTS
from referrals.queries.details import Detail
from referrals.releases.disclosed import Line


class AccountingForm(PurposeForm):
    language = one_of(languages.named("papers"), _("Language of the paper"), initial="en")

    # Always shown: a warning only where something is left out would reveal it.
    warning = _(
        "The paper leaves out records that say “a court or law forbids” telling the survivor."
        " Check your notes for one first, by yourself. The ban ends when the authority wrote that"
        " it does, or 30 days after a spoken request (45 CFR 164.528(a)(2)). After it has ended,"
        " record it again as told, and the paper includes it."
    )


def _show(request: HttpRequest, visit: Visit, seen: Detail, given: dict[str, Any]) -> HttpResponse:
    language = given["language"]
    text = accounting_text(language)
    made = accounting.account_disclosures(visit.principal, seen.referral.id, given["purpose"])
    day = paper_time(made.made_at, language)
    people = [(line.act, _line(made, line, language)) for line in made.seen]
    context = common(visit, seen) | {
        "language": language,
        "text": text,
        "lead": text.lead.format(agency=visit.agency.name, day=day),
        "about": text.about.format(
            service=made.referral.service_name, reference=spelled(made.referral.reference)
        ),
        "notice": _notice(made, language),
        "given": _given(made, language),
        "outside": _outside(made, language),
        "opened": [_line(made, line, language) for line in made.opened],
        "people": [line for act, line in people if act == WORKED],
        "beside": [line for act, line in people if act != WORKED],
        "total": text.total.format(entries=made.entries),
    }
    context |= safety_in(language)
    return page(request, "desk/accounting.html", context)


account_disclosures = opening_page("account_disclosures", _show, AccountingForm, closes=False)


def _notice(made: Accounting, language: str) -> dict[str, str] | None:
    if made.notice is None:
        return None
    text = accounting_text(language)
    return {
        "day": paper_time(made.notice.at, language),
        "what": text.notice.format(agency=_to(made.notice, text)),
    }


def _to(one: NoticeShown | Disclosure, text: Text) -> str:
    """Return an agency's name, and where it is if its address is public."""
    return f"{one.to.name} ({'; '.join(one.addresses) or text.no_address})"


def _given(made: Accounting, language: str) -> list[dict[str, Any]]:
    text, permission = accounting_text(language), permission_text(language)
    return [
        {
            "day": paper_time(one.at, language),
            "to": text.to.format(agency=_to(one, text)),
            "fields": [permission.fields.get(name) or text.returned[name] for name in one.fields],
            "why": permission.purposes[one.purpose],
            "under": _under(one, language),
        }
        for one in made.given
    ]


def _under(one: Disclosure, language: str) -> str:
    """Say by whose permission: the survivor's, and that of each person who consented with them or
    in their place (R6)."""
    text, who = accounting_text(language), {given["who"] for given in one.release.consenters}
    own = "self" in who
    said = text.under if own else text.under_anothers
    with_them = text.consented_too if own else text.gave_it
    others = [
        name for code, name in permission_text(language).who.items() if code in who - {"self"}
    ]
    return " ".join(
        [
            said.format(day=paper_day(one.release.signed_at, language)),
            *(with_them.format(who=name) for name in others),
        ]
    )


def _outside(made: Accounting, language: str) -> list[dict[str, str]]:
    lists = {
        "report": ("report_to", "report_basis"),
        "disclosure": ("compelled_to", "compelled_by"),
    }
    text = accounting_text(language)
    return [
        {
            "day": paper_time(
                datetime.fromisoformat(note.content["at"])
                if note.content["at"]
                else note.created_at,
                language,
            ),
            "what": text.record.format(
                what=text.kinds[note.kind],
                to=_label(lists[note.kind][0], note.content["to"], language),
            ),
            "why": _label(lists[note.kind][1], note.content["basis"], language),
        }
        for note in made.records
    ]


def _line(made: Accounting, line: Line, language: str) -> dict[str, Any]:
    """Say who it was, what was done, how often and when. For what was looked at often, only the
    days."""
    text, names = accounting_text(language), permission_text(language).fields
    why = text.purposes.get(line.purpose or line.reason or "", "")
    return {
        "who": _who(made, line, text),
        "what": text.acts.get(line.act, ""),
        "fields": [names[name] for name in line.fields or () if name in names],
        "times": _times(line, text),
        "when": _when(line, text, language),
        "why": text.reason.format(why=why) if line.reason else why,
    }


def _times(line: Line, text: Text) -> str:
    if line.act in accounting.ALONE:
        return ""
    return text.once if line.times == 1 else text.times.format(times=line.times)


def _when(line: Line, text: Text, language: str) -> str:
    if line.act in accounting.ALONE:
        return text.on.format(day=paper_time(line.first, language))
    first, last = (paper_day(one, language) for one in (line.first, line.last))
    if first == last:
        return text.on.format(day=first)
    return text.between.format(first=first, last=last)


def _who(made: Accounting, line: Line, text: Text) -> str:
    if line.act == ITSELF:
        return text.itself
    name = made.names.get(line.member_id, text.somebody) if line.member_id else ""
    if not line.client:
        return name or text.somebody
    return f"{name}, {text.through.format(client=line.client)}" if name else line.client


def _label(list_name: str, code: str | None, language: str) -> str:
    english = CODE_LISTS[list_name].get(code or "", "")
    with translation.override(language):
        return gettext(english)
