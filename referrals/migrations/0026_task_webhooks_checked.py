"""The rows of before fit the wider check."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("referrals", "0025_task_webhooks")]
    operations = [ValidateConstraint("webhookendpoint", "webhook_endpoint_about_check")]
