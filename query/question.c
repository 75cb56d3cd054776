#include "query/question.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void question_add(struct question *question, const char *piece)
{
    buf_append_text(&question->draft, piece);
}

void question_printf(struct question *question, const char *format, ...)
{
    char *piece = NULL;
    va_list args;

    va_start(args, format);
    BUG_ON(vasprintf(&piece, format, args) < 0);
    va_end(args);
    question_add(question, piece);
    free_string(&piece);
}

void question_text(struct question *question, const char *name, const char *value)
{
    BUG_ON(question->parameter_count == QUESTION_PARAMETERS_MAX);
    question->parameters[question->parameter_count++] = (struct clickhouse_pair){name, value};
    question->parameters[question->parameter_count] = (struct clickhouse_pair){NULL, NULL};
}

void question_i64(struct question *question, const char *name, int64_t value)
{
    AUTO_STRING text = xasprintf("%" PRId64, value);

    question_text(question, name, arena_text(question->arena, slice_from(text)).data);
}

void question_u64(struct question *question, const char *name, uint64_t value)
{
    AUTO_STRING text = xasprintf("%" PRIu64, value);

    question_text(question, name, arena_text(question->arena, slice_from(text)).data);
}

void question_from(struct question *question, const char *table, const struct question_scope *scope)
{
    question_add(question, " FROM ");
    question_add(question, table);
    question_add(question, " FINAL WHERE tenant_id = {tenant:String}"
                           " AND environment_id = {environment:String}");
    question_text(question, "tenant", scope->tenant_id);
    question_text(question, "environment", scope->environment_id);
}

void question_finish(struct question *question)
{
    question_add(question, " FORMAT RowBinary");
    question->text = arena_text(question->arena, buf_slice(&question->draft)).data;
    buf_done(&question->draft);
}
