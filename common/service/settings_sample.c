#include "common/service/settings.h"

#include "common/base/bug.h"
#include "common/service/settings_value.h"

#include <stdlib.h>

enum { SAMPLE_COLUMNS = 100, HELP_COLUMNS = 48 };

static const char sample_title[] =
    "# The configuration of Millrace: one file for all programs, with every key there is.\n"
    "# A line that begins with \"# \" and a key shows its default, or an example where there is none; take\n"
    "# the mark away to change it.\n"
    "#\n"
    "# Times take ms, s, min, h or d (\"90s\"), sizes B, KiB, MiB or GiB (\"16MiB\").\n"
    "# An environment variable named MILLRACE_ and the key in upper case, with dots as _, overrides a "
    "value:\n"
    "# MILLRACE_KAFKA_BROKERS=10.0.0.1:9092. Secrets stand in files of their own, named by the *_file keys.\n"
    "#\n"
    "# Check the file before a restart: millrace-ingest --config FILE --check-config\n";

/* "kafka" of "kafka.brokers"; empty without a section. */
static struct slice section_of(const struct setting *setting)
{
    const char *dot = strchr(setting->key, '.');

    return dot == NULL ? SLICE("") : slice_of(setting->key, (size_t)(dot - setting->key));
}

/* Words in comment lines of at most SAMPLE_COLUMNS. */
static void write_comment(struct buf *out, const char *indent, struct slice text)
{
    size_t column = SAMPLE_COLUMNS; /* the first word opens a line */
    struct slice word;

    for (bool more = true; more;) {
        more = slice_cut(&text, ' ', &word);
        if (column + 1 + word.length > SAMPLE_COLUMNS) {
            buf_printf(out, "%s%s#",
                       column == SAMPLE_COLUMNS && out->data[out->length - 1] == '\n' ? "" : "\n", indent);
            column = strlen(indent) + 1;
        }
        buf_append_byte(out, ' ');
        buf_append_slice(out, word);
        column += 1 + word.length;
    }
    buf_append_byte(out, '\n');
}

static void write_explanation(struct buf *out, const char *indent, const struct setting *setting)
{
    AUTO_BUF text = {0};
    AUTO_BUF range = {0};

    buf_append_text(&text, setting->help);
    settings_value_write_range(setting, &range);
    if (range.length > 0)
        buf_printf(&text, " (%s)", buf_text(&range));
    write_comment(out, indent, buf_slice(&text));
}

/* The lines of an example below their key, all with the same mark. */
static void write_lines(struct buf *out, const char *indent, struct slice lines)
{
    struct slice line;

    for (bool more = true; more;) {
        more = slice_cut(&lines, '\n', &line);
        buf_printf(out, "%s#   %.*s\n", indent, SLICE_ARG(line));
    }
}

static bool is_required(const struct setting *setting)
{
    return setting->default_text == NULL && setting->type != SETTING_LIST &&
           setting->type != SETTING_PROPERTIES;
}

static void write_setting(struct buf *out, const struct setting *setting, struct slice section)
{
    const char *indent = section.length > 0 ? "  " : "";
    const char *name = setting->key + (section.length > 0 ? section.length + 1 : 0);
    bool has_default = setting->default_text != NULL && setting->default_text[0] != '\0';
    const char *shown = has_default ? setting->default_text : setting->example;

    write_explanation(out, indent, setting);
    if (setting->type == SETTING_LIST || setting->type == SETTING_PROPERTIES) {
        buf_printf(out, "%s# %s:\n", indent, name);
        write_lines(out, indent, slice_from(setting->example));
        return;
    }
    buf_printf(out, "%s%s%s: %s\n", indent, is_required(setting) ? "" : "# ", name,
               shown != NULL ? shown : "\"\"");
}

void settings_write_sample(const struct settings_schema *schema, struct buf *out)
{
    struct slice section = SLICE("");

    buf_append_text(out, sample_title);
    for (const struct setting *setting = schema->table; setting->key != NULL; setting++) {
        struct slice own = section_of(setting);
        buf_append_byte(out, '\n');
        if (own.length > 0 && !slice_equals(own, section))
            buf_printf(out, "%.*s:\n", SLICE_ARG(own));
        section = own;
        write_setting(out, setting, section);
    }
}

void settings_write_help(const struct settings_schema *schema, struct buf *out)
{
    for (const struct setting *setting = schema->table; setting->key != NULL; setting++) {
        AUTO_BUF key = {0};
        const char *end = strstr(setting->help, ". ");
        struct slice first =
            slice_of(setting->help, end == NULL ? strlen(setting->help) : (size_t)(end - setting->help) + 1);
        buf_append_text(&key, setting->key);
        if (is_required(setting))
            buf_append_text(&key, " (required)");
        else if (setting->default_text != NULL && setting->default_text[0] != '\0')
            buf_printf(&key, " (%s)", setting->default_text);
        buf_printf(out, "  %-*s %.*s\n", HELP_COLUMNS, buf_text(&key), SLICE_ARG(first));
    }
}
