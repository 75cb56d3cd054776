#include "ctl/schema_files.h"

#include "common/base/embed.h"

EMBED_FILE(schema_files_postgres_001, "schema/postgres/001_secrets.sql");
EMBED_FILE(schema_files_postgres_002, "schema/postgres/002_key_usage.sql");
EMBED_FILE(schema_files_postgres_grants, "schema/postgres/grants.sql");
EMBED_FILE(schema_files_clickhouse_001, "schema/clickhouse/001_events.sql");
EMBED_FILE(schema_files_clickhouse_002, "schema/clickhouse/002_identity.sql");

const struct schema_file schema_files_postgres[] = {
    {1, "001_secrets", schema_files_postgres_001},
    {2, "002_key_usage", schema_files_postgres_002},
    {0, "grants", schema_files_postgres_grants},
    {0},
};

const struct schema_file schema_files_clickhouse[] = {
    {1, "001_events", schema_files_clickhouse_001},
    {2, "002_identity", schema_files_clickhouse_002},
    {0},
};
