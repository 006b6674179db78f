-- The network's trainings. Functions read and write them (functions/trainings.sql) for the
-- coordinator and for the leads of the trainer's agency; no role of the server's does.

ALTER TABLE directory_training ENABLE ROW LEVEL SECURITY;
ALTER TABLE directory_training FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, DELETE,
    UPDATE (agency_id, held_on, audience, sector, topic, heads, title, changes)
    ON directory_training TO definer;

CREATE POLICY definer_keeps ON directory_training TO definer USING (true) WITH CHECK (true);
