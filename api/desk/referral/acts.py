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
    notice,
    packet,
)
from api.desk.referral.act_view import View, act_view, at_once, form_of
from api.desk.referral.own_records import legal_records, rights_form
from api.desk.referral.release import release_forms
from api.desk.referral.safe_contact import CONTACTS, confirmed
from api.desk.referral.step_view import StepsForm, step_view
from referrals.act_registry.registry import ACTS

FORMS: dict[str, type[ActForm]] = {
    "put_notice": notice.PutNoticeForm,
    "put_release": release_forms.ReleaseForm,
    "put_notice_release": release_forms.NoticeReleaseForm,
    "revoke_release": release_forms.RevokeReleaseForm,
    "put_packet": packet.PacketForm,
    "decline": act_forms.DeclineForm,
    "set_callback": act_forms.SetCallbackForm,
    "narrow_release": release_forms.NarrowReleaseForm,
    "put_return_release": release_forms.ReturnReleaseForm,
    "assign": assignment.AssignForm,
    "hand_over": assignment.HandOverForm,
    "take_over": assignment.TakeOverForm,
    "block": conflict_blocks.WhomForm,
    "unblock": conflict_blocks.WhomAgainForm,
    "set_plan": act_forms.PlanForm,
    "same_person_as": act_forms.SamePersonForm,
    "record_report": legal_records.ReportForm,
    "record_disclosure": legal_records.DisclosureForm,
    "record_rights": rights_form.RightsForm,
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
    form = FORMS.get(name) or form_of(act)
    if name in CONTACTS:
        form = confirmed(form)
    return step_view(act, form) if issubclass(form, StepsForm) else act_view(act, form)
