"""A recipient counts the hand-offs with which it was late (ADR 0138)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("referrals", "0023_network_figures"),
    ]

    operations = [
        migrations.AddField(
            model_name="countedreferral",
            name="handoff_late",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
