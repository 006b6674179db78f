"""The address that the link of an invitation leads to."""

from django.conf import settings

PATH = "/join/"  # api/desk/urls.py


def link_of(secret: str) -> str:
    """The link with this secret."""
    return f"{settings.BASE_URL.rstrip('/')}{PATH}{secret}"
