-- The cache holds sessions and rate limits: `door` alone.

GRANT SELECT, INSERT, UPDATE, DELETE ON permissions_cache TO door;
