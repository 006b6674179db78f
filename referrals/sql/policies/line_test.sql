-- The weekly tests of phone lines: keyed hashes of numbers and times, of no one who is named. The
-- background work sends them; an answer needs no sign-in, and comes by the token.

GRANT SELECT, INSERT, UPDATE (token_hash, language, sent_at), DELETE ON line_test TO jobs;
GRANT SELECT, UPDATE (sent_at, answered_at, how) ON line_test TO signin;
