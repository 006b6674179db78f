-- Messages with a secret in them. `signin` writes them and sees what became of them, as it shows
-- the agency; the background work sends them, and erases what was sealed.

GRANT SELECT, INSERT, UPDATE, DELETE ON permissions_sealedmessage TO signin;
GRANT SELECT, INSERT, UPDATE, DELETE ON permissions_sealedmessage TO jobs;
