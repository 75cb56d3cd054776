/*
 * parameters.h - what a client asks for, by name: from the query string of a GET, or the same names as JSON.
 * Both are strict, and end in the same texts, so that what follows can't tell them apart. Pure.
 *
 * An empty or null parameter is as good as none; an unknown one is ignored.
 */
#ifndef MILLRACE_PARAMETERS_H
#define MILLRACE_PARAMETERS_H

#include "common/base/arena.h"
#include "common/codec/json_read.h"

enum { PARAMETERS_MAX = 16, PARAMETER_PROBLEM_BYTES = 256 };

enum parameter_kind { PARAMETER_TEXT, PARAMETER_NUMBER, PARAMETER_BOOL, PARAMETER_OBJECT };

struct parameter {
    const char *name;
    size_t max_bytes;         /* of its text */
    enum parameter_kind kind; /* that it has as JSON */
};

/* Why it can't be answered: the parameter ("": the body as a whole), and a text that goes on from its name.
 */
struct parameter_problem {
    const char *parameter;
    char text[PARAMETER_PROBLEM_BYTES];
};

/* Zero-initialised but for the first four, which it keeps. */
struct parameters {
    const struct parameter *table; /* parameters are named by their index here */
    size_t count;
    struct arena *arena; /* holds the texts */
    struct parameter_problem *problem;
    struct {
        struct slice text; /* NUL-terminated; empty: absent. Of a JSON object its bytes */
        bool is_given;
    } values[PARAMETERS_MAX];
    bool is_json;
};

/* All of these: false has filled in the problem. */

/* query: undecoded. */
bool parameters_from_query(struct parameters *parameters, struct slice query);
bool parameters_from_body(struct parameters *parameters, struct json_reader *json, struct slice body);

/* Always false. */
bool parameters_refuse(struct parameters *parameters, size_t index, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static inline bool parameters_has(const struct parameters *parameters, size_t index)
{
    return !slice_is_empty(parameters->values[index].text);
}

/* Changes *number only when one is given. */
bool parameters_number(struct parameters *parameters, size_t index, uint32_t least, uint32_t most,
                       uint32_t *number);

/* One of the words, which end with NULL; the first when none is given. */
bool parameters_choice(struct parameters *parameters, size_t index, const char *const *words,
                       uint32_t *out_index);

/* A span of time, both ends as given. */
struct parameter_span {
    size_t start, end;  /* which parameters */
    int64_t now_us;     /* the end when none is given */
    int64_t default_us; /* how long before the end it then begins */
};

bool parameters_span(struct parameters *parameters, const struct parameter_span *span, int64_t *out_start_us,
                     int64_t *out_end_us);

#endif
