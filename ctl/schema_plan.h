/*
 * schema_plan.h - what is to be done about a database's schema: the files in this program held against
 * what its table schema_migrations says was applied. Pure.
 */
#ifndef MILLRACE_SCHEMA_PLAN_H
#define MILLRACE_SCHEMA_PLAN_H

#include "common/codec/digest.h"
#include "ctl/schema_files.h"

#include <stddef.h>

/* A row of schema_migrations. */
struct schema_applied {
    unsigned number;
    char *name;
    char *checksum; /* SHA-256 of the file, lower-case hex */
};

struct schema_applied_list {
    struct schema_applied *items;
    size_t count;
};

void schema_applied_add(struct schema_applied_list *list, unsigned number, struct slice name,
                        struct slice checksum);
void schema_applied_done(struct schema_applied_list *list);

enum schema_step {
    SCHEMA_STEP_APPLIED, /* nothing to do */
    SCHEMA_STEP_PENDING, /* to be applied and recorded */
    SCHEMA_STEP_REPEAT,  /* number 0: to be run, not recorded */
    SCHEMA_STEP_EDITED,  /* applied, and another text since: nobody knows what the database has */
};

enum schema_step schema_plan_step(const struct schema_file *file, const struct schema_applied_list *applied);

/* How many were applied that this program does not know: a newer release has been here. */
size_t schema_plan_newer_count(const struct schema_file *files, const struct schema_applied_list *applied);

void schema_plan_checksum(const struct schema_file *file, char out[DIGEST_SHA256_HEX_BYTES]);

#endif
