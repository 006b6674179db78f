-- Only `signin` uses what lets a person in.

GRANT SELECT, INSERT, UPDATE, DELETE ON permissions_signinlink TO signin;
