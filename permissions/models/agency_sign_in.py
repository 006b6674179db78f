"""An agency's own OpenID provider, whose accounts there are whose here, and the sign-ins by it."""

from django.db import models

from permissions.database.uuid7 import uuid7
from permissions.models.agencies import Agency, Person


class SignInProvider(models.Model):
    """Where an agency's people sign in instead of giving a password
    (permissions/agency_sign_in/providers.py). Bound by a MAC in the table row_mac."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.OneToOneField(Agency, on_delete=models.PROTECT, related_name="+")
    code = models.TextField(unique=True)  # in the address by which its people sign in
    issuer = models.TextField()
    client_id = models.TextField()
    sealed_secret = models.TextField()  # hexadecimal
    active = models.BooleanField(default=False)
    tested = models.BooleanField(default=False)
    gives_refresh = models.BooleanField(default=False)  # at the last test
    away_since = models.DateTimeField(null=True)  # it does not answer; not bound, it is only shown

    def __str__(self) -> str:
        return str(self.id)


class SignInLink(models.Model):
    """An account at a provider that is this person's (permissions/agency_sign_in/links.py). Bound
    by a MAC in the table row_mac."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    provider = models.ForeignKey(SignInProvider, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    subject = models.TextField()  # a keyed hash of issuer and sub: 64 hexadecimal digits

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "subject"], name="one_person_an_account"),
            models.UniqueConstraint(fields=["provider", "person"], name="one_account_a_person"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class ProviderSession(models.Model):
    """One sign-in by a provider. What the provider said of it last is sealed, together with these
    columns, by a key outside the database (permissions/agency_sign_in/provider_sessions.py)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    link = models.ForeignKey(SignInLink, on_delete=models.CASCADE, related_name="+")
    sid = models.TextField()  # a keyed hash of the provider's own name for the session, or ''
    sealed = models.BinaryField()
    credential_hash = models.BinaryField(null=True, max_length=32)  # of the agency that was chosen
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["link", "created_at"], name="provider_session_of_link")]

    def __str__(self) -> str:
        return str(self.id)
