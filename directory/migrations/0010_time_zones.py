"""A schedule may name its time zone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("directory", "0009_stand_ins")]
    operations = [
        migrations.AddField(
            "schedule", "time_zone", models.TextField(blank=True, default="", db_default="")
        ),
    ]
