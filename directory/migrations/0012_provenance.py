"""Where an entry came from: when an import wrote it, and what is said of its source."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("directory", "0011_term_meanings")]
    operations = [
        migrations.AddField("organization", "imported_at", models.DateTimeField(null=True)),
        migrations.AddField("service", "imported_at", models.DateTimeField(null=True)),
        migrations.CreateModel(
            name="Source",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("license", models.TextField(blank=True, default="")),
                ("link", models.TextField(blank=True, default="")),
                ("due", models.BooleanField(default=False)),
                ("rendered_to", models.UUIDField(null=True)),
            ],
            options={"db_table": "directory_source"},
        ),
    ]
