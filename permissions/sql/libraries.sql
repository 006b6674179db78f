-- Tables of the libraries: sign-in, second factor, tokens and sessions belong to `door` alone.

CREATE TABLE permissions_cache (
    cache_key varchar(255) PRIMARY KEY,
    value text NOT NULL,
    expires timestamptz NOT NULL
);
CREATE INDEX permissions_cache_expires ON permissions_cache (expires);

GRANT SELECT, INSERT, UPDATE, DELETE ON
    django_session, permissions_cache, account_emailaddress, account_emailconfirmation,
    mfa_authenticator, oauth2_provider_accesstoken, oauth2_provider_refreshtoken,
    oauth2_provider_grant, oauth2_provider_idtoken, oauth2_provider_devicegrant
    TO door;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO door;

-- What the framework reads at start is harmless. guardian's generic tables stay empty and closed.
GRANT SELECT ON django_content_type, auth_permission TO app, door, auditor, jobs;
