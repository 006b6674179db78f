-- The position at which each entry of the access log is sealed. Only `sealer` writes it.

ALTER TABLE log_leaf ENABLE ROW LEVEL SECURITY;
ALTER TABLE log_leaf FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT ON log_leaf TO sealer;
GRANT SELECT ON log_leaf TO definer;

CREATE POLICY sealer_seals ON log_leaf TO sealer USING (true) WITH CHECK (true);
CREATE POLICY definer_reads ON log_leaf FOR SELECT TO definer USING (true);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON log_leaf
    FOR EACH ROW EXECUTE FUNCTION sec.refuse_log_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON log_leaf
    FOR EACH STATEMENT EXECUTE FUNCTION sec.refuse_log_change();
ALTER TABLE log_leaf ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE log_leaf ENABLE ALWAYS TRIGGER no_truncate;
