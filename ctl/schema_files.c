#include "ctl/schema_files.h"

/* The bytes of a file of the source tree and a NUL, as a constant of this object. The compiler does not
 * see the file: the Makefile names all of schema/ as what this object depends on. */
#define INCLUDE_FILE(symbol, path)                                                                           \
    __asm__(".pushsection .rodata\n" #symbol ":\n"                                                           \
            ".incbin \"" path "\"\n"                                                                         \
            ".byte 0\n"                                                                                      \
            ".popsection\n");                                                                                \
    extern const char symbol[] /* NOLINT(bugprone-macro-parentheses): a name */ __attribute__((              \
        visibility("hidden")))

INCLUDE_FILE(schema_files_postgres_001, "schema/postgres/001_secrets.sql");
INCLUDE_FILE(schema_files_postgres_002, "schema/postgres/002_key_usage.sql");
INCLUDE_FILE(schema_files_postgres_grants, "schema/postgres/grants.sql");
INCLUDE_FILE(schema_files_clickhouse_001, "schema/clickhouse/001_events.sql");
INCLUDE_FILE(schema_files_clickhouse_002, "schema/clickhouse/002_identity.sql");

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
