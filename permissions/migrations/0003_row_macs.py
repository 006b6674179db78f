"""The MACs of the rows that let someone in. All sign-ins end: none of them is bound."""

from django.apps import apps as live_apps
from django.db import migrations, models


def begin_binding(apps, editor):
    """The key and the journal are outside the database: permissions/apps.py."""
    live_apps.get_app_config("permissions").begin_binding()


class Migration(migrations.Migration):
    dependencies = [("permissions", "0002_cascades")]
    operations = [
        migrations.AddField("credential", "mac", models.BinaryField(null=True)),
        migrations.CreateModel(
            name="RowMac",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "kind",
                        "row_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("kind", models.TextField()),
                ("row_id", models.UUIDField()),
                ("version", models.IntegerField()),
                ("mac", models.BinaryField()),
            ],
            options={"db_table": "row_mac"},
        ),
        migrations.RunSQL(
            "UPDATE credential SET ended_at = clock_timestamp() WHERE ended_at IS NULL",
            migrations.RunSQL.noop,
        ),
        migrations.RunPython(begin_binding, migrations.RunPython.noop),
    ]
