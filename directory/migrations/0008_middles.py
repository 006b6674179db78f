"""A place without a point may be in the middle of its postcode."""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("directory", "0007_mistake_reports")]
    operations = [
        migrations.AddField("publicplace", "middle_of", models.TextField(db_default="")),
        migrations.AddField("networkplace", "middle_of", models.TextField(db_default="")),
        # Not validated: every row has the default, since the column is new.
        AddConstraintNotValid(
            "networkplace",
            models.CheckConstraint(
                condition=models.Q(("middle_of", "")), name="network_place_has_no_middle"
            ),
        ),
    ]
