"""The type of a text that may be `gettext_lazy`: it is translated only where it is shown."""

from typing import TYPE_CHECKING

from django.utils.functional import Promise

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise as StrOrPromise
else:
    StrOrPromise = str | Promise  # django_stubs_ext is there in development only
