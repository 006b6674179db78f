"""FHIR R4 at a glance. It is there if CAIRN_FHIR=1."""

from django.urls import path

from api import discovery
from api.fhir import (
    audit_events,
    capability,
    consents,
    directory,
    referrals,
    subscriptions,
    transactions,
)

urlpatterns = [
    path("", transactions.Transaction.as_view()),
    path(".well-known/smart-configuration", discovery.fhir_configuration),
    path("metadata", capability.Metadata.as_view()),
    path("Task", referrals.Tasks.as_view()),
    path("Task/<uuid:referral_id>", referrals.Task.as_view()),
    path("ServiceRequest", referrals.Orders.as_view()),
    path("ServiceRequest/<uuid:referral_id>", referrals.Order.as_view()),
    path("Consent", consents.Consents.as_view()),
    path("Consent/<uuid:release_id>", consents.Consent.as_view()),
    path("AuditEvent", audit_events.AuditEvents.as_view()),
    path("Subscription", subscriptions.Subscriptions.as_view()),
    path("Subscription/<uuid:webhook_id>", subscriptions.Subscription.as_view()),
    path("HealthcareService", directory.HealthcareServices.as_view()),
    path("HealthcareService/<uuid:service_id>", directory.HealthcareService.as_view()),
    path("Location/<uuid:place_id>", directory.Location.as_view()),
    path("Organization/<uuid:organization_id>", directory.Organization.as_view()),
    path("CodeSystem/<slug:name>", capability.CodeSystem.as_view()),
]
