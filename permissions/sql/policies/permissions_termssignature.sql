-- Who signed the network's terms. Sending and accepting ask for it as `app`, the pages of each role
-- say whether it is due; no signature is changed or removed.

GRANT SELECT ON permissions_termssignature TO app, auditor, jobs;
GRANT SELECT, INSERT ON permissions_termssignature TO signin;
