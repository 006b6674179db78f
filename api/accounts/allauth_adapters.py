"""Sign-in of people: allauth checks passwords, passkeys and codes; these adapters close what it
leaves open."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme

from api.accounts import sign_in_brake
from permissions.identity import credentials
from permissions.keys.derived_keys import derived_key
from permissions.keys.keystore import seal, unseal


class AccountAdapter(DefaultAccountAdapter):
    """No sign-up: people join by the link of an invitation (api/desk/account/enrollment.py)."""

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
        """Refuse and log one attempt too many, unchecked (api/accounts/sign_in_brake.py)."""
        if not sign_in_brake.password_turn(request, _username(credentials_)).take():
            credentials.log_sign_in("session.sign_in", refused="too_many_tries")
            raise self.validation_error("too_many_login_attempts")

    def authenticate(self, request: HttpRequest, **credentials_: Any) -> Any:
        """Check a password; a right one does not count as an attempt."""
        person = super().authenticate(request, **credentials_)
        if person is not None:
            sign_in_brake.password_turn(request, _username(credentials_)).give_back()
        return person

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:
        """Log a right password for a closed account: the person left, or another knows it."""
        credentials.log_sign_in("session.sign_in", refused="account_closed")
        answer: HttpResponse = super().respond_user_inactive(request, user)
        return answer


def _username(credentials_: dict[str, Any]) -> str:
    return str(credentials_.get("username", ""))


class MFAAdapter(DefaultMFAAdapter):
    """Encrypts what the server must be able to read, the secret of one-time codes and the seed of
    recovery codes: the library's default keeps both in plain text."""

    def _key(self) -> bytes:
        return derived_key("totp")

    def encrypt(self, text: str) -> str:
        return seal(self._key(), text.encode(), "totp").hex()

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(self._key(), bytes.fromhex(encrypted_text), "totp").decode()

    def generate_authenticator_name(self, user: Any, type: Any) -> str:  # noqa: A002 (theirs)
        """No name but the person's own: a proposed one says nothing about which device it is."""
        return ""

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Whose passkeys they are: the server's own name, whatever a request says it is called."""
        return {"id": settings.PASSKEY_DOMAIN, "name": settings.MFA_TOTP_ISSUER}

    def get_public_key_credential_user_entity(self, user: Any) -> dict[str, Any]:
        """What a device keeps and shows: an opaque handle and the user name, nothing else."""
        return {
            "id": user_pk_to_url_str(user).encode(),
            "display_name": user.username,
            "name": user.username,
        }
