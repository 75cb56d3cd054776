/*
 * settings.h - the machinery of the configuration: one table of settings (config.c) that parses, checks
 * ranges, takes overrides, prints help and writes the commented sample. A key that is not in the table,
 * a value out of range, a secret in the wrong place: each is an error that names the key.
 *
 * Used at start and by --check-config; reads files, so not for loop callbacks.
 */
#ifndef MILLRACE_SETTINGS_H
#define MILLRACE_SETTINGS_H

#include "common/base/buf.h"
#include "common/base/err.h"

#include <stdbool.h>

#include <stddef.h>
#include <stdint.h>

enum setting_type {
    SETTING_TEXT,        /* char *; "" allowed only when `lowest` is 0 */
    SETTING_SECRET_FILE, /* struct settings_secret: the file's first line; path relative to
                            $CREDENTIALS_DIRECTORY when that is set and it holds no '/' */
    SETTING_BOOL,        /* bool: true or false */
    SETTING_NUMBER,      /* uint64_t */
    SETTING_SIZE,        /* uint64_t bytes: number with B, KiB, MiB, GiB */
    SETTING_DURATION,    /* uint64_t ms: number with ms, s, min, h, d */
    SETTING_CHOICE,      /* int: index into `choices` */
    SETTING_PROPERTIES,  /* struct settings_properties: any names below the key, such as librdkafka's */
    SETTING_LIST,        /* handled by `parse_item`, once per item of the YAML sequence */
};

struct settings_secret {
    char *path; /* as configured; NULL: not set */
    char *text; /* what the file holds; never logged */
};

struct settings_properties {
    struct settings_property {
        char *name;
        char *value;
    } * items;
    size_t count;
};

/* The scalar members of one item of a SETTING_LIST, in the order of the file. */
struct settings_item {
    const struct settings_property *members;
    size_t count;
};

/* Appends the item to the list at `target`; false with an err that names the member. */
typedef bool settings_parse_item(void *target, const struct settings_item *item, struct err *err);

/* One row of the table. */
struct setting {
    const char *key; /* dotted, such as "kafka.brokers" */
    enum setting_type type;
    size_t offset;              /* of the target in the configuration struct */
    const char *default_text;   /* parsed like a configured value; NULL: required, or empty for lists */
    uint64_t lowest, highest;   /* inclusive; for numbers, sizes, durations */
    const char *const *choices; /* NULL-terminated */
    settings_parse_item *parse_item;
    const char *help; /* one sentence or more; goes into --help and the sample */
};

/* The whole: the table (ends with a NULL key) and the size of the struct it fills. */
struct settings_schema {
    const struct setting *table;
    size_t config_bytes;
};

/* Fills `config` (zeroed by the caller, config_bytes long) from defaults, then the file, then environment
 * variables MILLRACE_<KEY with dots as _, upper case>. path NULL: no file. MILLRACE_CONFIG and
 * variables that no key matches: the first is known, any other MILLRACE_* is an error. Secrets are never
 * taken from the environment (only the path of their file is). ERR_FATAL, naming file, line and key. */
bool settings_load(const struct settings_schema *schema, const char *path, char *const *environment,
                   void *config, struct err *err);

/* Frees what settings_load allocated inside `config`. Lists are freed by their owner before. */
void settings_done(const struct settings_schema *schema, void *config);

/* Appends the sample configuration: every key with its help, default, range and unit. */
void settings_write_sample(const struct settings_schema *schema, struct buf *out);

/* Appends one line for each key, for --help. */
void settings_write_help(const struct settings_schema *schema, struct buf *out);

#endif
