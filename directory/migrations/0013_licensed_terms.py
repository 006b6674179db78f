"""A source whose terms may be shown to their licensees alone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("directory", "0012_provenance")]
    operations = [
        migrations.AddField(
            "source", "licensed", models.BooleanField(db_default=False, default=False)
        ),
    ]
