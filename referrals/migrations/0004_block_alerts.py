"""Blocks of a lead, or of all colleagues, that others learn of."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("referrals", "0003_left_and_unheld")]
    operations = [
        migrations.AddField(
            model_name="conflictblock",
            name="alert",
            field=models.TextField(null=True),
        ),
        migrations.AddField(
            model_name="conflictblock",
            name="told",
            field=models.BooleanField(db_default=False),
        ),
        migrations.AddIndex(
            model_name="conflictblock",
            index=models.Index(
                condition=models.Q(("alert__isnull", False)),
                fields=["agency", "-set_at", "-id"],
                name="conflict_block_alert",
            ),
        ),
    ]
