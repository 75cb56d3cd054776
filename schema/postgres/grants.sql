-- What each program's role may do. Run at every `millrace schema apply`, after the numbered files, because
-- a role may be made later than the tables; a role that does not exist is passed over, as on a machine
-- where one user does everything.

DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['millrace_ingest', 'millrace_query'] LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('GRANT SELECT, UPDATE (last_used_at) ON secrets TO %I', role_name);
        END IF;
    END LOOP;
END
$$;
