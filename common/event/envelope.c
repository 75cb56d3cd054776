#include "common/event/envelope.h"

#include "common/base/number.h"

#include <stdio.h>

enum { VALUE_MAX_BYTES = 64 };

static struct slice cut(struct slice value)
{
    return slice_of(value.data, value.length < VALUE_MAX_BYTES ? value.length : VALUE_MAX_BYTES);
}

static char *put(char *out, struct slice part)
{
    if (part.length > 0)
        memcpy(out, part.data, part.length);
    return out + part.length;
}

size_t envelope_ingest_write(struct slice request_id, struct slice traceparent, char out[ENVELOPE_MAX_BYTES])
{
    char *end = put(put(out, SLICE("1;r=")), cut(request_id));

    if (!slice_is_empty(traceparent))
        end = put(put(end, SLICE(";t=")), cut(traceparent));
    return (size_t)(end - out);
}

size_t envelope_forward_write(const struct envelope_forward *forward, char out[ENVELOPE_MAX_BYTES])
{
    return (size_t)snprintf(out, ENVELOPE_MAX_BYTES, "1;e=%u;o=%lld;p=%lld", forward->epoch,
                            (long long)forward->offset, (long long)forward->previous);
}

/* The next part of the text must be `name` and a number, the last one without a ';' behind it. */
static bool take_number(struct slice *rest, struct slice name, bool is_last, int64_t *out_value)
{
    struct slice part;

    if (slice_cut(rest, ';', &part) == is_last || !slice_starts_with(part, name))
        return false;
    return number_i64(slice_from_index(part, name.length), out_value);
}

bool envelope_forward_read(struct slice text, struct envelope_forward *out_forward)
{
    struct slice version;
    int64_t epoch, offset, previous;

    if (!slice_cut(&text, ';', &version) || !slice_equals(version, SLICE("1")))
        return false;
    if (!take_number(&text, SLICE("e="), false, &epoch) || !take_number(&text, SLICE("o="), false, &offset) ||
        !take_number(&text, SLICE("p="), true, &previous))
        return false;
    if (epoch < 0 || epoch > UINT32_MAX || offset < 0 || previous < -1 || previous >= offset)
        return false;
    *out_forward =
        (struct envelope_forward){.epoch = (uint32_t)epoch, .offset = offset, .previous = previous};
    return true;
}
