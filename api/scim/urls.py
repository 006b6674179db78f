"""SCIM 2.0 (RFC 7644), by which an agency's identity provider invites, limits and ends people."""

from django.urls import path

from api.scim import discovery, users

urlpatterns = [
    path("Users", users.Users.as_view(), name="scim_users"),
    path("Users/<str:user_id>", users.OneUser.as_view(), name="scim_user"),
    path("ServiceProviderConfig", discovery.Config.as_view(), name="scim_config"),
    path("ResourceTypes", discovery.ResourceTypes.as_view(), name="scim_types"),
    path("ResourceTypes/<str:name>", discovery.ResourceType.as_view(), name="scim_type"),
    path("Schemas", discovery.Schemas.as_view(), name="scim_schemas"),
    path("Schemas/<str:name>", discovery.OneSchema.as_view(), name="scim_schema"),
    path("<path:rest>", discovery.Nothing.as_view(), name="scim_nothing"),
]
