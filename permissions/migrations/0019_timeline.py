"""Which server the database was last known to be true on. `manage.py migrate` writes the first."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("permissions", "0018_closing")]
    operations = [
        migrations.CreateModel(
            name="TimelineState",
            fields=[
                ("only_row", models.BooleanField(primary_key=True, serialize=False)),
                ("timeline", models.TextField()),
                ("mark", models.BigIntegerField(default=0)),
                ("marked_at", models.DateTimeField(null=True)),
                ("recovered_at", models.DateTimeField(null=True)),
                ("copied_xact", models.BigIntegerField(default=0)),
                ("copied_id", models.UUIDField(null=True)),
            ],
            options={"db_table": "timeline_state"},
        ),
        migrations.RunSQL(
            "INSERT INTO timeline_state (only_row, timeline, mark, copied_xact)"
            " VALUES (true, '', 0, 0)",
            migrations.RunSQL.noop,
        ),
    ]
