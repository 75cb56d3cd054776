#include "common/service/settings_yaml.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/base/buf.h"
#include "common/service/settings_file.h"

#include <stdlib.h>
#include <yaml.h>

enum { DEPTH_MAX = 8 };

/* A section or list that is open. */
struct level {
    bool is_list;
    size_t path_length; /* of its own path */
    size_t item_count;  /* of a list */
    bool has_key;       /* of a section: the key was read, its value comes next */
    size_t key_line;    /* from 0 */
};

struct reader {
    yaml_parser_t parser;
    const char *name;
    struct level levels[DEPTH_MAX];
    size_t depth;
    struct buf path; /* of the node that comes next */
    unsigned document_count;
    struct settings_entries entries;
    struct err *err;
};

static bool refuse(struct reader *reader, size_t line_from_0, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool refuse(struct reader *reader, size_t line_from_0, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    err_vset(reader->err, ERR_FATAL, format, args);
    va_end(args);
    err_prefix(reader->err, "%s:%zu", reader->name, line_from_0 + 1);
    return false;
}

static bool refuse_syntax(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;

    if (parser->error == YAML_READER_ERROR) {
        err_set(reader->err, ERR_FATAL, "%s: not UTF-8 text at byte %zu: %s", reader->name,
                parser->problem_offset, parser->problem);
        return false;
    }
    return refuse(reader, parser->problem_mark.line, "not YAML: %s%s%s (in column %zu)",
                  parser->context != NULL ? parser->context : "", parser->context != NULL ? ", " : "",
                  parser->problem != NULL ? parser->problem : "unknown reason",
                  parser->problem_mark.column + 1);
}

/* ---- what is found ---- */

static const struct settings_entry *find_entry(const struct settings_entries *entries, const char *path)
{
    for (size_t i = 0; i < entries->count; i++) {
        if (strcmp(entries->items[i].path, path) == 0)
            return &entries->items[i];
    }
    return NULL;
}

static bool add_entry(struct reader *reader, enum settings_entry_kind kind, size_t line_from_0,
                      struct slice value)
{
    struct settings_entries *entries = &reader->entries;
    const char *path = buf_text(&reader->path);
    const struct settings_entry *same = find_entry(entries, path);

    if (same != NULL)
        return refuse(reader, line_from_0, "%s is set twice: first in line %u; remove one of them", path,
                      same->line);
    if (entries->count == SETTINGS_ENTRIES_MAX)
        return refuse(reader, line_from_0, "more than %d keys", SETTINGS_ENTRIES_MAX);
    entries->items = xrealloc(entries->items, (entries->count + 1) * sizeof(*entries->items));
    entries->items[entries->count++] = (struct settings_entry){
        .path = xstrdup(path),
        .kind = kind,
        .value = kind == SETTINGS_ENTRY_VALUE ? slice_dup(value) : NULL,
        .line = (unsigned)line_from_0 + 1,
    };
    return true;
}

static struct level *top(struct reader *reader)
{
    return reader->depth > 0 ? &reader->levels[reader->depth - 1] : NULL;
}

/* The line of the key, which for a section may stand lines above its first content. */
static size_t line_of(struct reader *reader, const yaml_event_t *event)
{
    const struct level *level = top(reader);

    return level != NULL && !level->is_list ? level->key_line : event->start_mark.line;
}

/* Before a value, section or list: completes the path where the key doesn't (items of a list). */
static bool begin_node(struct reader *reader, const yaml_event_t *event, const yaml_char_t *tag)
{
    struct level *level = top(reader);

    if (tag != NULL)
        return refuse(reader, event->start_mark.line, "tags (\"%s\") are not taken: remove it", tag);
    if (level == NULL)
        return event->type == YAML_MAPPING_START_EVENT ||
               refuse(reader, event->start_mark.line,
                      "must hold keys and values, such as \"state_dir: DIR\"");
    if (level->is_list)
        buf_printf(&reader->path, "[%zu]", level->item_count++);
    else if (!level->has_key)
        return refuse(reader, event->start_mark.line, "a key must be a plain word");
    return true;
}

/* After it. */
static void end_node(struct reader *reader)
{
    struct level *level = top(reader);

    if (level == NULL)
        return;
    level->has_key = false;
    reader->path.length = level->path_length;
}

static bool open_level(struct reader *reader, const yaml_event_t *event, bool is_list)
{
    const yaml_char_t *tag = is_list ? event->data.sequence_start.tag : event->data.mapping_start.tag;
    bool is_root = reader->depth == 0;
    enum settings_entry_kind kind = is_list ? SETTINGS_ENTRY_LIST : SETTINGS_ENTRY_SECTION;

    if (!begin_node(reader, event, tag))
        return false;
    if (reader->depth == DEPTH_MAX)
        return refuse(reader, event->start_mark.line, "nested deeper than %d", DEPTH_MAX);
    if (!is_root && !add_entry(reader, kind, line_of(reader, event), SLICE("")))
        return false;
    reader->levels[reader->depth++] = (struct level){.is_list = is_list, .path_length = reader->path.length};
    return true;
}

static void close_level(struct reader *reader)
{
    reader->depth--;
    end_node(reader);
}

/* Plain words only, so that a path reads unambiguously and prints harmlessly. */
static bool key_is_plain(struct slice key)
{
    for (size_t i = 0; i < key.length; i++) {
        char c = key.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c != '\0' && strchr("._-", c) != NULL)))
            return false;
    }
    return key.length > 0 && key.length <= 256;
}

