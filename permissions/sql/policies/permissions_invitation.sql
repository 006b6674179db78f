-- Only `signin` uses what lets a person in. The background work sends what is sealed, which it can
-- read only with the key outside the database.

GRANT SELECT, INSERT, UPDATE, DELETE ON permissions_invitation TO signin;
-- The background work also deletes those that no one used.
GRANT SELECT, INSERT, DELETE ON permissions_invitation TO jobs;
