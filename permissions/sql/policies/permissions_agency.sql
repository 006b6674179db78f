-- Everyone in the network may know which agencies there are.

GRANT SELECT ON permissions_agency TO app, door, editor, auditor, gate;
GRANT SELECT, INSERT, UPDATE ON permissions_agency TO jobs;

CREATE TRIGGER ask_again AFTER UPDATE ON permissions_agency FOR EACH ROW
    WHEN (OLD.active <> NEW.active) EXECUTE FUNCTION sec.ask_credentials_again();
