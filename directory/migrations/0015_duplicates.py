"""Pairs of services that are likely the same, and what the coordinator says of them."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models

import permissions.database.uuid7


class Migration(migrations.Migration):
    dependencies = [("directory", "0014_entry_checks")]
    operations = [
        migrations.CreateModel(
            name="Duplicate",
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
                ("first_id", models.UUIDField()),
                ("second_id", models.UUIDField()),
                ("score", models.FloatField()),
                (
                    "reasons",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), default=list, size=None
                    ),
                ),
                ("answer", models.TextField(blank=True, default="")),
                ("kept_id", models.UUIDField(null=True)),
                ("changes", models.IntegerField(default=0)),
                ("answered_by", models.UUIDField(null=True)),
                ("answered_at", models.DateTimeField(null=True)),
                ("due", models.BooleanField(default=False)),
                ("hidden_id", models.UUIDField(null=True)),
                ("shown_id", models.UUIDField(null=True)),
            ],
            options={
                "db_table": "directory_duplicate",
                "constraints": [
                    models.UniqueConstraint(
                        fields=["first_id", "second_id"], name="duplicate_pair"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("hidden_id__isnull", False)),
                        fields=["hidden_id"],
                        name="duplicate_hidden_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("first_id__lt", models.F("second_id"))),
                        name="duplicate_in_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("answer", "same"),
                                ("kept_id__in", (models.F("first_id"), models.F("second_id"))),
                            ),
                            models.Q(("answer__in", ("", "different")), ("kept_id__isnull", True)),
                            _connector="OR",
                        ),
                        name="duplicate_answer_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("hidden_id__isnull", True), ("shown_id__isnull", True)),
                            models.Q(("hidden_id__isnull", False), ("shown_id__isnull", False)),
                            _connector="OR",
                        ),
                        name="duplicate_applied_whole",
                    ),
                ],
                "indexes": [
                    models.Index(
                        models.F("answer"),
                        models.OrderBy(models.F("score"), descending=True),
                        models.OrderBy(models.F("id"), descending=True),
                        name="duplicate_by_likeness",
                    ),
                    models.Index(fields=["second_id"], name="duplicate_second"),
                    models.Index(
                        condition=models.Q(("shown_id__isnull", False)),
                        fields=["shown_id"],
                        name="duplicate_shown",
                    ),
                    models.Index(
                        condition=models.Q(("due", True)),
                        fields=["answered_at", "id"],
                        name="duplicate_due",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DuplicateScan",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("seq", models.BigIntegerField()),
            ],
            options={"db_table": "directory_duplicate_scan"},
        ),
        migrations.AddIndex(
            "publiclisting",
            django.contrib.postgres.indexes.GinIndex(
                models.Func(models.F("phones"), function="sec.phone_numbers"),
                name="listing_phone_numbers",
            ),
        ),
    ]
