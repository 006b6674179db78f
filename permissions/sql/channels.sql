-- Where an agency and its members are reached. A number is seen by whom it belongs to: her own by
-- the member alone, the agency's by its agency_admin; and all of them by the background work, which
-- rings.

-- own: a member's private mail or number; duty: the agency's shared ones, in order; escalation: who
-- is rung when nobody answers (it may be outside, such as a state hotline).
CREATE TABLE channel (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES permissions_agency,
    membership_id uuid REFERENCES permissions_membership ON DELETE CASCADE,
    use text NOT NULL CHECK (use IN ('own', 'duty', 'escalation')),
    kind text NOT NULL CHECK (kind IN ('mail', 'sms', 'voice')),
    address text NOT NULL CHECK (address <> ''),
    language text NOT NULL DEFAULT 'en' CHECK (language IN ('en', 'es')),
    position int NOT NULL DEFAULT 1 CHECK (position BETWEEN 1 AND 20),
    created_at timestamptz NOT NULL DEFAULT sec.clock(),
    test_asked_at timestamptz,
    test_outcome text CHECK (
        test_outcome IN ('waiting', 'handed_over', 'failed', 'arrived', 'not_arrived')),
    CHECK ((use = 'own') = (membership_id IS NOT NULL)),
    UNIQUE NULLS NOT DISTINCT (agency_id, membership_id, use, kind, address)
);
CREATE INDEX channel_member ON channel (membership_id) WHERE membership_id IS NOT NULL;
ALTER TABLE channel ENABLE ROW LEVEL SECURITY;
ALTER TABLE channel FORCE ROW LEVEL SECURITY;

-- The member, if a person asks for herself: no system names her to read her private number.
CREATE FUNCTION sec.herself() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF me.client_id IS NULL THEN
        RETURN me.member_id;
    END IF;
    RETURN NULL;
END $$;

-- The agency, if its administrator asks.
CREATE FUNCTION sec.administering() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF me.client_id IS NULL AND 'agency_admin' = ANY (me.roles) THEN
        RETURN me.agency_id;
    END IF;
    RETURN NULL;
END $$;

GRANT SELECT,
    INSERT (id, agency_id, membership_id, use, kind, address, language, position),
    UPDATE (language, position, test_asked_at, test_outcome) ON channel TO app;
CREATE POLICY whose_it_is ON channel TO app
    USING (membership_id = (SELECT sec.herself())
           OR (membership_id IS NULL AND agency_id = (SELECT sec.administering())))
    WITH CHECK ((membership_id = (SELECT sec.herself()) AND agency_id = (SELECT sec.caller()))
                OR (membership_id IS NULL AND agency_id = (SELECT sec.administering())));
GRANT SELECT, UPDATE (test_outcome) ON channel TO jobs;
CREATE POLICY jobs_ring ON channel FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_tested ON channel FOR UPDATE TO jobs USING (true) WITH CHECK (true);
GRANT SELECT, DELETE ON channel TO gate;
CREATE POLICY gate_reads ON channel FOR SELECT TO gate USING (true);
CREATE POLICY gate_removes ON channel FOR DELETE TO gate USING (true);

-- `app` deletes nothing by itself; a number that is taken off is gone.
CREATE FUNCTION sec.remove_channel(which uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    DELETE FROM public.channel c WHERE c.id = which
       AND (c.membership_id = sec.herself()
            OR (c.membership_id IS NULL AND c.agency_id = sec.administering()));
    RETURN FOUND;
END $$;

-- On call, reachable or off duty: each member says it of herself.
GRANT UPDATE (duty) ON permissions_membership TO app;
CREATE POLICY own_duty ON permissions_membership FOR UPDATE TO app
    USING (id = (SELECT sec.herself()));

REVOKE ALL ON FUNCTION sec.herself(), sec.administering(), sec.remove_channel(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.herself(), sec.administering(), sec.remove_channel(uuid) TO app;
-- Last: once gate owns them, `owner` can no longer say who may execute them.
ALTER FUNCTION sec.herself() OWNER TO gate;
ALTER FUNCTION sec.administering() OWNER TO gate;
ALTER FUNCTION sec.remove_channel(uuid) OWNER TO gate;
