#include "common/service/settings_value.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/base/number.h"
#include "common/service/settings_file.h"

#include <inttypes.h>
#include <stdlib.h>

enum { TEXT_MAX_BYTES = 4096 };

struct unit {
    const char *name;
    uint64_t factor;
};

/* Largest first. */
static const struct unit size_units[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}};
static const struct unit duration_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}, {"ms", 1}};

static void *place(const struct setting *setting, void *config)
{
    return (char *)config + setting->offset;
}

/* ---- what is allowed, as text ---- */

static void write_with_unit(struct buf *out, uint64_t value, const struct unit *units)
{
    while (value % units->factor != 0)
        units++;
    buf_printf(out, "%" PRIu64 "%s", value / units->factor, value == 0 ? "" : units->name);
}

static void write_number(const struct setting *setting, uint64_t value, struct buf *out)
{
    if (setting->type == SETTING_SIZE)
        write_with_unit(out, value, size_units);
    else if (setting->type == SETTING_DURATION)
        write_with_unit(out, value, duration_units);
    else
        buf_printf(out, "%" PRIu64, value);
}

static void write_choices(const struct setting *setting, struct buf *out)
{
    buf_append_text(out, "one of ");
    for (int i = 0; setting->choices[i] != NULL; i++)
        buf_printf(out, "%s%s", i > 0 ? ", " : "", setting->choices[i]);
}

void settings_value_write_range(const struct setting *setting, struct buf *out)
{
    switch (setting->type) {
    case SETTING_NUMBER:
    case SETTING_SIZE:
    case SETTING_DURATION:
        write_number(setting, setting->lowest, out);
        buf_append_text(out, " to ");
        write_number(setting, setting->highest, out);
        break;
    case SETTING_BOOL:
        buf_append_text(out, "true or false");
        break;
    case SETTING_CHOICE:
        write_choices(setting, out);
        break;
    default:
        break;
    }
}

/* ---- from text ---- */

/* shown: whether the value may stand in the error text. */
static bool refuse(const struct setting *setting, const char *shown, struct err *err)
{
    AUTO_BUF range = {0};

    settings_value_write_range(setting, &range);
    err_set(err, ERR_FATAL, "\"%.60s\" is not %s", shown, buf_text(&range));
    return false;
}

static bool number_has_no_unit(const char *text)
{
    return strspn(text, "0123456789") == strlen(text) && strspn(text, "0") != strlen(text);
}

static bool set_number(const struct setting *setting, const char *text, uint64_t *place_of, struct err *err)
{
    uint64_t value = 0;
    bool is_number = setting->type == SETTING_SIZE       ? number_size_bytes(slice_from(text), &value)
                     : setting->type == SETTING_DURATION ? number_duration_ms(slice_from(text), &value)
                                                         : number_u64(slice_from(text), &value);

    if (setting->type == SETTING_DURATION && is_number && number_has_no_unit(text)) {
        err_set(err, ERR_FATAL, "\"%s\" has no unit: write %sms, %ss, %smin, %sh or %sd", text, text, text,
                text, text, text);
        return false;
    }
    if (!is_number || value < setting->lowest || value > setting->highest)
        return refuse(setting, text, err);
    *place_of = value;
    return true;
}

static bool set_text(const struct setting *setting, const char *text, char **place_of, struct err *err)
{
    size_t length = strlen(text);
    uint64_t highest = setting->highest > 0 ? setting->highest : TEXT_MAX_BYTES;

    if (length < setting->lowest || length > highest) {
        err_set(err, ERR_FATAL, "the text has %zu bytes; allowed are %" PRIu64 " to %" PRIu64, length,
                setting->lowest, highest);
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            err_set(err, ERR_FATAL, "holds a control character; remove it");
            return false;
        }
    }
    if (setting->check != NULL && !setting->check(text, err))
        return false;
    free(*place_of);
    *place_of = xstrdup(text);
    return true;
}

static bool set_bool(const struct setting *setting, const char *text, bool *place_of, struct err *err)
{
    bool is_true = strcmp(text, "true") == 0;

    if (!is_true && strcmp(text, "false") != 0)
        return refuse(setting, text, err);
    *place_of = is_true;
    return true;
}

