#include "ingest/options.h"

enum { IDEMPOTENCY_KEY_MAX_BYTES = 255 };

/* One preference: a name, and perhaps a value and parameters behind ';'. */
static bool is_handling_lenient(struct slice preference)
{
    struct slice pair, name;

    (void)slice_cut(&preference, ';', &pair);
    (void)slice_cut(&pair, '=', &name);
    struct slice value = slice_trim(pair);
    return slice_equals_ignoring_case(slice_trim(name), SLICE("handling")) &&
           (slice_equals_ignoring_case(value, SLICE("lenient")) ||
            slice_equals_ignoring_case(value, SLICE("\"lenient\"")));
}

bool options_prefer_lenient(struct slice prefer)
{
    struct slice preference;

    while (!slice_is_empty(prefer)) {
        (void)slice_cut(&prefer, ',', &preference);
        if (is_handling_lenient(preference))
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
