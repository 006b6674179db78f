-- Notices by a card, sealed by a key outside the database. The background work deletes those that
-- are over.

GRANT SELECT, INSERT, UPDATE, DELETE ON permissions_cardnotice TO signin;
GRANT SELECT (id, gone_at), DELETE ON permissions_cardnotice TO jobs;
