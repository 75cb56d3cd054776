/*
 * question.h - a question to ClickHouse, put together from fixed pieces of SQL; all values of a request are
 * parameters, so that no text of a client becomes SQL. Pure.
 */
#ifndef MILLRACE_QUESTION_H
#define MILLRACE_QUESTION_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/io/clickhouse.h"

/* Whose events. Nobody sees others. */
struct question_scope {
    const char *tenant_id;
    const char *environment_id;
};

enum { QUESTION_PARAMETERS_MAX = 160 };

/* Zero-initialised but for the arena, which holds all its texts. */
struct question {
    struct arena *arena;                                            /* keeps */
    const char *text;                                               /* NULL until it is finished */
    struct clickhouse_pair parameters[QUESTION_PARAMETERS_MAX + 1]; /* ends with a NULL name */
    size_t parameter_count;
    struct buf draft;
};

/* The next piece of SQL: never what came from a client. */
void question_add(struct question *question, const char *piece);
void question_printf(struct question *question, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The value of {name:Type}. name and value: keeps; value is NUL-terminated. */
void question_text(struct question *question, const char *name, const char *value);
void question_i64(struct question *question, const char *name, int64_t value);
void question_u64(struct question *question, const char *name, uint64_t value);

/* "FROM `table` FINAL WHERE", and the scope: every question begins so behind its columns. */
void question_from(struct question *question, const char *table, const struct question_scope *scope);

/* Ends the text; the answer comes as RowBinary. */
void question_finish(struct question *question);

#endif
