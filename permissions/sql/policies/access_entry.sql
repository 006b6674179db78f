-- The access log is insert-only. The database alone sets `at`, `xact` and `leaf`: no role may
-- insert them.

ALTER TABLE access_entry ENABLE ROW LEVEL SECURITY;
ALTER TABLE access_entry FORCE ROW LEVEL SECURITY;

GRANT INSERT (id, agency_id, member_id, client_id, act, purpose, referral_id, referral_ids, subject,
      fields, release_id, directory_id, decision, rule, request_id, address_prefix) ON access_entry
      TO app, editor;
GRANT SELECT, INSERT (id, agency_id, member_id, client_id, act, purpose, referral_id, referral_ids,
      subject, fields, release_id, directory_id, decision, rule, request_id, address_prefix)
      ON access_entry TO auditor, definer;
GRANT SELECT ON access_entry TO sealer;

CREATE POLICY own_allowed ON access_entry FOR INSERT TO app, editor, auditor WITH CHECK (
    decision = 'allowed'
    AND (agency_id, coalesce(member_id::text, ''), coalesce(client_id::text, '')) = (
        SELECT me.agency_id, coalesce(me.member_id::text, ''), coalesce(me.client_id::text, '')
          FROM sec.identity() me)
);
CREATE POLICY own_people ON access_entry FOR SELECT TO auditor
    USING (agency_id = (SELECT sec.auditor_agency_id()));
-- What the agency's people did in exercises, for the auditor who asks for that and nothing else.
CREATE POLICY own_practice ON access_entry FOR SELECT TO auditor
    USING (agency_id = ANY ((SELECT sec.practice_agency_ids())::uuid[]));
CREATE POLICY opted_in ON access_entry FOR SELECT TO auditor
    USING (agency_id = ANY ((SELECT sec.opted_in_agency_ids())::uuid[]));
-- Auditors do not read entries of a referral that bars them, except their own: an auditor who asked
-- for that referral finds the request, as after a request for a random id.
CREATE POLICY but_what_bars_her ON access_entry AS RESTRICTIVE FOR SELECT TO auditor USING (
    coalesce(member_id, client_id) = (SELECT sec.current_actor_id())
    OR ((referral_id = ANY ((SELECT sec.blocked_referral_ids())::uuid[])) IS NOT TRUE
        AND (referral_ids && (SELECT sec.blocked_referral_ids())::uuid[]) IS NOT TRUE));
CREATE POLICY sealer_reads ON access_entry FOR SELECT TO sealer USING (true);
CREATE POLICY definer_reads ON access_entry FOR SELECT TO definer USING (true);
CREATE POLICY definer_writes ON access_entry FOR INSERT TO definer WITH CHECK (true);

CREATE TRIGGER hash_entry BEFORE INSERT ON access_entry
    FOR EACH ROW EXECUTE FUNCTION sec.hash_entry();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON access_entry
    FOR EACH ROW EXECUTE FUNCTION sec.refuse_log_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON access_entry
    FOR EACH STATEMENT EXECUTE FUNCTION sec.refuse_log_change();
ALTER TABLE access_entry ENABLE ALWAYS TRIGGER hash_entry;
ALTER TABLE access_entry ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE access_entry ENABLE ALWAYS TRIGGER no_truncate;

DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT inhrelid::regclass FROM pg_inherits
                 WHERE inhparent = 'public.access_entry'::regclass LOOP
        PERFORM sec.guard_log_partition(part);
    END LOOP;
END $$;
