"""A long form of an act as short steps, each with only the choices that are still possible.

All steps are one form: those that are not shown are carried along as hidden fields, so that each
step can be left, kept and come back to. A form that is posted without a step is taken whole.
"""

from collections.abc import Callable
from typing import ClassVar, NamedTuple
from uuid import UUID

from django.contrib import messages
from django.forms import ChoiceField, DateTimeField, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.desk import unfinished_forms
from api.desk.forms import ActForm, choices_of
from api.desk.practice.words import fix_texts
from api.desk.referral.act_view import page_of
from api.desk.referral.page import common
from api.desk.request_context import METHODS, Visit, live_page, signed_in
from api.desk.times import clock_time
from api.texts import StrOrPromise
from permissions.errors import NotPermitted, NotVisible, Refused
from referrals.act_registry.registry import Act
from referrals.queries import details


class Step(NamedTuple):
    title: StrOrPromise
    fields: tuple[str, ...]


class StepsForm(ActForm):
    """A form that is asked in steps."""

    STEPS: ClassVar[tuple[Step, ...]] = ()

    def narrow(self) -> None:
        """Leave only the choices that the answers so far allow. For what is shown: the rules judge
        what is sent."""

    def leads_to(self, act: str) -> HttpResponse | None:
        """Return the answer that leads elsewhere before the act is done; None: it is done now. What
        was typed is kept, to come back to. Raises Refused, as the act does."""
        return None

    def show_step(self, number: int) -> None:
        """Show the fields of this step (from 1); carry the others along."""
        self.narrow()
        shown = self.STEPS[number - 1].fields
        for name in self.fields:
            if name not in shown:
                self.hide(name)

    def wrong_step(self, most: int) -> int | None:
        """Return the first step, up to `most`, that has an error; what no field is named for is of
        the last one."""
        for number, step in enumerate(self.STEPS[:most], start=1):
            if any(name in self.errors for name in step.fields):
                return number
        return most if most == len(self.STEPS) and self.errors else None

    def answers_before(self, number: int) -> list[tuple[str, str, int]]:
        """Return what was answered in the steps before this one: label, words and step."""
        return [
            (str(self[name].label), words, at)
            for at, step in enumerate(self.STEPS[: number - 1], start=1)
            for name in step.fields
            if name in self.fields and (words := self._words(name))
        ]

    def _words(self, name: str) -> str:
        """Return an answer as people read it; '' for what is not answered, or not rightly."""
        field, value = self.fields[name], self[name].value()
        if isinstance(field, ChoiceField):
            chosen = value if isinstance(value, list | tuple) else [value]
            return ", ".join(str(said) for code, said in choices_of(field) if str(code) in chosen)
        if isinstance(field, DateTimeField):
            try:
                return clock_time(field.clean(value), self.seen.now)
            except ValidationError:
                return ""
        return str(value or "")


def step_view(act: Act, form_class: type[StepsForm]) -> Callable[..., HttpResponseBase]:
    """Make the view of an act that is asked in steps: each POST leads to the next step, the last
    one does the act. Twice is safe as far as the act is."""
    says = page_of(act)
    last = len(form_class.STEPS)

    def number(given: str | None, default: int) -> int:
        return int(given) if given in {str(one) for one in range(1, last + 1)} else default

    @require_http_methods(METHODS)
    @signed_in
    def view(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
        seen = details.read_detail(visit.principal, referral_id)
        if request.method == "POST":
            sent = form_class(request.POST, visit=visit, seen=seen)
            fix_texts(sent, visit.principal)
            return posted(request, visit, sent)
        kept = unfinished_forms.find(request, visit)
        refused = kept.data if kept and kept.refused else None
        if act.name not in seen.acts and refused is None:
            messages.error(request, _("That cannot be done now. See the state below."))
            return redirect("desk_referral", referral_id)
        step = number(request.GET.get("step"), 1)
        form = form_class(refused, visit=visit, seen=seen)
        if refused is not None:
            unfinished_forms.show_reasons(form, refused)
            _forget_later_errors(form, step)
        elif kept:
            unfinished_forms.fill_in(form, kept)
        fix_texts(form, visit.principal)
        answers = form.answers_before(step)
        form.show_step(step)
        context = common(visit, seen) | {
            "act": act.name,
            "says": says,
            "form": form,
            "answers": answers,
            "step": step,
            "steps": last,
            "step_title": form_class.STEPS[step - 1].title,
        }
        context |= unfinished_forms.context_of(request, visit, kept)
        return live_page(request, "desk/act.html", context)

    def posted(request: HttpRequest, visit: Visit, form: StepsForm) -> HttpResponse:
        step, to = number(request.POST.get("step"), last), number(request.POST.get("to"), 0)
        wrong = None if to and to < step else form.wrong_step(step)
        if wrong is None and (to or step < last):
            place = unfinished_forms.place_of(request)
            unfinished_forms.keep(request, visit.principal.staff_id, place, refused=False)
            return redirect(f"{request.path}?step={to or step + 1}")
        if wrong is None:
            try:
                if (elsewhere := form.leads_to(act.name)) is not None:
                    place = unfinished_forms.place_of(request)
                    unfinished_forms.keep(request, visit.principal.staff_id, place, refused=False)
                    return elsewhere
                act.do(visit.principal, form.seen.referral.id, **form.arguments())
            except (NotVisible, NotPermitted):
                raise
            except Refused as refusal:
                form.refuse(refusal)
                wrong = form.wrong_step(last)
            else:
                unfinished_forms.forget(request, visit)
                messages.success(request, gettext(says.done))
                return redirect("desk_referral", form.seen.referral.id)
        return unfinished_forms.replay_form(request, visit, form, f"?step={wrong}")

    return view


def _forget_later_errors(form: StepsForm, number: int) -> None:
    """A later step that was not asked yet is not wrong."""
    for step in form.STEPS[number:]:
        for name in step.fields:
            form.errors.pop(name, None)
