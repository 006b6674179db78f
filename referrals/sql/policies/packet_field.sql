-- The sender's assigned members write a packet's fields. An access entry of the same transaction
-- opens them (R11).

ALTER TABLE packet_field ENABLE ROW LEVEL SECURITY;
ALTER TABLE packet_field FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT ON packet_field TO app;
GRANT SELECT (referral_id), DELETE ON packet_field TO jobs;

CREATE POLICY opened ON packet_field FOR SELECT TO app USING (
    (referral_id, field) IN (SELECT o.referral, o.field FROM sec.opened_packet_fields() o));
CREATE POLICY sender_writes ON packet_field FOR INSERT TO app WITH CHECK (
    from_agency_id = (SELECT sec.writer_agency_id()) AND sec.is_assigned(referral_id)
        AND sec.has_agreed(referral_id)
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id
                   AND r.from_agency_id = packet_field.from_agency_id));
CREATE POLICY jobs_see ON packet_field FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_purge ON packet_field FOR DELETE TO jobs USING (true);
