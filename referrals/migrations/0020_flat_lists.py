"""Small indexes of what is not over, and of what changed, so that a filtered list costs its page
(ADR 0121)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("permissions", "0022_staff_ref"),
        ("referrals", "0019_bulk_exports"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("from_sees", True)),
                fields=["from_agency_id", "at"],
                name="event_since_from",
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("to_sees", True)),
                fields=["to_agency_id", "at"],
                name="event_since_to",
            ),
        ),
        migrations.AddIndex(
            model_name="referral",
            index=models.Index(
                condition=models.Q(("status__in", ["draft", "sent", "acknowledged"])),
                fields=["from_agency", "-created_at", "-id"],
                name="referral_open_from",
            ),
        ),
        migrations.AddIndex(
            model_name="referral",
            index=models.Index(
                condition=models.Q(("status__in", ["draft", "sent", "acknowledged"])),
                fields=["to_agency", "-created_at", "-id"],
                name="referral_open_to",
            ),
        ),
        migrations.AddIndex(
            model_name="referral",
            index=models.Index(
                condition=models.Q(("to_asks_ring_at__isnull", False)),
                fields=["from_agency", "to_asks_ring_at"],
                name="referral_asked_from",
            ),
        ),
        migrations.AddIndex(
            model_name="referral",
            index=models.Index(
                condition=models.Q(("from_asks_ring_at__isnull", False)),
                fields=["to_agency", "from_asks_ring_at"],
                name="referral_asked_to",
            ),
        ),
        migrations.AddIndex(
            model_name="referral",
            index=models.Index(
                condition=models.Q(("status", "entered_in_error")),
                fields=["from_agency", "-ended_at", "-id"],
                name="referral_mistake_from",
            ),
        ),
        migrations.AddIndex(
            model_name="referral",
            index=models.Index(
                condition=models.Q(("status", "entered_in_error")),
                fields=["to_agency", "-ended_at", "-id"],
                name="referral_mistake_to",
            ),
        ),
        migrations.AddIndex(
            model_name="referral",
            index=models.Index(
                condition=models.Q(("accepted_at__isnull", False)),
                fields=["from_agency", "accepted_at"],
                name="referral_taken",
            ),
        ),
        migrations.AddIndex(
            model_name="referral",
            index=models.Index(
                condition=models.Q(("status__in", ["declined", "expired"])),
                fields=["from_agency", "expires_at"],
                name="referral_refer_on",
            ),
        ),
        migrations.AddIndex(
            model_name="side",
            index=models.Index(
                condition=models.Q(("state__in", ["accepted", "in_handoff"])),
                fields=["agency"],
                name="side_worked_on",
            ),
        ),
    ]
