"""The survivor says: not this person. Conflict blocks as pages (R12), in the survivor's words."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from api.desk.forms import ActForm, one_of
from referrals.queries.details import Detail

OTHER = "other_agency"


def _everyone(seen: Detail) -> str:
    return gettext("Everyone at {agency}").format(agency=seen.to_agency.name)


class WhomForm(ActForm):
    refused = {"barring_yourself": "whom", "member_unknown": "whom"}

    whom = one_of([], _("Who should not see this?"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["whom"].choices = self._choices()  # type: ignore[attr-defined]

    def _choices(self) -> list[tuple[str, str]]:
        barred = {one.member_id for one in self.seen.blocks}
        me = self.visit.principal.staff_id
        own = [
            (str(id_), name)
            for id_, name in self.seen.names.items()
            if id_ not in barred and id_ != me
        ]
        whole = [(OTHER, _everyone(self.seen))]
        return [*own, *(whole if self.seen.side == "from" else [])]

    def arguments(self) -> dict[str, Any]:
        whom = self.cleaned_data["whom"]
        if whom == OTHER:
            return {"other_agency": True}
        return {"member_id": UUID(whom)}


class WhomAgainForm(WhomForm):
    whom = one_of([], _("Who can see it again?"))

    def _choices(self) -> list[tuple[str, str]]:
        ours = [one for one in self.seen.blocks if one.ours and one.kind != "leads_only"]
        return [
            (str(one.member_id), self.seen.names.get(one.member_id) or gettext("A former member"))
            if one.member_id
            else (OTHER, _everyone(self.seen))
            for one in ours
        ]
