/*
 * settings_yaml.h - a YAML document (libyaml) as a flat list of dotted paths with their lines. Takes the
 * plain part of YAML only: one document of sections, lists and values. Aliases, tags, keys set twice, a
 * second document and anything beyond the bounds are refused. Any thread; blocks on the file.
 */
#ifndef MILLRACE_SETTINGS_YAML_H
#define MILLRACE_SETTINGS_YAML_H

#include "common/base/err.h"
#include "common/base/slice.h"

enum { SETTINGS_FILE_MAX_BYTES = 1 << 20, SETTINGS_ENTRIES_MAX = 4096 };

enum settings_entry_kind {
    SETTINGS_ENTRY_VALUE,
    SETTINGS_ENTRY_NOTHING, /* a key with nothing behind it, or null */
    SETTINGS_ENTRY_SECTION,
    SETTINGS_ENTRY_LIST,
};

/* Sections and lists come right before what they hold. */
struct settings_entry {
    char *path; /* "kafka", "kafka.brokers", "auth.keys[0].hash" */
    enum settings_entry_kind kind;
    char *value;   /* of a VALUE; else NULL */
    unsigned line; /* from 1 */
};

struct settings_entries {
    struct settings_entry *items;
    size_t count;
};

/* Reads the document; name stands in front of error texts ("config.yaml:12: ..."). ERR_FATAL for what is
 * not such a document. */
bool settings_yaml_parse(struct slice document, const char *name, struct settings_entries *out_entries,
                         struct err *err);

/* The same from a file. */
bool settings_yaml_load(const char *path, struct settings_entries *out_entries, struct err *err);

void settings_entries_done(struct settings_entries *entries);

#endif
