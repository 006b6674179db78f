-- Only `door` uses what lets a system in.

GRANT SELECT, INSERT, UPDATE, DELETE ON permissions_client TO door;
GRANT SELECT ON permissions_client TO gate;

CREATE TRIGGER ask_again AFTER UPDATE ON permissions_client FOR EACH ROW
    WHEN (OLD.active <> NEW.active OR OLD.system_of_record <> NEW.system_of_record
          OR OLD.networks IS DISTINCT FROM NEW.networks)
    EXECUTE FUNCTION sec.ask_credentials_again();
