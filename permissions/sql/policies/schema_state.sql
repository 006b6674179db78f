-- Every role may ask which release made the schema; `owner` alone writes it.

GRANT SELECT ON schema_state TO app, signin, editor, jobs, auditor, sealer;
