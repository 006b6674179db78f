-- What the second wall really shows and accepts, asked in one round trip per person. The functions
-- probing.rows_as_app() and probing.rows_as_auditor(), which tests/support/proofs/rls_probe.py
-- writes from the catalogue, return the rows of each readable table. Everything that is tried is
-- undone.

-- PB001: a write that was taken, with how many rows; PB002: what an opening showed.
CREATE FUNCTION probing.try(statements text[]) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    one text;
    found bigint;
    answers text[] := '{}';
BEGIN
    FOREACH one IN ARRAY statements LOOP
        BEGIN
            EXECUTE one;
            GET DIAGNOSTICS found = ROW_COUNT;
            RAISE EXCEPTION USING ERRCODE = 'PB001', MESSAGE = found::text;
        EXCEPTION
            WHEN insufficient_privilege THEN answers := answers || 'refused'::text;
            WHEN SQLSTATE 'PB001' THEN answers := answers || SQLERRM;
            -- Constraints are asked after rights and policies.
            WHEN integrity_constraint_violation THEN answers := answers || '1'::text;
        END;
    END LOOP;
    RETURN answers;
END $$;

-- Under each of `entries` in turn: the sealed rows that it opens, or that it may not be written.
CREATE FUNCTION probing.open(entries jsonb[]) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    one jsonb;
    answers text[] := '{}';
BEGIN
    FOREACH one IN ARRAY entries LOOP
        BEGIN
            INSERT INTO access_entry (id, agency_id, member_id, client_id, act, purpose,
                                      referral_id, fields, directory_id, decision)
            SELECT gen_random_uuid(), e.agency_id, e.member_id, e.client_id, e.act, e.purpose,
                   e.referral_id, e.fields, e.directory_id, 'allowed'
              FROM jsonb_populate_record(NULL::access_entry, one) e;
            RAISE EXCEPTION USING ERRCODE = 'PB002', MESSAGE = concat_ws(' ', ' ',
                (SELECT string_agg(id::text, ' ') FROM packet_field),
                (SELECT string_agg(id::text, ' ') FROM note),
                (SELECT string_agg(id::text, ' ') FROM directory_confidential_address));
        EXCEPTION
            WHEN insufficient_privilege THEN answers := answers || 'refused'::text;
            WHEN SQLSTATE 'PB002' THEN answers := answers || SQLERRM;
        END;
    END LOOP;
    RETURN answers;
END $$;

CREATE FUNCTION probing.look_as_app(
    token text, acting text, since uuid, entries jsonb[], statements text[],
    OUT shown text[], OUT opened text[], OUT tried text[]
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('cairn.token', token, true), set_config('cairn.acting', acting, true);
    shown := probing.rows_as_app(since);
    opened := probing.open(entries);
    tried := probing.try(statements);
END $$;

CREATE FUNCTION probing.look_as_auditor(
    token text, acting text, since uuid, entries jsonb[], statements text[],
    OUT shown text[], OUT opened text[], OUT tried text[]
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('cairn.token', token, true), set_config('cairn.acting', acting, true);
    shown := probing.rows_as_auditor(since);
    opened := '{}';
    tried := probing.try(statements);
END $$;
