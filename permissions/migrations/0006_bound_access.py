"""The sealed records of who may open what of a referral."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("permissions", "0005_counters")]
    operations = [
        migrations.CreateModel(
            name="BoundAccess",
            fields=[
                ("referral_id", models.UUIDField(primary_key=True, serialize=False)),
                ("sealed", models.BinaryField()),
            ],
            options={"db_table": "bound_access"},
        ),
    ]
