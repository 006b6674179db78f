"""What a person corrected of a row in quarantine outlives the imports after it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("directory", "0004_paused_until")]
    operations = [
        migrations.AddField("quarantine", "corrected", models.JSONField(null=True)),
    ]
