-- Only `signin` uses what lets a system in.

GRANT SELECT, INSERT, UPDATE, DELETE ON permissions_clientassertion TO signin;
