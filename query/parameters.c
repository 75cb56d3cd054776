#include "query/parameters.h"

#include "common/base/buf.h"
#include "common/base/bug.h"
#include "common/base/number.h"
#include "common/codec/rfc3339.h"
#include "common/event/event.h"
#include "query/query_string.h"

#include <stdarg.h>
#include <stdio.h>

bool parameters_refuse(struct parameters *parameters, size_t index, const char *format, ...)
{
    struct parameter_problem *problem = parameters->problem;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(problem->text, sizeof(problem->text), format, args);
    va_end(args);
    problem->parameter = index < parameters->count ? parameters->table[index].name : "";
    return false;
}

/* Its index; count for one that is not known. */
static size_t find(const struct parameters *parameters, struct slice name)
{
    size_t i = 0;

    while (i < parameters->count && !slice_equals_text(name, parameters->table[i].name))
        i++;
    return i;
}

static bool set(struct parameters *parameters, size_t index, struct slice text)
{
    if (text.length > parameters->table[index].max_bytes)
        return parameters_refuse(parameters, index, "is longer than %zu bytes",
                                 parameters->table[index].max_bytes);
    parameters->values[index].text = text;
    return true;
}

/* ---- from a query string ---- */

static bool take_raw(struct parameters *parameters, size_t index, struct slice raw)
{
    struct slice text;

    if (parameters->values[index].is_given)
        return parameters_refuse(parameters, index, "is given more than once");
    parameters->values[index].is_given = true;
    if (!query_string_decode(parameters->arena, raw, &text))
        return parameters_refuse(parameters, index, "is not percent-encoded UTF-8 text without NUL");
    return set(parameters, index, text);
}

bool parameters_from_query(struct parameters *parameters, struct slice query)
{
    struct slice raw_name, name, raw;

    BUG_ON(parameters->count > PARAMETERS_MAX);
    while (query_string_next(&query, &raw_name, &raw)) {
        if (!query_string_decode(parameters->arena, raw_name, &name))
            continue; /* no name of ours */
        size_t index = find(parameters, name);
        if (index < parameters->count && !take_raw(parameters, index, raw))
            return false;
    }
    return true;
}

/* ---- from JSON ---- */

struct body_reading {
    struct parameters *parameters;
    struct slice body;
    size_t current; /* the member at hand */
    size_t begin;   /* of its object */
    bool is_refused;
};

static bool has_kind(enum parameter_kind kind, enum json_kind found)
{
    switch (kind) {
    case PARAMETER_TEXT:
        return found == JSON_STRING;
    case PARAMETER_NUMBER:
        return found == JSON_NUMBER;
    case PARAMETER_BOOL:
        return found == JSON_TRUE || found == JSON_FALSE;
    case PARAMETER_OBJECT:
        return found == JSON_OBJECT_BEGIN || found == JSON_OBJECT_END;
    }
    BUG("kind %d", (int)kind);
}

static bool set_copy(struct body_reading *reading, struct slice text)
{
    return set(reading->parameters, reading->current, arena_text(reading->parameters->arena, text));
}

static bool take_value(struct body_reading *reading, const struct json_token *token)
{
    static const char *const kinds[] = {"a string", "a number", "true or false", "an object"};
    enum parameter_kind kind = reading->parameters->table[reading->current].kind;

    if (token->kind == JSON_NULL)
        return true;
    if (!has_kind(kind, token->kind))
        return parameters_refuse(reading->parameters, reading->current, "must be %s", kinds[kind]);
    switch (token->kind) {
    case JSON_OBJECT_BEGIN:
        reading->begin = token->begin;
        return true;
    case JSON_OBJECT_END:
        return set_copy(reading, slice_of(reading->body.data + reading->begin, token->end - reading->begin));
    case JSON_TRUE:
        return set_copy(reading, SLICE("true"));
    case JSON_FALSE:
        return set_copy(reading, SLICE("false"));
    default:
        return set_copy(reading, token->text);
    }
}

static bool on_token(void *owner, const struct json_token *token, struct err *err)
{
    struct body_reading *reading = owner;

    if (token->depth == 0) {
        if (token->kind == JSON_OBJECT_BEGIN || token->kind == JSON_OBJECT_END)
            return true;
        err_set(err, ERR_REJECT, "must be a JSON object");
        return false;
    }
    if (token->depth == 1 && token->kind == JSON_KEY)
        reading->current = find(reading->parameters, token->text);
    else if (token->depth == 1 && reading->current < reading->parameters->count &&
             !take_value(reading, token)) {
        reading->is_refused = true;
        err_set(err, ERR_REJECT, "refused");
        return false;
    }
    return true;
}

bool parameters_from_body(struct parameters *parameters, struct json_reader *json, struct slice body)
{
    struct body_reading reading = {.parameters = parameters, .body = body};
    struct err err;

    BUG_ON(parameters->count > PARAMETERS_MAX);
    parameters->is_json = true;
    if (json_read(json, body, on_token, &reading, &err))
        return true;
    return reading.is_refused ? false : parameters_refuse(parameters, parameters->count, "%s", err.text);
}

/* ---- values ---- */

bool parameters_number(struct parameters *parameters, size_t index, uint32_t least, uint32_t most,
                       uint32_t *number)
{
    uint64_t value;

    if (!parameters_has(parameters, index))
        return true;
    if (!number_u64(parameters->values[index].text, &value) || value < least || value > most)
        return parameters_refuse(parameters, index, "must be a number from %u to %u", least, most);
    *number = (uint32_t)value;
    return true;
}

bool parameters_choice(struct parameters *parameters, size_t index, const char *const *words,
                       uint32_t *out_index)
{
    struct slice text = parameters->values[index].text;
    AUTO_BUF known = {0};

    for (uint32_t i = 0; words[i] != NULL; i++) {
        if (slice_equals_text(text, words[i]) || (i == 0 && slice_is_empty(text))) {
            *out_index = i;
            return true;
        }
        if (words[i][0] != '\0')
            buf_printf(&known, "%s%s", known.length == 0 ? "" : ", ", words[i]);
    }
    return parameters_refuse(parameters, index, "must be one of %s", buf_text(&known));
}

static bool read_time(struct parameters *parameters, size_t index, int64_t absent_us, int64_t *out_us)
{
    int64_t us = absent_us;

    if (parameters_has(parameters, index) && !rfc3339_parse(parameters->values[index].text, &us))
        return parameters_refuse(parameters, index,
                                 "must be RFC 3339 with a zone, like 2026-11-21T00:00:00Z%s",
                                 parameters->is_json ? "" : " (a '+' is written %2B)");
    *out_us = us > EVENT_TIME_MAX_US ? EVENT_TIME_MAX_US : us;
    return true;
}

bool parameters_span(struct parameters *parameters, const struct parameter_span *span, int64_t *out_start_us,
                     int64_t *out_end_us)
{
    int64_t start_us = 0;
    int64_t end_us = 0;

    if (!read_time(parameters, span->end, span->now_us, &end_us) ||
        !read_time(parameters, span->start, end_us > span->default_us ? end_us - span->default_us : 0,
                   &start_us))
        return false;
    if (end_us < start_us)
        return parameters_refuse(parameters, span->end, "must not be before %s",
                                 parameters->table[span->start].name);
    *out_start_us = start_us;
    *out_end_us = end_us;
    return true;
}
