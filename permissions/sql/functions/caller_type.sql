-- as: owner
-- The type that sec.identity() returns. A role that serves requests owns no type, so `owner` makes
-- it. This file's name must sort before identity.sql.

CREATE TYPE sec.identity AS (
    agency_id uuid, member_id uuid, person_id uuid, client_id uuid,
    roles text[], scopes text[], system_of_record boolean, networks text[]
);
