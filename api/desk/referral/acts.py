"""The acts on a referral, one page each: one question, one button. The acts' entries hold their
words and questions. What an entry cannot express is a form or a view written by hand, named
here."""

from django.core.exceptions import ImproperlyConfigured

from api.desk.forms import ActForm
from api.desk.referral import (
    accounting,
    act_forms,
    assignment,
    conflict_blocks,
    legal_records,
    notice,
    packet,
    releases,
)
from api.desk.referral.act_view import View, act_view, at_once, form_of
from referrals.act_registry.registry import ACTS

FORMS: dict[str, type[ActForm]] = {
    "put_notice": notice.PutNoticeForm,
    "put_release": releases.ReleaseForm,
    "put_packet": packet.PacketForm,
    "decline": act_forms.DeclineForm,
    "set_callback": act_forms.SetCallbackForm,
    "narrow_release": releases.NarrowReleaseForm,
    "put_return_release": releases.ReturnReleaseForm,
    "assign": assignment.AssignForm,
    "hand_over": assignment.HandOverForm,
    "take_over": assignment.TakeOverForm,
    "block": conflict_blocks.WhomForm,
    "unblock": conflict_blocks.WhomAgainForm,
    "set_plan": act_forms.PlanForm,
    "same_person_as": act_forms.SamePersonForm,
    "record_report": legal_records.ReportForm,
    "record_disclosure": legal_records.DisclosureForm,
}
VIEWS: dict[str, View] = {
    "send": notice.send,
    "open_packet": packet.open_packet,
    "open_notes": packet.open_notes,
    "account_disclosures": accounting.account_disclosures,
}
PAGES = {name: act.page for name, act in ACTS.items() if act.page is not None}

if strangers := (set(FORMS) | set(VIEWS)) - set(PAGES):
    raise ImproperlyConfigured(f"No acts with a page: {', '.join(sorted(strangers))}.")


def view(name: str) -> View:
    """Return the page of an act."""
    act = ACTS[name]
    if name in VIEWS:
        return VIEWS[name]
    if PAGES[name].at_once:
        return at_once(act)
    return act_view(act, FORMS.get(name) or form_of(act))
