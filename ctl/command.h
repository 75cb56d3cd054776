/*
 * command.h - what one of millrace's commands is, and what it is handed: its options, parsed and checked,
 * and the configuration. Commands may block; they run once and the process ends.
 */
#ifndef MILLRACE_COMMAND_H
#define MILLRACE_COMMAND_H

#include "common/base/err.h"
#include "common/service/config.h"

#include <stdbool.h>

enum command_exit {
    COMMAND_DONE = 0,
    COMMAND_FAILED = 1, /* or: not as it should be */
    COMMAND_USAGE = 2,
    COMMAND_CONFIG = 78, /* EX_CONFIG */
};

struct command_option {
    const char *name;       /* without "--"; NULL ends a list */
    const char *value_name; /* "FILE"; NULL: takes no value */
    const char *help;
};

enum { COMMAND_VALUES_MAX = 32 };

struct command_call {
    struct config config;
    bool as_json;
    const char *argument; /* NULL: none */
    struct command_value {
        const struct command_option *option;
        const char *text; /* "" for an option without value */
    } values[COMMAND_VALUES_MAX];
    int value_count;
};

struct command {
    const char *group; /* "topics" */
    const char *verb;  /* "init" */
    const char *summary;
    const char *details;                  /* sentences for --help */
    const struct command_option *options; /* beside --config, --json and --help, which all have */
    const char *argument_name;            /* "KEY": takes exactly one; NULL: none */

    /* False: failed with err, which the caller prints; ERR_REJECT says that the arguments are unusable.
     * out_is_good false: done, but not as it should be, and
     * said so itself. */
    bool (*run)(struct command_call *call, bool *out_is_good, struct err *err);
};

/* Runs what the arguments name, of a list that ends with a NULL group. The result is the exit code. */
int command_main(const struct command *commands, int argc, char **argv);

/* The option's value, "" for one that takes none; NULL when it was not given. The last one, when given
 * several times. */
const char *command_value(const struct command_call *call, const char *name);

/* The index-th of its values, from 0; NULL behind the last. */
const char *command_value_at(const struct command_call *call, const char *name, int index);

/* A duration such as "30s". ERR_REJECT for another text; otherwise_ms when the option was not given. */
bool command_duration_ms(const struct command_call *call, const char *name, uint64_t otherwise_ms,
                         uint64_t *out_ms, struct err *err);

#endif
