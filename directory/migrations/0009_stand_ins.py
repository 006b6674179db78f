"""An organization may substitute one that its source does not list."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("directory", "0008_middles")]
    operations = [
        migrations.AddField("organization", "stand_in", models.BooleanField(null=True)),
    ]
