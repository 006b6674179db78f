"""What a person corrected of a row in quarantine outlives the imports after it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("directory", "0004_paused_until")]
    operations = [
        migrations.AddField("quarantine", "corrected", models.JSONField(null=True)),
        migrations.RemoveConstraint("quarantine", "quarantine_row"),
        migrations.AddConstraint(
            "quarantine",
            models.UniqueConstraint(
                fields=("source", "table", "row_number", "pointer"),
                condition=models.Q(corrected__isnull=True),
                name="quarantine_waiting",
            ),
        ),
    ]
