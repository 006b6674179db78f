-- as: owner
-- The content of an entry of the access log, its hash, and what refuses to change it. Tampering by
-- the owner of the database cannot be prevented here; the seals make it evident.

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

-- Ids and codes only (R10): acts and purposes of permissions/audit/actions.py, reasons and
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

REVOKE ALL ON FUNCTION sec.leaf_text(access_entry), sec.leaf(access_entry), sec.hash_entry(),
    sec.log_is_append_only() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.leaf_text(access_entry), sec.leaf(access_entry), sec.hash_entry(),
    sec.log_is_append_only() TO app, editor, auditor, sealer, gate;
