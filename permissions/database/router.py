"""The database role for each table: `signin` for credentials, `app` for all else."""

from typing import Any

SIGNIN_APPS = {"account", "mfa", "oauth2_provider", "sessions"}
SIGNIN_MODELS = {
    *("person", "client", "clientassertion", "credential", "rowmac"),
    *("invitation", "sealedmessage", "registerednumber", "card", "cardnotice"),
    *("signinprovider", "signinlink", "providersession"),
}


class Router:
    """Credentials, passwords, TOTP secrets, OAuth and session rows are accessed only as `signin`.

    An injected query on the `app` connection can therefore neither read nor create one (ADR 0006).
    """

    def _alias(self, model: Any) -> str | None:
        meta = model._meta
        if meta.app_label in SIGNIN_APPS:
            return "signin"
        if meta.app_label == "referrals" and meta.model_name == "signing":
            return "signin"
        if meta.app_label == "permissions" and meta.model_name in SIGNIN_MODELS:
            return "signin"
        return None

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return self._alias(model)

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return self._alias(model)

    def allow_relation(self, first: Any, second: Any, **hints: Any) -> bool:
        return True  # one database, several roles

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == "owner"
