-- Pages that wait for a signature, sealed by a key outside the database: `signin` alone. The
-- background work deletes those that are over.

GRANT SELECT, INSERT, UPDATE, DELETE ON signing TO signin;
GRANT SELECT (about_hash, gone_at), DELETE ON signing TO jobs;
