"""When the pause of a service ends by itself."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("directory", "0003_proposals")]
    operations = [
        migrations.AddField("service", "intake_paused_until", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "service",
            models.Index(
                fields=["intake_paused_until"],
                name="service_paused_until",
                condition=models.Q(intake_paused_until__isnull=False),
            ),
        ),
    ]
