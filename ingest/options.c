#include "ingest/options.h"

enum { IDEMPOTENCY_KEY_MAX_BYTES = 255 };

static struct slice without_quotes(struct slice text)
{
    bool is_quoted = text.length >= 2 && text.data[0] == '"' && text.data[text.length - 1] == '"';

    return is_quoted ? slice_of(text.data + 1, text.length - 2) : text;
}

/* One preference: a name, and perhaps a value and parameters behind ';'. */
static bool is_preference(struct slice preference, const char *name, const char *value)
{
    struct slice its_value, its_name;

    (void)slice_cut(&preference, ';', &its_value);
    (void)slice_cut(&its_value, '=', &its_name);
    return slice_equals_ignoring_case(slice_trim(its_name), slice_from(name)) &&
           slice_equals_ignoring_case(without_quotes(slice_trim(its_value)), slice_from(value));
}

bool options_prefer(struct slice prefer, const char *name, const char *value)
{
    struct slice preference;

    while (!slice_is_empty(prefer)) {
        (void)slice_cut(&prefer, ',', &preference);
        if (is_preference(preference, name, value))
            return true;
    }
    return false;
}

bool options_is_idempotency_key(struct slice key)
{
    for (size_t i = 0; i < key.length; i++)
        if (key.data[i] < 0x20 || key.data[i] > 0x7e)
            return false;
    return key.length > 0 && key.length <= IDEMPOTENCY_KEY_MAX_BYTES;
}
