-- Who said that they are awake. Only functions of `definer` write it, and show it to its own side
-- (functions/claims.sql): the sender never learns of it (R15). The background work calls no one
-- else meanwhile, and removes it with the recipient's part.

ALTER TABLE awake_claim ENABLE ROW LEVEL SECURITY;
ALTER TABLE awake_claim FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT ON awake_claim TO definer;
GRANT SELECT, DELETE ON awake_claim TO jobs;

CREATE POLICY definer_keeps ON awake_claim TO definer USING (true) WITH CHECK (true);
CREATE POLICY jobs_pause ON awake_claim TO jobs USING (true);
