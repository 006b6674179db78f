"""A webhook may be a Subscription by FHIR (ADR 0147)."""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

# A wider one takes its place in the same transaction.
DROP = """
    -- squawk-ignore ban-drop-constraint
    ALTER TABLE webhook_endpoint DROP CONSTRAINT webhook_endpoint_about_check
"""


class Migration(migrations.Migration):
    dependencies = [("referrals", "0024_late_handoffs")]
    operations = [
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL([DROP])],
            [migrations.RemoveConstraint("webhookendpoint", "webhook_endpoint_about_check")],
        ),
        AddConstraintNotValid(
            "webhookendpoint",
            models.CheckConstraint(
                condition=models.Q(("about__in", ("events", "checkpoints", "tasks"))),
                name="webhook_endpoint_about_check",
            ),
        ),
    ]
