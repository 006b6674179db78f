"""Partner systems, and the assertions that they used."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from oauth2_provider.models import AbstractApplication

from permissions.database.uuid7 import uuid7
from permissions.models.agencies import Agency
from permissions.principal import AUDITOR_SCOPES

# What an identity provider's system may do, by a token of its own kind and by nothing else
# (permissions/scim/scim_tokens.py). No token endpoint gives this scope.
SCIM_SCOPE = "scim"

# For how many different referrals a partner system may open packets or notes within 24 hours: the
# default, more than an agency of a small network gets in a day, and the highest possible setting.
OPENINGS_A_DAY, MOST_OPENINGS = 100, 100_000


class Client(AbstractApplication):
    """A partner system's credential. `public_keys` is a JWK set (RFC 7517), public parts only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="clients")
    scopes = ArrayField(models.TextField(), default=list)
    public_keys = models.JSONField(default=dict)
    # Where its agency fetches the public keys; they count only once a member has confirmed them.
    keys_url = models.TextField(null=True)
    # The agency declared it its own system of record: packets may be opened through it (R15).
    system_of_record = models.BooleanField(default=False)
    # The networks it may call from (permissions/identity/ip_allowlist.py); null: any.
    networks = ArrayField(models.TextField(), null=True)
    # For how many different referrals it may open packets or notes within 24 hours (TH2).
    openings_a_day = models.IntegerField(default=OPENINGS_A_DAY)
    active = models.BooleanField(default=True)
    # SHA-256 of the token of an identity provider's system; null for every other system.
    token_hash = models.BinaryField(null=True, max_length=32)

    class Meta(AbstractApplication.Meta):
        abstract = False
        swappable = "OAUTH2_PROVIDER_APPLICATION_MODEL"
        constraints = [
            # As for the role auditor (docs/rules.md): a reviewer does none of the acts under
            # review.
            models.CheckConstraint(
                name="audit_read_stands_alone",
                condition=~models.Q(scopes__contains=["audit:read"])
                | models.Q(scopes__contained_by=AUDITOR_SCOPES),
            ),
            models.CheckConstraint(
                name="scim_stands_alone",
                condition=models.Q(scopes=[SCIM_SCOPE])
                | (~models.Q(scopes__contains=[SCIM_SCOPE]) & models.Q(token_hash__isnull=True)),
            ),
            models.CheckConstraint(
                name="openings_a_day",
                condition=models.Q(openings_a_day__gte=1, openings_a_day__lte=MOST_OPENINGS),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class ClientAssertion(models.Model):
    """A `jti` that was used: an assertion is valid only once (RFC 7523, section 3, rule 7)."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE)
    jti = models.TextField()
    expires_at = models.DateTimeField()
    pk = models.CompositePrimaryKey("client_id", "jti")

    def __str__(self) -> str:
        return "assertion"
