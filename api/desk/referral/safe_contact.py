"""Before someone contacts the survivor: the rules for it are read, and that is confirmed (R5)."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from api.desk.forms import ActForm
from permissions.database.db_identity import identified_transaction
from permissions.keys import grants

RULES = "safe_contact"  # the field of the packet
CONTACTS = frozenset({"start_handoff", "record_attempt"})  # acts that go with a contact


def confirmed(form: type[ActForm]) -> type[ActForm]:
    """Make a form that also asks whether the rules were read, if there are any that the member can
    open. What they say is in the packet alone: opening it is in the log."""

    class Confirmed(form):  # type: ignore[valid-type,misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            principal, referral_id = self.visit.principal, self.seen.referral.id
            with identified_transaction(principal):
                grant = grants.live_grant(principal, referral_id)
            if grant and RULES in grant.fields:
                self.fields["read_first"] = forms.BooleanField(
                    label=_("I read in the packet how to contact the survivor safely"),
                    error_messages={
                        "required": _("Open the packet first: it says how to contact them safely.")
                    },
                )
                self.order_fields(["read_first"])

    return Confirmed
