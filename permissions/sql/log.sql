-- The access log: insert-only, partitioned by month, each row carrying the hash of its own content.
-- Tampering by the owner of the database cannot be prevented here; it is made evident by the seals.

CREATE TABLE access_entry (
    id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT sec.clock(),
    agency_id uuid,
    member_id uuid,
    client_id uuid,
    act text NOT NULL,
    purpose text,
    referral_id uuid,
    referral_ids uuid[],
    subject uuid,
    fields text[],
    release_id uuid,
    directory_id uuid,  -- the directory's entry that it is about
    decision text NOT NULL CHECK (decision IN ('allowed', 'refused')),
    rule text,
    request_id uuid,
    address_prefix text,
    xact bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    leaf bytea NOT NULL,
    PRIMARY KEY (id, at),
    -- What an opening must say for itself (design §2: purpose of use stated).
    CHECK (act NOT IN ('referral.open_packet', 'referral.open_notes') OR decision = 'refused'
           OR (purpose IS NOT NULL AND referral_id IS NOT NULL))
) PARTITION BY RANGE (at);
CREATE INDEX access_entry_xact ON access_entry (xact);
-- One for each filter of an auditor (permissions/review.py), all in the order of her pages, so that
-- a page is read and no more, however rare what she looks for.
CREATE INDEX access_entry_agency ON access_entry (agency_id, at DESC, id DESC);
CREATE INDEX access_entry_member ON access_entry (agency_id, member_id, at DESC, id DESC)
    WHERE member_id IS NOT NULL;
CREATE INDEX access_entry_client ON access_entry (agency_id, client_id, at DESC, id DESC)
    WHERE client_id IS NOT NULL;
CREATE INDEX access_entry_act ON access_entry (agency_id, act, at DESC, id DESC);
CREATE INDEX access_entry_refused ON access_entry (agency_id, at DESC, id DESC)
    WHERE decision = 'refused';
CREATE INDEX access_entry_purpose ON access_entry (agency_id, purpose, at DESC, id DESC)
    WHERE purpose IS NOT NULL;
CREATE INDEX access_entry_subject ON access_entry (agency_id, subject, at DESC, id DESC)
    WHERE subject IS NOT NULL;
CREATE INDEX access_entry_referral ON access_entry (referral_id, agency_id, at DESC, id DESC)
    WHERE referral_id IS NOT NULL;
-- What systems opened: whether one opened this referral, and how many (sec.openings_wait).
CREATE INDEX access_entry_client_opened ON access_entry (client_id, referral_id, at)
    WHERE client_id IS NOT NULL AND decision = 'allowed'
      AND act IN ('referral.open_packet', 'referral.open_notes');
CREATE INDEX access_entry_client_openings ON access_entry (client_id, at, referral_id)
    WHERE client_id IS NOT NULL AND decision = 'allowed'
      AND act IN ('referral.open_packet', 'referral.open_notes');
CREATE INDEX access_entry_opt_in ON access_entry (release_id, at) WHERE rule = 'opt_in';
CREATE INDEX access_entry_listed ON access_entry USING gin (referral_ids);

-- RFC 9162, section 2.1.1: a leaf is hashed behind the byte 00. The content is a JSON array of the
-- columns as text, so that a verifier without a database can rebuild it byte for byte. No two rows
-- have the same text: an array is written as PostgreSQL writes it, without its braces, since
-- array_to_string joins what was apart and leaves out what is NULL; and a time before Christ, which
-- to_char writes like the one after, is none.
CREATE FUNCTION sec.leaf_text(e access_entry) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT array_to_json(ARRAY[
        e.id::text,
        CASE WHEN e.at >= '0001-01-01T00:00:00Z'
             THEN to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END,
        e.agency_id::text, e.member_id::text, e.client_id::text, e.act, e.purpose,
        e.referral_id::text, left(substr(e.referral_ids::text, 2), -1), e.subject::text,
        left(substr(e.fields::text, 2), -1), e.release_id::text, e.directory_id::text, e.decision,
        e.rule, e.request_id::text, e.address_prefix, e.xact::text
    ])::text
