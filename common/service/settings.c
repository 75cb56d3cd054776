#include "common/service/settings.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/service/settings_nearest.h"
#include "common/service/settings_value.h"
#include "common/service/settings_yaml.h"

#include <ctype.h>
#include <stdlib.h>

#define ENVIRONMENT_PREFIX "MILLRACE_"

enum { PROBLEMS_MAX = 20 };

struct reader {
    const struct settings_schema *schema;
    const struct settings_source *source;
    void *config;
    bool *is_set; /* per row of the table: by file or environment */
    struct buf *problems;
    unsigned problem_count;
};

/* ---- problems ---- */

static void note(struct reader *reader, const char *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void note(struct reader *reader, const char *where, const char *format, ...)
{
    struct err err;
    va_list args;

    if (reader->problem_count++ == PROBLEMS_MAX)
        buf_append_text(reader->problems, "there are more problems\n");
    if (reader->problem_count > PROBLEMS_MAX)
        return;
    va_start(args, format);
    err_vset(&err, ERR_FATAL, format, args);
    va_end(args);
    buf_printf(reader->problems, "%s: %s\n", where, err.text);
}

/* "config.yaml:12: kafka.brokers". */
static char *place_of(const struct reader *reader, const struct settings_entry *entry)
{
    return xasprintf("%s:%u: %s", reader->source->path, entry->line, entry->path);
}

static void note_entry(struct reader *reader, const struct settings_entry *entry, const char *text)
{
    AUTO_STRING where = place_of(reader, entry);

    note(reader, where, "%s", text);
}

/* ---- the table ---- */

static const struct setting *find_setting(const struct reader *reader, const char *key)
{
    for (const struct setting *row = reader->schema->table; row->key != NULL; row++) {
        if (strcmp(row->key, key) == 0)
            return row;
    }
    return NULL;
}

/* The SETTING_PROPERTIES row that the path lies below; *out_name is the rest of the path. */
static const struct setting *find_properties(const struct reader *reader, const char *path,
                                             const char **out_name)
{
    for (const struct setting *row = reader->schema->table; row->key != NULL; row++) {
        size_t length = strlen(row->key);
        if (row->type == SETTING_PROPERTIES && strncmp(path, row->key, length) == 0 && path[length] == '.') {
            *out_name = path + length + 1;
            return row;
        }
    }
    return NULL;
}

static bool is_section(const struct reader *reader, const char *path)
{
    size_t length = strlen(path);

    for (const struct setting *row = reader->schema->table; row->key != NULL; row++) {
        if (strncmp(path, row->key, length) == 0 && row->key[length] == '.')
            return true;
    }
    return false;
}

static void mark_set(struct reader *reader, const struct setting *setting)
{
    reader->is_set[setting - reader->schema->table] = true;
}

static void set_value(struct reader *reader, const struct setting *setting, const char *where,
                      const char *text)
{
    struct err err;

    mark_set(reader, setting);
    if (!settings_value_set(setting, text, reader->source->environment, reader->config, &err))
        note(reader, where, "%s", err.text);
}

static void set_property(struct reader *reader, const struct setting *setting, const char *where,
                         const struct settings_property *property)
{
    struct err err;

    if (!settings_value_set_property(setting, property, reader->source->environment, reader->config, &err))
        note(reader, where, "%s", err.text);
}

/* ---- the file ---- */

static void take_scalar(struct reader *reader, const struct setting *setting,
                        const struct settings_entry *entry)
{
    AUTO_STRING where = place_of(reader, entry);

    if (entry->kind == SETTINGS_ENTRY_VALUE) {
        set_value(reader, setting, where, entry->value);
        return;
    }
    mark_set(reader, setting); /* one problem a key is enough */
    note(reader, where, "%s",
         entry->kind == SETTINGS_ENTRY_NOTHING ? "has no value: give one, or remove the line"
                                               : "takes one value, not a list or section");
}

static bool is_below(const char *path, const char *parent)
{
    size_t length = strlen(parent);

    return strncmp(path, parent, length) == 0 && (path[length] == '.' || path[length] == '[');
}

static size_t end_of(const struct settings_entries *entries, size_t at)
{
    size_t end = at + 1;

    while (end < entries->count && is_below(entries->items[end].path, entries->items[at].path))
        end++;
    return end;
}

/* One item of a list. */
static void take_item(struct reader *reader, const struct setting *setting,
                      const struct settings_entries *entries, size_t at)
{
    const struct settings_entry *entry = &entries->items[at];
    size_t end = end_of(entries, at);
    AUTO_STRING where = place_of(reader, entry);
    size_t prefix_length = strlen(entry->path) + 1;
    size_t count = 0;
    struct err err;

    if (entry->kind != SETTINGS_ENTRY_SECTION) {
        note(reader, where, "an item takes names and values: see the example in --print-config-sample");
        return;
    }
    struct settings_property *members = xcalloc(end - at, sizeof(*members));
    for (size_t i = at + 1; i < end; i = end_of(entries, i)) {
        const struct settings_entry *member = &entries->items[i];
        if (member->kind == SETTINGS_ENTRY_VALUE)
            members[count++] = (struct settings_property){member->path + prefix_length, member->value};
        else
            note_entry(reader, member, "takes one value: give it, or remove the line");
    }
    struct settings_item item = {members, count};
    if (!setting->parse_item((char *)reader->config + setting->offset, &item, &err))
        note(reader, where, "%s", err.text);
    free(members);
}

static void take_list(struct reader *reader, const struct setting *setting,
                      const struct settings_entries *entries, size_t at)
{
    size_t end = end_of(entries, at);

    if (entries->items[at].kind != SETTINGS_ENTRY_LIST && entries->items[at].kind != SETTINGS_ENTRY_NOTHING)
        note_entry(reader, &entries->items[at], "takes a list: lines that begin with \"- \"");
    else {
        for (size_t item = at + 1; item < end; item = end_of(entries, item))
            take_item(reader, setting, entries, item);
    }
}

static void note_unknown(struct reader *reader, const struct settings_entry *entry)
{
    AUTO_STRING where = place_of(reader, entry);
    AUTO_STRING secret_key = xasprintf("%s_file", entry->path);
    AUTO_STRING nearest = settings_nearest_key(reader->schema, entry->path);

    if (is_section(reader, entry->path))
        note(reader, where, "is a section: its keys stand below it, further to the right");
    else if (find_setting(reader, secret_key) != NULL)
        note(reader, where, "a secret must not stand here: put it into a file and name that in %s",
             secret_key);
    else if (nearest != NULL)
        note(reader, where, "unknown key: is %s meant?", nearest);
    else
        note(reader, where, "unknown key: see --print-config-sample for all there are");
}

static bool is_open_section(const struct reader *reader, const struct settings_entry *entry)
{
    return (entry->kind == SETTINGS_ENTRY_SECTION || entry->kind == SETTINGS_ENTRY_NOTHING) &&
           is_section(reader, entry->path);
}

/* Gives the index of the entry to go on with. */
static size_t take_entry(struct reader *reader, const struct settings_entries *entries, size_t at)
{
    const struct settings_entry *entry = &entries->items[at];
    const struct setting *setting = find_setting(reader, entry->path);
    const char *name;

    if (setting != NULL && setting->type == SETTING_LIST)
        take_list(reader, setting, entries, at);
    else if (setting != NULL && setting->type == SETTING_PROPERTIES) {
        if (entry->kind == SETTINGS_ENTRY_SECTION || entry->kind == SETTINGS_ENTRY_NOTHING)
            return at + 1;
        note_entry(reader, entry, "takes names and values, each in a line below it");
    } else if (setting != NULL)
        take_scalar(reader, setting, entry);
    else if (is_open_section(reader, entry))
        return at + 1;
    else if ((setting = find_properties(reader, entry->path, &name)) != NULL) {
        AUTO_STRING where = place_of(reader, entry);
        struct settings_property property = {(char *)name, entry->value};
        if (entry->kind == SETTINGS_ENTRY_SECTION)
            return at + 1;
        if (entry->kind == SETTINGS_ENTRY_VALUE)
            set_property(reader, setting, where, &property);
        else
            note(reader, where, "takes one value: give it, or remove the line");
    } else
        note_unknown(reader, entry);
    return end_of(entries, at);
}

static bool take_file(struct reader *reader)
{
    struct settings_entries entries;
    struct err err;

    if (!settings_yaml_load(reader->source->path, &entries, &err)) {
        buf_printf(reader->problems, "%s\n", err.text);
        return false;
    }
    for (size_t at = 0; at < entries.count;)
        at = take_entry(reader, &entries, at);
    settings_entries_done(&entries);
    return true;
}

/* ---- the environment ---- */

/* "MILLRACE_KAFKA_BROKERS" for "kafka.brokers". */
static char *variable_of(const char *key)
{
    char *name = xasprintf(ENVIRONMENT_PREFIX "%s", key);

    for (char *c = name; *c != '\0'; c++)
        *c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
    return name;
}

/* The row of the variable, or the SETTING_PROPERTIES row that it lies below: then *out_rest is the rest. */
static const struct setting *find_by_variable(const struct reader *reader, const char *variable,
                                              const char **out_rest)
{
    for (const struct setting *row = reader->schema->table; row->key != NULL; row++) {
        AUTO_STRING own = variable_of(row->key);
        size_t length = strlen(own);
        *out_rest = NULL;
        if (strcmp(own, variable) == 0)
            return row;
        if (row->type == SETTING_PROPERTIES && strncmp(own, variable, length) == 0 &&
            variable[length] == '_') {
            *out_rest = variable + length + 1;
            return row;
        }
    }
    return NULL;
}

/* "linger.ms" of "LINGER_MS"; the ending that names a secret's file keeps its line. */
static char *property_of(const char *rest)
{
    char *name = xstrdup(rest);
    size_t length = strlen(name);

    for (char *c = name; *c != '\0'; c++)
        *c = *c == '_' ? '.' : (char)tolower((unsigned char)*c);
    if (length > 5 && strcmp(name + length - 5, ".file") == 0)
        name[length - 5] = '_';
    return name;
}

static void note_unknown_variable(struct reader *reader, const char *variable)
{
    AUTO_STRING secret = xasprintf("%s_FILE", variable);
    AUTO_STRING nearest = settings_nearest_variable(reader->schema, variable, variable_of);
    const char *rest;
    const struct setting *file_row = find_by_variable(reader, secret, &rest);

    if (file_row != NULL && rest == NULL)
        note(reader, variable,
             "a secret must not stand in the environment: put it into a file and name that in %s", secret);
    else if (nearest != NULL)
        note(reader, variable, "no key of this name: is %s meant?", nearest);
    else
        note(reader, variable, "no key of this name: unset it, or see --print-config-sample");
}

static void take_variable(struct reader *reader, const char *variable, const char *value)
{
    const char *rest = NULL;
    const struct setting *setting = find_by_variable(reader, variable, &rest);

    if (setting == NULL)
        note_unknown_variable(reader, variable);
    else if (rest != NULL) {
        AUTO_STRING name = property_of(rest);
        AUTO_STRING copy = xstrdup(value);
        set_property(reader, setting, variable, &(struct settings_property){name, copy});
    } else if (setting->type == SETTING_PROPERTIES)
        note(reader, variable, "add the property's name: %s_<NAME>, with dots as _", variable);
    else if (setting->type == SETTING_LIST)
        note(reader, variable, "a list can't be given here: set %s in the file", setting->key);
    else
        set_value(reader, setting, variable, value);
}

static void take_environment(struct reader *reader)
{
    for (char *const *pair = reader->source->environment; pair != NULL && *pair != NULL; pair++) {
        struct slice value = slice_from(*pair);
        struct slice name;
        if (!slice_starts_with(value, SLICE(ENVIRONMENT_PREFIX)) || !slice_cut(&value, '=', &name) ||
            slice_equals_text(name, ENVIRONMENT_PREFIX "CONFIG"))
            continue;
        AUTO_STRING variable = slice_dup(name);
        take_variable(reader, variable, value.data);
    }
}

/* ---- the whole ---- */

static void take_defaults(struct reader *reader)
{
    struct err err;

    for (const struct setting *row = reader->schema->table; row->key != NULL; row++) {
        if (row->default_text == NULL || row->type == SETTING_LIST || row->type == SETTING_PROPERTIES)
            continue;
        if (!settings_value_set(row, row->default_text, NULL, reader->config, &err))
            BUG("default of %s: %s", row->key, err.text);
    }
}

static void check_required(struct reader *reader)
{
    for (const struct setting *row = reader->schema->table; row->key != NULL; row++) {
        if (row->default_text != NULL || row->type == SETTING_LIST || row->type == SETTING_PROPERTIES ||
            reader->is_set[row - reader->schema->table])
            continue;
        AUTO_STRING variable = variable_of(row->key);
        if (reader->source->path != NULL)
            note(reader, reader->source->path, "%s is missing: set it, such as \"%s\"", row->key,
                 row->example);
        else
            note(reader, row->key, "is missing, and there is no file: name one with --config, or set %s",
                 variable);
    }
}

bool settings_load(const struct settings_schema *schema, const struct settings_source *source, void *config,
                   struct buf *problems)
{
    struct reader reader = {.schema = schema, .source = source, .config = config, .problems = problems};
    size_t rows = 0;

    while (schema->table[rows].key != NULL)
        rows++;
    reader.is_set = xcalloc(rows, sizeof(*reader.is_set));
    take_defaults(&reader);
    bool is_readable = source->path == NULL || take_file(&reader);
    take_environment(&reader);
    if (is_readable)
        check_required(&reader);
    free(reader.is_set);
    return is_readable && reader.problem_count == 0;
}

void settings_done(const struct settings_schema *schema, void *config)
{
    for (const struct setting *row = schema->table; row->key != NULL; row++)
        settings_value_clear(row, config);
}
