"""Indexes for what the background work and a member's messages ask, so that these read what they
find and not the history (ADR 0123)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("permissions", "0023_grant_settled"),
        ("referrals", "0020_flat_lists"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="conflictblock",
            index=models.Index(
                condition=models.Q(("alert__isnull", False), ("told", False)),
                fields=["set_at"],
                name="conflict_block_untold",
            ),
        ),
        migrations.AddIndex(
            model_name="conflictblock",
            index=models.Index(fields=["referral"], name="conflict_block_of"),
        ),
        migrations.AddIndex(
            model_name="conflictblock",
            index=models.Index(fields=["agency"], name="conflict_block_agency"),
        ),
        migrations.AddIndex(
            model_name="conflictblock",
            index=models.Index(
                condition=models.Q(("bars_member_id__isnull", False)),
                fields=["bars_member_id"],
                name="conflict_block_member",
            ),
        ),
        migrations.AddIndex(
            model_name="idempotencykey",
            index=models.Index(fields=["created_at"], name="idempotency_key_made"),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("member_id__isnull", False)),
                fields=["member_id", "-at", "-id"],
                name="message_member",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("member_id__isnull", True)),
                fields=["agency", "-at", "-id"],
                name="message_mailbox",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("state", "dead")),
                fields=["member_id", "agency"],
                name="message_dead",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("template", "contact")), fields=["at"], name="message_contact"
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(fields=["state", "done_at"], name="message_ended"),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("referral__isnull", True)),
                fields=["agency", "at"],
                name="message_general",
            ),
        ),
        migrations.AddIndex(
            model_name="referral",
            index=models.Index(
                condition=models.Q(("sent_at__isnull", True)),
                fields=["from_agency"],
                name="referral_unsent",
            ),
        ),
        migrations.AddIndex(
            model_name="referral",
            index=models.Index(
                condition=models.Q(("from_purged", True)),
                fields=["to_purged", "id"],
                name="referral_purged",
            ),
        ),
        migrations.AddIndex(
            model_name="side",
            index=models.Index(
                condition=models.Q(("remind_at__isnull", False)),
                fields=["agency", "remind_at"],
                name="side_remind",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(fields=["at"], name="webhook_delivery_at"),
        ),
    ]
