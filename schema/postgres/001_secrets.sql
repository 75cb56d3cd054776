-- API keys. Only the SHA-256 of a key is here, so that neither a dump nor a look over somebody's shoulder
-- gives one away; it is also what a request's key is looked up by.

CREATE TABLE secrets (
    id             text PRIMARY KEY,            -- "secret_" and a ULID
    type           text NOT NULL DEFAULT 'private_key' CHECK (type IN ('private_key', 'publishable_key')),
    value          text NOT NULL UNIQUE CHECK (value ~ '^[0-9a-f]{64}$'),
    display_id     text NOT NULL,               -- first 5 characters, "***", last 2; not unique
    -- Parts of record keys, joined there by ':'.
    tenant_id      text NOT NULL CHECK (tenant_id ~ '^[^[:space:][:cntrl:]:]+$' AND octet_length(tenant_id) <= 128),
    environment_id text NOT NULL CHECK (environment_id ~ '^[^[:space:][:cntrl:]:]+$' AND octet_length(environment_id) <= 128),
    name           text NOT NULL CHECK (name <> ''),
    -- Never empty: whether no role means none or all would be a guess.
    roles          text[] NOT NULL CHECK (cardinality(roles) > 0 AND array_position(roles, NULL) IS NULL
                       AND roles <@ ARRAY['event:write', 'event:read', 'catalog:write', 'admin']),
    expires_at     timestamptz CHECK (isfinite(expires_at)), -- NULL: never
    last_used_at   timestamptz,
    status         text NOT NULL DEFAULT 'published' CHECK (status IN ('published', 'revoked')),
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);

-- The programs keep all keys in memory and read them again when told. The payload is empty, so that the
-- many changes of one transaction are one notification.
CREATE FUNCTION secrets_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('millrace_keys', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER secrets_changed
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON secrets
    FOR EACH STATEMENT EXECUTE FUNCTION secrets_notify();
