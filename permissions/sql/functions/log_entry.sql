-- as: owner
-- The content of an access log entry, its hash, and the guards against changes. The database cannot
-- prevent tampering by its owner; the seals make it evident.

-- RFC 9162, section 2.1.1: a leaf is hashed after a 00 byte. The content is a JSON array of the
-- columns as text, so that a verifier without a database can rebuild it byte for byte. No two rows
-- give the same text. An array is written as PostgreSQL writes it, without its braces, because
-- array_to_string merges different arrays and omits NULLs. A time before the year 1 becomes null,
-- because to_char writes it like the same year after.
CREATE FUNCTION sec.entry_leaf_text(e access_entry) RETURNS text LANGUAGE sql STABLE AS $$
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

CREATE FUNCTION sec.entry_leaf(e access_entry) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256('\x00'::bytea || convert_to(sec.entry_leaf_text(e), 'UTF8'))
$$;

-- Only ids and codes are accepted (R10): acts and purposes of permissions/audit/actions.py, reasons
-- and field names as codes, a network but no host. The error does not repeat the refused value.
CREATE FUNCTION sec.hash_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT sec.log_acts() ? NEW.act OR NOT sec.log_purposes() ? NEW.purpose
       OR NEW.rule !~ '^[a-z][a-z0-9_]{0,59}$'
       OR NEW.fields::text !~ '^\{[a-z0-9_:,]*\}$'  -- a name that is no plain word is quoted there
       OR NEW.address_prefix !~ '^[0-9a-f.:]+/[0-9]+$' THEN
        RAISE EXCEPTION 'the access log holds ids and codes of its vocabulary'
              USING ERRCODE = 'check_violation';
    END IF;
    NEW.leaf := sec.entry_leaf(NEW);
    RETURN NEW;
END $$;

CREATE FUNCTION sec.refuse_log_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the access log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;

REVOKE ALL ON FUNCTION sec.entry_leaf_text(access_entry), sec.entry_leaf(access_entry),
    sec.hash_entry(), sec.refuse_log_change() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.entry_leaf_text(access_entry), sec.entry_leaf(access_entry),
    sec.hash_entry(), sec.refuse_log_change() TO app, editor, auditor, sealer, definer;
