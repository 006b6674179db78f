"""Terms of sources, and what the coordinator says that they mean."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0010_time_zones"),
    ]

    operations = [
        migrations.CreateModel(
            name="TermMeaning",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("source", models.TextField(blank=True, default="")),
                ("name", models.TextField()),
                ("services", models.IntegerField()),
                (
                    "means",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), default=list, size=None
                    ),
                ),
                ("score", models.FloatField(default=0)),
                ("vocabulary", models.TextField(blank=True, default="")),
                ("answer", models.TextField(blank=True, default="")),
                (
                    "chosen",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), default=list, size=None
                    ),
                ),
                ("changes", models.IntegerField(default=0)),
                ("answered_by", models.UUIDField(null=True)),
                ("answered_at", models.DateTimeField(null=True)),
                ("due", models.BooleanField(default=False)),
                ("rendered_to", models.UUIDField(null=True)),
            ],
            options={
                "db_table": "directory_term_meaning",
                "indexes": [
                    models.Index(
                        models.F("answer"),
                        models.OrderBy(models.F("services"), descending=True),
                        models.OrderBy(models.F("id"), descending=True),
                        name="term_by_use",
                    ),
                    models.Index(
                        condition=models.Q(("due", True)),
                        fields=["answered_at", "id"],
                        name="term_due",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("answer", "yes"), models.Q(("chosen", []), _negated=True)),
                            models.Q(("answer__in", ("", "no")), ("chosen", [])),
                            _connector="OR",
                        ),
                        name="term_answer_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("chosen__len__lte", 20)), name="term_answer_bounded"
                    ),
                ],
            },
        ),
    ]
