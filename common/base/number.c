#include "common/base/number.h"

bool number_u64(struct slice text, uint64_t *out_value)
{
    uint64_t value = 0;

    if (slice_is_empty(text))
        return false;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(text.data[i] - '0'), &value))
            return false;
    }
    *out_value = value;
    return true;
}

bool number_i64(struct slice text, int64_t *out_value)
{
    bool negative = !slice_is_empty(text) && text.data[0] == '-';
    uint64_t magnitude;

    if (!number_u64(negative ? slice_from_index(text, 1) : text, &magnitude))
        return false;
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    *out_value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

int number_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool number_hex64(struct slice text, uint64_t *out_value)
{
    uint64_t value = 0;

    if (text.length == 0 || text.length > 16)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        int digit = number_hex_digit(text.data[i]);
        if (digit < 0)
            return false;
        value = value << 4 | (uint64_t)digit;
    }
    *out_value = value;
    return true;
}

struct unit {
    const char *name;
    uint64_t factor;
};

static bool number_with_unit(struct slice text, const struct unit *units, uint64_t *out_value)
{
    size_t digits = 0;
    uint64_t value;

    while (digits < text.length && text.data[digits] >= '0' && text.data[digits] <= '9')
        digits++;
    if (!number_u64(slice_of(text.data, digits), &value))
        return false;
    for (const struct unit *unit = units; unit->name != NULL; unit++) {
        if (!slice_equals_text(slice_from_index(text, digits), unit->name))
            continue;
        if (__builtin_mul_overflow(value, unit->factor, &value))
            return false;
        *out_value = value;
        return true;
    }
    return false;
}

bool number_size_bytes(struct slice text, uint64_t *out_bytes)
{
    static const struct unit units[] = {{"", 1},          {"B", 1},         {"KiB", 1 << 10},
                                        {"MiB", 1 << 20}, {"GiB", 1 << 30}, {NULL, 0}};

    return number_with_unit(text, units, out_bytes);
}

bool number_duration_ms(struct slice text, uint64_t *out_ms)
{
    static const struct unit units[] = {{"", 1},        {"ms", 1},       {"s", 1000}, {"min", 60000},
                                        {"h", 3600000}, {"d", 86400000}, {NULL, 0}};

    return number_with_unit(text, units, out_ms);
}