static bool set_choice(const struct setting *setting, const char *text, int *place_of, struct err *err)
{
    for (int i = 0; setting->choices[i] != NULL; i++) {
        if (strcmp(setting->choices[i], text) == 0) {
            *place_of = i;
            return true;
        }
    }
    return refuse(setting, text, err);
}

static void clear_text(char **text)
{
    if (*text != NULL)
        explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

static void clear_secret(struct settings_secret *secret)
{
    clear_text(&secret->text);
    clear_text(&secret->path);
}

static bool set_secret(const char *text, char *const *environment, struct settings_secret *place_of,
                       struct err *err)
{
    struct settings_secret secret = {0};

    if (text[0] != '\0') {
        if (!settings_file_read_secret(text, environment, &secret.text, err))
            return false;
        secret.path = xstrdup(text);
    }
    clear_secret(place_of);
    *place_of = secret;
    return true;
}

bool settings_value_set(const struct setting *setting, const char *text, char *const *environment,
                        void *config, struct err *err)
{
    switch (setting->type) {
    case SETTING_TEXT:
        return set_text(setting, text, place(setting, config), err);
    case SETTING_SECRET_FILE:
        return set_secret(text, environment, place(setting, config), err);
    case SETTING_BOOL:
        return set_bool(setting, text, place(setting, config), err);
    case SETTING_NUMBER:
    case SETTING_SIZE:
    case SETTING_DURATION:
        return set_number(setting, text, place(setting, config), err);
    case SETTING_CHOICE:
        return set_choice(setting, text, place(setting, config), err);
    case SETTING_PROPERTIES:
    case SETTING_LIST:
        break;
    }
    BUG("%s: has no single value", setting->key);
}

/* ---- properties ---- */

static bool ends_with(struct slice text, struct slice end)
{
    return text.length >= end.length && slice_equals(slice_from_index(text, text.length - end.length), end);
}

static bool is_secret_name(struct slice name)
{
    return ends_with(name, SLICE("password")) || ends_with(name, SLICE("secret"));
}

static void put_property(struct settings_properties *properties, const char *name, char *value)
{
    for (size_t i = 0; i < properties->count; i++) {
        if (strcmp(properties->items[i].name, name) == 0) {
            clear_text(&properties->items[i].value);
            properties->items[i].value = value;
            return;
        }
    }
    properties->items = xrealloc(properties->items, (properties->count + 1) * sizeof(*properties->items));
    properties->items[properties->count++] = (struct settings_property){xstrdup(name), value};
}

bool settings_value_set_property(const struct setting *setting, const struct settings_property *property,
                                 char *const *environment, void *config, struct err *err)
{
    static const struct slice file_suffix = {"_file", 5};
    struct slice name = slice_from(property->name);
    char *value;

    BUG_ON(setting->type != SETTING_PROPERTIES);
    if (is_secret_name(name)) {
        err_set(err, ERR_FATAL, "a secret must not stand here: put it into a file and name that in %s_file",
                property->name);
        return false;
    }
    if (ends_with(name, file_suffix)) {
        name.length -= file_suffix.length;
        if (!settings_file_read_secret(property->value, environment, &value, err))
            return false;
    } else {
        value = xstrdup(property->value);
    }
    AUTO_STRING plain_name = slice_dup(name);
    put_property(place(setting, config), plain_name, value);
    return true;
}

static void clear_properties(struct settings_properties *properties)
{
    for (size_t i = 0; i < properties->count; i++) {
        free(properties->items[i].name);
        clear_text(&properties->items[i].value);
    }
    free(properties->items);
    *properties = (struct settings_properties){0};
}

void settings_value_clear(const struct setting *setting, void *config)
{
    if (setting->type == SETTING_TEXT)
        free_string(place(setting, config));
    else if (setting->type == SETTING_SECRET_FILE)
        clear_secret(place(setting, config));
    else if (setting->type == SETTING_PROPERTIES)
        clear_properties(place(setting, config));
}
