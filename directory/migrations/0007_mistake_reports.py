"""What readers say is wrong in an entry."""

from django.db import migrations, models

import permissions.database.uuid7


class Migration(migrations.Migration):
    dependencies = [("directory", "0006_placeless")]
    operations = [
        migrations.CreateModel(
            name="MistakeReport",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=permissions.database.uuid7.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("service_id", models.UUIDField()),
                ("what", models.TextField()),
                ("words", models.TextField(blank=True, default="")),
                ("at", models.DateTimeField()),
                ("done_by", models.UUIDField(null=True)),
                ("done_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "directory_mistake_report",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("what__in", ("no_answer", "hours", "place", "closed", "other"))
                        ),
                        name="mistake_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("done_at__isnull", True), ("words", ""), _connector="OR"
                        ),
                        name="mistake_words_go",
                    ),
                ],
                "indexes": [
                    models.Index(
                        fields=["service_id"],
                        name="mistake_waits",
                        condition=models.Q(("done_at__isnull", True)),
                    )
                ],
            },
        ),
    ]
