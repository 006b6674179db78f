-- Who may call functions of schema `sec` at all; each function says who may call it.

GRANT USAGE ON SCHEMA sec TO app, signin, editor, jobs, auditor, sealer;
