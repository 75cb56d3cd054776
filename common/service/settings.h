/*
 * settings.h - the machinery of the configuration: one table of settings (config.c) that parses, checks
 * ranges, takes overrides, prints help and writes the commented sample. A key that is not in the table,
 * a value out of range, a secret in the wrong place: each is a problem that names the key.
 *
 * Used at start and by --check-config; reads files, so not for loop callbacks. Any thread.
 */
#ifndef MILLRACE_SETTINGS_H
#define MILLRACE_SETTINGS_H

#include "common/base/buf.h"
#include "common/base/err.h"

#include <stdbool.h>

#include <stddef.h>
#include <stdint.h>

enum setting_type {
    SETTING_TEXT,        /* char *; at least `lowest` and at most `highest` bytes (0: 4,096) */
    SETTING_SECRET_FILE, /* struct settings_secret: the file's first line; path relative to
                            $CREDENTIALS_DIRECTORY when that is set and it holds no '/'; "": not set */
    SETTING_BOOL,        /* bool: true or false */
    SETTING_NUMBER,      /* uint64_t */
    SETTING_SIZE,        /* uint64_t bytes: number with B, KiB, MiB, GiB */
    SETTING_DURATION,    /* uint64_t ms: number with ms, s, min, h, d */
    SETTING_CHOICE,      /* int: index into `choices` */
    SETTING_PROPERTIES,  /* struct settings_properties: any names below the key, such as librdkafka's. Those
                            that hold a secret are refused; NAME_file gives NAME the file's first line */
    SETTING_LIST,        /* handled by `parse_item`, once per item of the YAML sequence */
};

struct settings_secret {
    char *path; /* as configured; NULL: not set */
    char *text; /* what the file holds; never logged; NULL: not set */
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

/* One member that an item may have, and where its value goes. */
struct settings_member {
    const char *name;
    char **place; /* borrows from the item; stays as it is when the item does not have it */
};

/* Sorts the item's members into their places; `known` ends with a NULL name. ERR_FATAL for a member that is
 * not known, naming those that are. */
bool settings_item_read(const struct settings_item *item, const struct settings_member *known,
                        struct err *err);

/* Appends the item to the list at `target`; false with an err that names the member. */
typedef bool settings_parse_item(void *target, const struct settings_item *item, struct err *err);

/* Looks closer at a SETTING_TEXT; false with an err that says what is allowed. */
typedef bool settings_check_text(const char *text, struct err *err);

/* One row of the table. The keys of a section stand together. */
struct setting {
    const char *key; /* "state_dir", or with one dot "kafka.brokers" */
    enum setting_type type;
    size_t offset;              /* of the target in the configuration struct */
    const char *default_text;   /* parsed like a configured value; NULL: required, or empty for properties
                                   and lists */
    uint64_t lowest, highest;   /* inclusive; for numbers, sizes, durations; lengths of texts */
    const char *const *choices; /* NULL-terminated */
    settings_parse_item *parse_item;
    settings_check_text *check; /* may be NULL */
    const char *example; /* for the sample, where there is no default to show; may have several lines */
    const char *help;    /* one sentence or more; goes into --help and the sample */
};

/* The whole: the table (ends with a NULL key) and the size of the struct it fills. */
struct settings_schema {
    const struct setting *table;
    size_t config_bytes;
};

/* Where values come from, beside the defaults. */
struct settings_source {
    const char *path;         /* NULL: no file */
    char *const *environment; /* as environ */
};

/* Fills `config` (zeroed by the caller, config_bytes long) from defaults, then the file, then environment
 * variables MILLRACE_<KEY with dots as _, upper case>; below a SETTING_PROPERTIES key the rest of the name
 * is the property's, in lower case with _ as dots. MILLRACE_CONFIG is known, any other MILLRACE_* that no
 * key matches is a problem. Secrets are never taken from the environment (the path of their file is).
 *
 * False when there is a problem; appends to `problems` all that can be found, a line each, naming file,
 * line and key, and what to do. Whatever it answers, settings_done frees what it allocated. */
bool settings_load(const struct settings_schema *schema, const struct settings_source *source, void *config,
                   struct buf *problems);

/* Frees what settings_load allocated inside `config`. Lists are freed by their owner before. */
void settings_done(const struct settings_schema *schema, void *config);

/* Appends the sample configuration: every key with its help, default, range and unit. */
void settings_write_sample(const struct settings_schema *schema, struct buf *out);

/* Appends one line for each key, for --help. */
void settings_write_help(const struct settings_schema *schema, struct buf *out);

#endif