$$;
CREATE FUNCTION sec.leaf(e access_entry) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256('\x00'::bytea || convert_to(sec.leaf_text(e), 'UTF8'))
$$;
-- Ids and codes only (design §8): acts and purposes of permissions/log_vocabulary.py, reasons and
-- names of fields as codes, a network and no host. The message does not repeat what it refuses.
CREATE FUNCTION sec.hash_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT sec.log_acts() ? NEW.act OR NOT sec.log_purposes() ? NEW.purpose
       OR NEW.rule !~ '^[a-z][a-z0-9_]{0,59}$'
       OR NEW.fields::text !~ '^\{[a-z0-9_:,]*\}$'  -- what is no plain word stands in quotes there
       OR NEW.address_prefix !~ '^[0-9a-f.:]+/[0-9]+$' THEN
        RAISE EXCEPTION 'the access log holds ids and codes of its vocabulary'
              USING ERRCODE = 'check_violation';
    END IF;
    NEW.leaf := sec.leaf(NEW);
    RETURN NEW;
END $$;
CREATE FUNCTION sec.log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the access log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER hash_entry BEFORE INSERT ON access_entry
    FOR EACH ROW EXECUTE FUNCTION sec.hash_entry();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON access_entry
    FOR EACH ROW EXECUTE FUNCTION sec.log_is_append_only();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON access_entry
    FOR EACH STATEMENT EXECUTE FUNCTION sec.log_is_append_only();
ALTER TABLE access_entry ENABLE ALWAYS TRIGGER hash_entry;
ALTER TABLE access_entry ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE access_entry ENABLE ALWAYS TRIGGER no_truncate;

-- Partitions: run by the owner (migrations; `manage.py migrate` adds the months to come). The
-- default partition exists so that a forgotten month loses nothing.
CREATE FUNCTION sec.guard_log_partition(part regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', part);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', part);
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT'
                   ' EXECUTE FUNCTION sec.log_is_append_only()', part);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER no_truncate', part);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER hash_entry', part);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only', part);
