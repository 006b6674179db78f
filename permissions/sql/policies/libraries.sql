-- Tables of the libraries. Sign-in, second factor, tokens and sessions belong to `signin` alone.
-- The tables that the framework reads at start are harmless. guardian's generic tables stay empty
-- and closed.

GRANT SELECT, INSERT, UPDATE, DELETE ON account_emailaddress TO signin;
GRANT SELECT, INSERT, UPDATE, DELETE ON account_emailconfirmation TO signin;
GRANT SELECT, INSERT ON auth_group TO jobs, definer;
GRANT SELECT ON auth_permission TO app, signin, auditor, jobs, definer;
GRANT SELECT ON django_content_type TO app, signin, auditor, jobs, definer;
GRANT SELECT, INSERT, UPDATE, DELETE ON django_session TO signin;
GRANT SELECT, INSERT, UPDATE, DELETE ON mfa_authenticator TO signin;
GRANT SELECT, INSERT, UPDATE, DELETE ON oauth2_provider_accesstoken TO signin;
GRANT SELECT, INSERT, UPDATE, DELETE ON oauth2_provider_devicegrant TO signin;
GRANT SELECT, INSERT, UPDATE, DELETE ON oauth2_provider_grant TO signin;
GRANT SELECT, INSERT, UPDATE, DELETE ON oauth2_provider_idtoken TO signin;
GRANT SELECT, INSERT, UPDATE, DELETE ON oauth2_provider_refreshtoken TO signin;
