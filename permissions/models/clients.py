"""Partner systems, and the assertions that they have used."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from oauth2_provider.models import AbstractApplication

from permissions.database.uuid7 import uuid7
from permissions.models.agencies import Agency
from permissions.principal import AUDITOR_SCOPES

# Of how many different referrals a partner system opens packets or notes within 24 hours, if not
# set otherwise: more than an agency of a small network gets in a day; and the most that can be set.
OPENINGS_A_DAY, MOST_OPENINGS = 100, 100_000


class Client(AbstractApplication):
    """A partner system's credential. `public_keys` is a JWK set (RFC 7517), public parts only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="clients")
    scopes = ArrayField(models.TextField(), default=list)
    public_keys = models.JSONField(default=dict)
    # The agency declared it its own system of record: packets may be opened through it (R15).
    system_of_record = models.BooleanField(default=False)
    # From where it may come (permissions/identity/ip_allowlist.py); null: from anywhere.
    networks = ArrayField(models.TextField(), null=True)
    # Of how many different referrals it opens packets or notes within 24 hours (TH2).
    openings_a_day = models.IntegerField(default=OPENINGS_A_DAY)
    active = models.BooleanField(default=True)

    class Meta(AbstractApplication.Meta):
        abstract = False
        swappable = "OAUTH2_PROVIDER_APPLICATION_MODEL"
        constraints = [
            # As the role auditor does (docs/rules.md): who reviews does nothing of what is
            # reviewed.
            models.CheckConstraint(
                name="audit_read_stands_alone",
                condition=~models.Q(scopes__contains=["audit:read"])
                | models.Q(scopes__contained_by=AUDITOR_SCOPES),
            ),
            models.CheckConstraint(
                name="openings_a_day",
                condition=models.Q(openings_a_day__gte=1, openings_a_day__lte=MOST_OPENINGS),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class ClientAssertion(models.Model):
    """A `jti` that was used: an assertion is good once (RFC 7523, section 3, rule 7)."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE)
    jti = models.TextField()
    expires_at = models.DateTimeField()
    pk = models.CompositePrimaryKey("client_id", "jti")

    def __str__(self) -> str:
        return "assertion"
