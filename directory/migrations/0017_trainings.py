"""The network's trainings."""

import django.db.models.deletion
from django.db import migrations, models

import permissions.database.uuid7


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0016_earlier_texts"),
        ("permissions", "0023_grant_settled"),
    ]

    operations = [
        migrations.CreateModel(
            name="Training",
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
                ("held_on", models.DateField()),
                ("audience", models.TextField()),
                ("sector", models.TextField()),
                ("topic", models.TextField()),
                ("heads", models.IntegerField()),
                ("title", models.TextField(blank=True, default="")),
                ("changes", models.IntegerField(default=0)),
                (
                    "agency",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="permissions.agency",
                    ),
                ),
            ],
            options={
                "db_table": "directory_training",
                "indexes": [
                    models.Index(
                        models.OrderBy(models.F("held_on"), descending=True),
                        models.OrderBy(models.F("id"), descending=True),
                        name="training_by_day",
                    ),
                    models.Index(
                        models.F("agency"),
                        models.OrderBy(models.F("held_on"), descending=True),
                        models.OrderBy(models.F("id"), descending=True),
                        name="training_of_agency_by_day",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("heads__gte", 1), ("heads__lte", 100000)),
                        name="training_heads",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("title__regex", "^.{0,120}$")),
                        name="training_title_short",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("audience__regex", "^[a-z_]{1,40}$"),
                            ("sector__regex", "^[a-z_]{1,40}$"),
                            ("topic__regex", "^[a-z_]{1,40}$"),
                        ),
                        name="training_codes",
                    ),
                ],
            },
        ),
    ]
