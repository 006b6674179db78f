-- The cache holds sessions and rate limits. Only `signin` uses it.

GRANT SELECT, INSERT, UPDATE, DELETE ON permissions_cache TO signin;
