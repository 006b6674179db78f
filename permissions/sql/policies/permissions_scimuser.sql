-- What an identity provider calls an agency's people, sealed. `signin` uses it; the background work
-- deletes what belongs to an old invitation.

GRANT SELECT, INSERT, UPDATE, DELETE ON permissions_scimuser TO signin;
GRANT SELECT, DELETE ON permissions_scimuser TO jobs;
