"""The number by which an agency's own systems may name a member."""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

PATTERN = r"^[!-~]([ -~]{0,62}[!-~])?$"


class Migration(migrations.Migration):
    dependencies = [("permissions", "0021_backups")]
    operations = [
        migrations.AddField("membership", "staff_ref", models.TextField(null=True)),
        migrations.AddField("invitation", "staff_ref", models.TextField(null=True)),
        migrations.AddConstraint(
            "membership",
            models.UniqueConstraint(
                fields=["agency", "staff_ref"],
                condition=models.Q(active=True, staff_ref__isnull=False),
                name="one_staff_ref_an_agency",
            ),
        ),
        # Not validated: no row of before has a number.
        AddConstraintNotValid(
            "membership",
            models.CheckConstraint(
                name="membership_staff_ref", condition=models.Q(staff_ref__regex=PATTERN)
            ),
        ),
    ]