static bool take_key(struct reader *reader, const yaml_event_t *event, struct slice key)
{
    struct level *level = top(reader);

    if (!key_is_plain(key))
        return refuse(reader, event->start_mark.line,
                      "a key may hold letters, digits, '.', '_' and '-' only, and at most 256 of them");
    if (reader->path.length > 0)
        buf_append_byte(&reader->path, '.');
    buf_append_slice(&reader->path, key);
    level->has_key = true;
    level->key_line = event->start_mark.line;
    return true;
}

static bool is_null(const yaml_event_t *event, struct slice value)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && slice_equals_text(value, words[i]))
            return true;
    }
    return false;
}

static bool on_scalar(struct reader *reader, const yaml_event_t *event)
{
    struct slice value = slice_of(event->data.scalar.value, event->data.scalar.length);
    struct level *level = top(reader);

    if (level != NULL && !level->is_list && !level->has_key)
        return take_key(reader, event, value);
    if (level == NULL && is_null(event, value))
        return true; /* a file of comments */
    if (!begin_node(reader, event, event->data.scalar.tag))
        return false;
    if (memchr(value.data, '\0', value.length) != NULL)
        return refuse(reader, event->start_mark.line, "%s holds a NUL byte", buf_text(&reader->path));
    enum settings_entry_kind kind = is_null(event, value) ? SETTINGS_ENTRY_NOTHING : SETTINGS_ENTRY_VALUE;
    if (!add_entry(reader, kind, line_of(reader, event), value))
        return false;
    end_node(reader);
    return true;
}

static bool on_event(struct reader *reader, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return on_scalar(reader, event);
    case YAML_MAPPING_START_EVENT:
        return open_level(reader, event, false);
    case YAML_SEQUENCE_START_EVENT:
        return open_level(reader, event, true);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        close_level(reader);
        return true;
    case YAML_ALIAS_EVENT:
        return refuse(reader, event->start_mark.line, "aliases (*name) are not taken: write the value out");
    case YAML_DOCUMENT_START_EVENT:
        return reader->document_count++ == 0 ||
               refuse(reader, event->start_mark.line, "a second document begins: keep one in the file");
    default:
        return true;
    }
}

static bool read_events(struct reader *reader)
{
    for (bool at_end = false; !at_end;) {
        yaml_event_t event;
        if (yaml_parser_parse(&reader->parser, &event) == 0)
            return refuse_syntax(reader);
        at_end = event.type == YAML_STREAM_END_EVENT;
        bool is_good = on_event(reader, &event);
        yaml_event_delete(&event);
        if (!is_good)
            return false;
    }
    return true;
}

bool settings_yaml_parse(struct slice document, const char *name, struct settings_entries *out_entries,
                         struct err *err)
{
    struct reader reader = {.name = name, .err = err};

    if (yaml_parser_initialize(&reader.parser) == 0)
        BUG("libyaml found no memory");
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)document.data, document.length);
    bool is_good = read_events(&reader);
    yaml_parser_delete(&reader.parser);
    buf_done(&reader.path);
    if (is_good)
        *out_entries = reader.entries;
    else
        settings_entries_done(&reader.entries);
    return is_good;
}

bool settings_yaml_load(const char *path, struct settings_entries *out_entries, struct err *err)
{
    AUTO_BUF document = {0};

    return settings_file_read(path, SETTINGS_FILE_MAX_BYTES, &document, err) &&
           settings_yaml_parse(slice_of(buf_text(&document), document.length), path, out_entries, err);
}

void settings_entries_done(struct settings_entries *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        free(entries->items[i].path);
        free(entries->items[i].value);
    }
    free(entries->items);
    *entries = (struct settings_entries){0};
}
