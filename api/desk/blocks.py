"""She says: not this person. Conflict blocks as pages (R12), in her words."""

from typing import Any
from uuid import UUID

from api.desk.act_pages import ActPage, act_view
from api.desk.forms import ActForm, NoQuestion, one_of
from api.desk.visit import Visit
from referrals import blocks
from referrals.reading import Detail

OTHER = "other_agency"


class WhomForm(ActForm):
    refused = {"barring_yourself": "whom", "member_unknown": "whom"}

    whom = one_of([], "Who must not know of it")

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
        whole = [(OTHER, f"Everybody at {self.seen.to_agency.name}")]
        return [*own, *(whole if self.seen.side == "from" else [])]

    def whom_to_bar(self) -> dict[str, Any]:
        """As referrals/blocks.py takes it."""
        whom = self.cleaned_data["whom"]
        if whom == OTHER:
            return {"other_agency": True}
        return {"member_id": UUID(whom)}


class WhomAgainForm(WhomForm):
    whom = one_of([], "Who may work on it again")

    def _choices(self) -> list[tuple[str, str]]:
        ours = [one for one in self.seen.blocks if one.ours and one.kind != "leads_only"]
        return [
            (str(one.member_id), self.seen.names.get(one.member_id, "A former member"))
            if one.member_id
            else (OTHER, f"Everybody at {self.seen.to_agency.name}")
            for one in ours
        ]


def _block(visit: Visit, seen: Detail, form: WhomForm) -> None:
    blocks.block(visit.principal, seen.referral.id, **form.whom_to_bar())


def _unblock(visit: Visit, seen: Detail, form: WhomForm) -> None:
    blocks.unblock(visit.principal, seen.referral.id, **form.whom_to_bar())


block = act_view(
    ActPage(
        act="block",
        title="She says: not this person",
        says="From now on this referral does not exist for them, whatever their role. They are not"
        " told, and cannot find out here. Do not tell them yourself.",
        button="Keep them out",
        done="They are kept out. If they ask for it, you see that under “Told to you”.",
        form=WhomForm,
        do=_block,
        grave=True,
    )
)
unblock = act_view(
    ActPage(
        act="unblock",
        title="Let somebody in again",
        says="Only if she says so. It does not put them back to work on it.",
        button="Let them in again",
        done="They can see it again.",
        form=WhomAgainForm,
        do=_unblock,
    )
)
leads_only = act_view(
    ActPage(
        act="leads_only",
        title="She says: somebody who works there",
        says="If she fears one of the other agency's people and you cannot say who: only leads of"
        " the agency that receives it see it. Ring a lead there, and say the reference.",
        button="Leads only",
        done="Only leads of the receiving agency see it now.",
        form=NoQuestion,
        do=lambda visit, seen, form: blocks.leads_only(visit.principal, seen.referral.id),
        grave=True,
    )
)
end_leads_only = act_view(
    ActPage(
        act="end_leads_only",
        title="Not for leads only any more",
        says="All workers of the receiving agency see it again.",
        button="Open it to its workers",
        done="Workers of the receiving agency see it again.",
        form=NoQuestion,
        do=lambda visit, seen, form: blocks.end_leads_only(visit.principal, seen.referral.id),
    )
)
