"""Mandated reports and compelled disclosures as pages, for the agency's own record."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from api.desk import labels
from api.desk.forms import PRIVATE, OnceForm, Text, moment, one_of
from referrals import codes
from referrals.acts import legal_records


class RecordForm(OnceForm):
    """The line about the network's state's law is shown at the first field."""

    kind = ""

    basis = one_of([], _("By what"))
    to = one_of([], _("To whom?"))
    at = moment(_("When"))
    survivor_told = one_of(labels.choices(codes.SURVIVOR_TOLD), _("Was the survivor told?"))
    detail = Text(
        label=_("Notes"),
        max_length=legal_records.MAX_DETAIL_CHARS,
        required=False,
        widget=forms.Textarea(attrs=PRIVATE | {"rows": 3}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["basis"].help_text = self.says()
        self.fields["at"].initial = timezone.localtime(self.seen.now)

    def says(self) -> str:
        """Return what the law says to this member's agency, in the reader's language."""
        lines = legal_records.state_lines(self.visit.principal, self.kind)
        return " ".join(gettext(one) for one in lines)

    def arguments(self) -> dict[str, Any]:
        names = ("basis", "to", "at", "survivor_told", "detail")
        return {"record": legal_records.Record(**{name: self.cleaned_data[name] for name in names})}


class ReportForm(RecordForm):
    act, kind = "record_report", "report"
    basis = one_of(labels.choices(codes.REPORT_BASIS), _("Under what law?"))
    to = one_of(labels.choices(codes.REPORT_TO), _("To whom?"))


class DisclosureForm(RecordForm):
    act, kind = "record_disclosure", "disclosure"
    basis = one_of(labels.choices(codes.COMPELLED_BY), _("What compelled it?"))
    to = one_of(labels.choices(codes.COMPELLED_TO), _("To whom?"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if says := legal_records.warning(self.visit.principal, "subpoena"):
            self.fields["basis"].help_text = f"{says} {self.says()}"
