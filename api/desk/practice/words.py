"""The texts of forms in an exercise: each is an invented one, shown and not to be changed."""

from django import forms

from api.desk.forms import Text
from permissions.principal import Principal
from referrals.act_registry.invented import value_of


def fix_texts(form: forms.Form, principal: Principal) -> None:
    """In an exercise, give each text of the form its invented value. What is typed or sent instead
    is not read. Does nothing for a caller who is live. `addresses` of a form are texts of which
    only an id is read."""
    if not principal.practices:
        return
    for name, field in form.fields.items():
        if isinstance(field, Text) and name not in getattr(form, "addresses", ()):
            # not the field's own: what was kept of an earlier form would win over it
            form.initial[name] = value_of(name)
            field.disabled = True
