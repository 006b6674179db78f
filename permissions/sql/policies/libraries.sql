-- Tables of the libraries. Sign-in, second factor, tokens and sessions belong to `door` alone. The
-- tables that the framework reads at start are harmless. guardian's generic tables stay empty and
-- closed.

GRANT SELECT, INSERT, UPDATE, DELETE ON account_emailaddress TO door;
GRANT SELECT, INSERT, UPDATE, DELETE ON account_emailconfirmation TO door;
GRANT SELECT, INSERT ON auth_group TO jobs, gate;
GRANT SELECT ON auth_permission TO app, door, auditor, jobs, gate;
GRANT SELECT ON django_content_type TO app, door, auditor, jobs, gate;
GRANT SELECT, INSERT, UPDATE, DELETE ON django_session TO door;
GRANT SELECT, INSERT, UPDATE, DELETE ON mfa_authenticator TO door;
GRANT SELECT, INSERT, UPDATE, DELETE ON oauth2_provider_accesstoken TO door;
GRANT SELECT, INSERT, UPDATE, DELETE ON oauth2_provider_devicegrant TO door;
GRANT SELECT, INSERT, UPDATE, DELETE ON oauth2_provider_grant TO door;
GRANT SELECT, INSERT, UPDATE, DELETE ON oauth2_provider_idtoken TO door;
GRANT SELECT, INSERT, UPDATE, DELETE ON oauth2_provider_refreshtoken TO door;
