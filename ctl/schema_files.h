/*
 * schema_files.h - the SQL files of schema/, inside the program, so that an installed command needs no
 * source tree. A new file takes one line in schema_files.c.
 */
#ifndef MILLRACE_SCHEMA_FILES_H
#define MILLRACE_SCHEMA_FILES_H

struct schema_file {
    unsigned number;  /* of its name; 0: run at every apply, after the others, and not recorded */
    const char *name; /* "001_secrets"; NULL ends a list */
    const char *sql;  /* NUL-terminated */
};

/* In the order in which they are applied. */
extern const struct schema_file schema_files_postgres[];
extern const struct schema_file schema_files_clickhouse[];

#endif
