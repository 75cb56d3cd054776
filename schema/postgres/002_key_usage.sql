-- When a key was last used is written by the programs themselves, and is no news to them: only what decides who
-- is let in makes them read the keys again.

DROP TRIGGER secrets_changed ON secrets;

CREATE TRIGGER secrets_changed
    AFTER INSERT OR DELETE OR TRUNCATE
       OR UPDATE OF id, type, value, display_id, tenant_id, environment_id, name, roles, expires_at, status
    ON secrets
    FOR EACH STATEMENT EXECUTE FUNCTION secrets_notify();
