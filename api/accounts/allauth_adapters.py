"""Sign-in of people: allauth checks password and TOTP; these adapters close what it leaves open."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme

from permissions.audit.writer import address_prefix
from permissions.identity import credentials
from permissions.keys.keystore import seal, unseal


class AccountAdapter(DefaultAccountAdapter):
    """No sign-up: the operator makes members (`manage.py add member`)."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_safe_url(self, url: str) -> bool:
        """Whether a URL may follow a sign-in: a path of ours, never another site."""
        ours = url_has_allowed_host_and_scheme(url, allowed_hosts=None)
        return bool(url) and url.startswith("/") and ours

    def authentication_failed(self, request: HttpRequest, **credentials_: Any) -> None:
        super().authentication_failed(request, **credentials_)
        credentials.log_sign_in("session.sign_in", refused="bad_password")

    def pre_authenticate(self, request: HttpRequest, **credentials_: Any) -> None:
        """Refuse and log one attempt too many for this name, or from this address, unchecked."""
        try:
            super().pre_authenticate(request, **credentials_)
        except ValidationError:
            credentials.log_sign_in("session.sign_in", refused="too_many_tries")
            raise

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials_: Any) -> str:
        """Count attempts at a name for each network.

        Otherwise a person who knows an advocate's name could lock them out of the desk for good
        with a wrong password once a minute.
        """
        name: str = super()._get_login_attempts_cache_key(request, **credentials_)
        return f"{name}:{address_prefix(request.META['REMOTE_ADDR'])}"

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:
        """Log a right password for a closed account: the person left, or another knows it."""
        credentials.log_sign_in("session.sign_in", refused="account_closed")
        return super().respond_user_inactive(request, user)


class MFAAdapter(DefaultMFAAdapter):
    """Encrypts the TOTP secret: the library's default keeps it in plain text."""

    def _key(self) -> bytes:
        secret = settings.SECRET_KEY.encode()
        return HKDF(hashes.SHA256(), 32, salt=None, info=b"totp").derive(secret)

    def encrypt(self, text: str) -> str:
        return seal(self._key(), text.encode(), "totp").hex()

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(self._key(), bytes.fromhex(encrypted_text), "totp").decode()
