"""Services without a place that is shown follow those that are near."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("directory", "0005_corrections")]
    operations = [
        migrations.AddIndex(
            "publicplace",
            models.Index(
                fields=["name", "service_id"],
                name="place_nowhere",
                condition=models.Q(("first", True), ("open", True), ("point__isnull", True)),
            ),
        ),
    ]
