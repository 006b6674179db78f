"""The filter of the access log's page. It also says in words what an auditor looks for, so that an
empty page is never taken for the answer to another question."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.utils import timezone

from api.desk import labels
from api.desk.forms import PRIVATE, DeskForm, listed, moment
from api.desk.request_context import as_uuid
from permissions.audit.queries import Filters

_NO_ID = {"invalid": "That is no id. Copy it from the log, or from a referral's address."}


def short(id_: UUID | str) -> str:
    """Return the end of an id, which tells it from others; its beginning is a time."""
    return f"…\N{WORD JOINER}{str(id_)[-12:]}"


def _id(label: str, **options: Any) -> forms.UUIDField:
    return forms.UUIDField(
        label=label,
        required=False,
        widget=forms.TextInput(attrs=PRIVATE),
        error_messages=_NO_ID,
        **options,
    )


def _chosen(label: str) -> forms.UUIDField:
    return forms.UUIDField(label=label, required=False, widget=forms.Select, error_messages=_NO_ID)


class FilterForm(DeskForm):
    """`others` are the agencies that let the auditor read, by id; `members` and `systems` are those
    of the auditor's own agency.

    People and systems of another agency (`foreign`) are known by their ids alone, which the auditor
    copies from its entries (ADR 0028: no names).
    """

    act = listed([("", "Any"), *labels.LOGGED.items()], "What", required=False)
    decision = listed(
        [("", "Any"), ("allowed", "Done"), ("refused", "Refused")], "Decision", required=False
    )
    member = _chosen("Who")
    client = _chosen("Partner system")
    purpose = listed([("", "Any"), *labels.PURPOSES], "Purpose", required=False)
    referral = _id("Referral id")
    since = moment("From", required=False)
    until = moment("Until, not included", required=False)
    subject = _id(
        "Survivor, by your agency's handle",
        help_text="Refusals, lists, and looks before your agency's first act have none: ask for"
        " those by the referral.",
    )
    self_assigned = forms.BooleanField(label="Only leads who put themselves on", required=False)
    agency = _chosen("Whose log")

    def __init__(
        self,
        given: Any,
        *,
        own: str,
        others: Mapping[str, str],
        members: Mapping[UUID, str],
        systems: Mapping[UUID, str],
    ) -> None:
        super().__init__(given)
        self.foreign = bool(given.get("agency"))
        self.whose = others.get(given.get("agency", ""), own)
        self.members: Mapping[UUID, str] = {} if self.foreign else members
        self.systems: Mapping[UUID, str] = {} if self.foreign else systems
        zone = timezone.get_current_timezone_name()
        self.fields["since"].label = f"From, in {zone}"
        self.fields["until"].label = f"Until, not included, in {zone}"
        if self.foreign:
            self.fields["member"] = _id("Who: a member's id")
            self.fields["client"] = _id("Partner system's id")
        else:
            self._offer("member", members, "Anybody")
            self._offer("client", systems, "Any, and none")
        if others:
            self._offer("agency", {UUID(id_): name for id_, name in others.items()}, own)
        else:
            del self.fields["agency"]

    def _offer(self, field: str, names: Mapping[UUID, str], none: str) -> None:
        """Offer choices by name. An id that is asked for but not in the list stays in it; otherwise
        the box would say that no one is asked for."""
        asked = as_uuid(self.data.get(field))
        known = sorted(((str(id_), name) for id_, name in names.items()), key=lambda one: one[1])
        if asked and asked not in names:
            known.append((str(self.data[field]), f"Not in this list: {short(asked)}"))
        widget: Any = self.fields[field].widget
        widget.choices = [("", none), *known]

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = self.cleaned_data
        since, until = given.get("since"), given.get("until")
        if since and until and since >= until:
            self.add_error("until", "It lies before the beginning: nothing fits.")
        if given.get("subject") and self.foreign:
            self.add_error("subject", "A survivor's handle is her agency's own. Leave it out here.")
        return given

    def filters(self) -> Filters:
        """Return the filters as permissions/audit/queries.py takes them. Only for a valid form."""
        given = self.cleaned_data
        return Filters(
            act=given["act"] or None,
            decision=given["decision"] or None,
            member_id=given["member"],
            client_id=given["client"],
            referral_id=given["referral"],
            subject=given["subject"],
            purpose=given["purpose"] or None,
            self_assigned=given["self_assigned"],
            since=given["since"],
            until=given["until"],
            agency_id=given.get("agency"),
        )

    def name_of_member(self, id_: UUID) -> str:
        """Return the member's name, or words with the end of the id for one who is of another
        agency or no longer here."""
        other = "member" if self.foreign else "a former member"
        return self.members.get(id_, f"{other} {short(id_)}")

    def name_of_system(self, id_: UUID) -> str:
        """Return the name of a partner system, likewise."""
        return self.systems.get(id_, f"partner system {short(id_)}")

    def told(self) -> str:
        """Say in words what is looked for; empty without a filter."""
        return ", ".join(self._told(self.filters()))

    def _told(self, asked: Filters) -> Iterator[str]:
        if asked.decision:
            yield "refusals" if asked.decision == "refused" else "what was done"
        if asked.self_assigned:
            yield "leads who put themselves on a referral"
        if asked.act:
            yield f"“{labels.log_act_label(asked.act)}”"
        if asked.member_id:
            yield f"by {self.name_of_member(asked.member_id)}, or a system for her"
        if asked.client_id:
            yield f"by {self.name_of_system(asked.client_id)}"
        if asked.purpose:
            yield f"for the purpose “{labels.purpose(asked.purpose)}”"
        if asked.referral_id:
            yield f"of referral {short(asked.referral_id)}"
        if asked.subject:
            yield f"of survivor {short(asked.subject)}"
        if asked.since:
            yield f"from {labels.log_time(asked.since)}"
        if asked.until:
            yield f"until {labels.log_time(asked.until)}"
