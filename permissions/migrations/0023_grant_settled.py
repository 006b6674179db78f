"""What the purge need not look at again, so that its look finds what is open (ADR 0123)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("permissions", "0022_staff_ref"),
    ]

    operations = [
        migrations.AddField(
            model_name="grant",
            name="settled",
            field=models.BooleanField(db_default=False),
        ),
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(
                condition=models.Q(("settled", False)), fields=["agency"], name="grant_open"
            ),
        ),
    ]
