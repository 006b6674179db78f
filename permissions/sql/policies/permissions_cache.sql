-- The cache holds sessions and rate limits. Only `door` uses it.

GRANT SELECT, INSERT, UPDATE, DELETE ON permissions_cache TO door;
