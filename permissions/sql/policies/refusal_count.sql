-- Refusals of unknown callers that have no row of their own. Only sec.enter_refusal() and
-- sec.enter_counted_refusals() use it.

GRANT SELECT, INSERT, UPDATE, DELETE ON refusal_count TO definer;