END $$;
CREATE FUNCTION sec.add_log_partition(first date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    part text := 'access_entry_' || to_char(first, 'YYYY_MM');
    bounds text := format('FOR VALUES FROM (%L) TO (%L)', first::text || 'T00:00:00Z',
                          (first + interval '1 month')::date::text || 'T00:00:00Z');
BEGIN
    IF to_regclass(part) IS NOT NULL THEN
        RETURN;
    END IF;
    BEGIN
        EXECUTE format('CREATE TABLE %I PARTITION OF access_entry %s', part, bounds);
    EXCEPTION WHEN check_violation THEN  -- entries of that month stand in the default partition
        PERFORM sec.move_to_log_partition(part, first);
        EXECUTE format('ALTER TABLE access_entry ATTACH PARTITION %I %s', part, bounds);
    END;
    PERFORM sec.guard_log_partition(part::regclass);
END $$;
-- A month's table with its entries, byte for byte, out of the default partition; what guards that
-- is off meanwhile, in this transaction alone, and nobody else can write to it.
CREATE FUNCTION sec.move_to_log_partition(part text, first date) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE %I (LIKE access_entry INCLUDING ALL)', part);
    ALTER TABLE access_entry_other NO FORCE ROW LEVEL SECURITY;
    ALTER TABLE access_entry_other DISABLE TRIGGER append_only;
    EXECUTE format(
        'WITH moved AS (DELETE FROM access_entry_other WHERE at >= $1 AND at < $2 RETURNING *)'
        ' INSERT INTO %I SELECT * FROM moved', part)
        USING first::timestamp AT TIME ZONE 'UTC',
              (first + interval '1 month') AT TIME ZONE 'UTC';
    ALTER TABLE access_entry_other ENABLE ALWAYS TRIGGER append_only;
    ALTER TABLE access_entry_other FORCE ROW LEVEL SECURITY;
END $$;
CREATE FUNCTION sec.add_log_partitions(months int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    this date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
BEGIN
    FOR n IN 0..months LOOP
        PERFORM sec.add_log_partition((this + make_interval(months => n))::date);
    END LOOP;
END $$;
CREATE TABLE access_entry_other PARTITION OF access_entry DEFAULT;
SELECT sec.guard_log_partition('access_entry_other');
SELECT sec.add_log_partitions(24);

ALTER TABLE access_entry ENABLE ROW LEVEL SECURITY;
ALTER TABLE access_entry FORCE ROW LEVEL SECURITY;
-- `at`, `xact` and `leaf` are the database's own word: nobody may insert them.
GRANT INSERT (id, agency_id, member_id, client_id, act, purpose, referral_id, referral_ids, subject,
              fields, release_id, directory_id, decision, rule, request_id, address_prefix)
    ON access_entry TO app, editor, auditor, gate;
GRANT SELECT ON access_entry TO auditor, sealer, gate;
CREATE POLICY own_allowed ON access_entry FOR INSERT TO app, editor, auditor WITH CHECK (
    decision = 'allowed'
    AND (agency_id, coalesce(member_id::text, ''), coalesce(client_id::text, '')) = (
        SELECT me.agency_id, coalesce(me.member_id::text, ''), coalesce(me.client_id::text, '')
          FROM sec.identity() me)
);
CREATE POLICY own_people ON access_entry FOR SELECT TO auditor
    USING (agency_id = (SELECT sec.auditing()));
CREATE POLICY gate_reads ON access_entry FOR SELECT TO gate USING (true);
CREATE POLICY gate_writes ON access_entry FOR INSERT TO gate WITH CHECK (true);
CREATE POLICY sealer_reads ON access_entry FOR SELECT TO sealer USING (true);

-- A refusal, written after the rollback in a transaction of its own; also one without a caller.
-- `door` signs people in and issues tokens: it logs those acts here too (agency and member given,
-- since no credential exists yet).
CREATE FUNCTION sec.log_denial(
    entry_id uuid, what text, why text, about uuid, of_directory uuid, stated_purpose text,
    request uuid, prefix text
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    INSERT INTO public.access_entry (id, agency_id, member_id, client_id, act, purpose, referral_id,
                                     directory_id, decision, rule, request_id, address_prefix)
    VALUES (entry_id, me.agency_id, me.member_id, me.client_id, what, stated_purpose, about,
            of_directory, 'refused', why, request, prefix);
END $$;
CREATE FUNCTION sec.log_sign_in(
    entry_id uuid, agency uuid, member uuid, client uuid, what text, outcome text, why text,
    request uuid, prefix text
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    INSERT INTO public.access_entry (id, agency_id, member_id, client_id, act, decision, rule,
                                     request_id, address_prefix)
    VALUES (entry_id, agency, member, client, what, outcome, why, request, prefix);
END $$;
-- What the operator changed of rights and keys (manage.py add, member, client, set_agency,
-- set_clocks, directory_editors, bind_organization, seals rotate), and that he took the whole log
-- away (seals export): these acts and no other, beside the agency, member or client whose they are,
-- in nobody's name. `codes` is what they are now.
CREATE FUNCTION sec.log_rights(
    entry_id uuid, what text, agency uuid, member uuid, client uuid, of_directory uuid, codes text[]
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    IF what IN ('member.add', 'member.change_roles', 'member.reset', 'member.end', 'member.return',
                'client.add', 'client.change_keys', 'client.change_networks',
                'client.change_budget', 'client.end', 'client.return', 'agency.add',
                'agency.change', 'editor.add', 'editor.end', 'organization.bind',
                'organization.unbind', 'seal.rotate', 'access_log.export') THEN
        INSERT INTO public.access_entry (id, agency_id, member_id, client_id, act, directory_id,
                                         fields, decision)
        VALUES (entry_id, agency, member, client, what, of_directory, codes, 'allowed');
        RETURN;
    END IF;
    RAISE EXCEPTION 'not an act of the operator' USING ERRCODE = 'insufficient_privilege';
END $$;
-- TH2: how long until the calling system may open a packet or notes of this referral; NULL: it may
-- now, as people always may. It opens as many different ones within 24 hours as is set for it, and
-- those again as often as it likes. Counted in the log: what was shown, and nothing else. Of a
-- person nothing is found, so that it is NULL.
CREATE FUNCTION sec.openings_wait(r uuid) RETURNS interval
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    now timestamptz := sec.clock();
    most int;
    opened record;
BEGIN
    IF EXISTS (SELECT FROM public.access_entry e
                WHERE e.client_id = me.client_id AND e.referral_id = r AND e.decision = 'allowed'
                  AND e.act IN ('referral.open_packet', 'referral.open_notes')
                  AND e.at > now - interval '24 hours' AND e.at <= now) THEN
        RETURN NULL;
    END IF;
    SELECT k.openings_a_day INTO most FROM public.permissions_client k WHERE k.id = me.client_id;
    SELECT count(*) AS number, min(one.last) AS first INTO opened
      FROM (SELECT e.referral_id, max(e.at) AS last
              FROM public.access_entry e
             WHERE e.client_id = me.client_id AND e.decision = 'allowed'
               AND e.act IN ('referral.open_packet', 'referral.open_notes')
               AND e.at > now - interval '24 hours' AND e.at <= now
             GROUP BY e.referral_id) one;
    IF opened.number < most THEN
        RETURN NULL;
    END IF;
    RETURN opened.first + interval '24 hours' - now;
END $$;
REVOKE ALL ON FUNCTION
    sec.openings_wait(uuid), sec.leaf_text(access_entry), sec.leaf(access_entry), sec.hash_entry(),
    sec.log_is_append_only(),
    sec.guard_log_partition(regclass), sec.add_log_partition(date), sec.add_log_partitions(int),
    sec.move_to_log_partition(text, date),
    sec.log_denial(uuid, text, text, uuid, uuid, text, uuid, text),
    sec.log_rights(uuid, text, uuid, uuid, uuid, uuid, text[]),
    sec.log_sign_in(uuid, uuid, uuid, uuid, text, text, text, uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    sec.leaf_text(access_entry), sec.leaf(access_entry), sec.hash_entry(), sec.log_is_append_only()
    TO app, editor, auditor, gate, sealer;
GRANT EXECUTE ON FUNCTION sec.log_denial(uuid, text, text, uuid, uuid, text, uuid, text)
    TO app, door, editor, auditor;
GRANT EXECUTE ON FUNCTION sec.openings_wait(uuid) TO app;
ALTER FUNCTION sec.openings_wait(uuid) OWNER TO gate;
GRANT EXECUTE ON FUNCTION
    sec.log_sign_in(uuid, uuid, uuid, uuid, text, text, text, uuid, text) TO door;
GRANT EXECUTE ON FUNCTION sec.log_rights(uuid, text, uuid, uuid, uuid, uuid, text[]) TO jobs;
ALTER FUNCTION sec.log_rights(uuid, text, uuid, uuid, uuid, uuid, text[]) OWNER TO gate;
ALTER FUNCTION sec.log_denial(uuid, text, text, uuid, uuid, text, uuid, text) OWNER TO gate;
ALTER FUNCTION sec.log_sign_in(uuid, uuid, uuid, uuid, text, text, text, uuid, text) OWNER TO gate;

-- Grants and private keys: default deny from the start; their policies stand beside the
-- referral's (referrals/sql/policies.sql), whose rows they speak of.
ALTER TABLE packet_grant ENABLE ROW LEVEL SECURITY;
ALTER TABLE packet_grant FORCE ROW LEVEL SECURITY;
ALTER TABLE private_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE private_key FORCE ROW LEVEL SECURITY;
