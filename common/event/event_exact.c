#include "common/event/event_exact.h"

#include "common/codec/json_number.h"

enum { DOUBLE_DIGITS = 15, SMALLEST_PLACE = -6, FIRST_CAPACITY = 8, INT64_SAFE_BYTES = 18 };

/* Whether an integer that has no leading zeros fits between -2^63 and `highest`. */
static bool integer_fits(struct slice text, const char *lowest, const char *highest)
{
    bool is_negative = text.data[0] == '-';
    const char *limit = is_negative ? lowest : highest;
    size_t limit_length = strlen(limit);

    return text.length < limit_length ||
           (text.length == limit_length && memcmp(text.data, limit, limit_length) <= 0);
}

bool event_exact_is_canonical(struct slice number)
{
    struct json_number parts = json_number_parse(number);

    if (parts.is_integer)
        return integer_fits(number, "-9223372036854775808", "9223372036854775807") &&
               !slice_equals(number, SLICE("-0"));
    return !parts.has_exponent && parts.last_digit != '0' && parts.digit_count <= DOUBLE_DIGITS &&
           parts.leading_place >= SMALLEST_PLACE;
}

bool event_exact_is_unreadable(struct slice number)
{
    return number.length > INT64_SAFE_BYTES && json_number_parse(number).is_integer &&
           !integer_fits(number, "-9223372036854775808", "18446744073709551615");
}

/* The list has at most as many items as an object has members; the arena forgets the shorter ones. */
static void add(struct event_exact_list *list, struct slice value, bool is_copy)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity > 0 ? list->capacity * 2 : FIRST_CAPACITY;
        struct event_exact *items = arena_take(list->arena, capacity * sizeof(*items));
        if (list->count > 0)
            memcpy(items, list->items, list->count * sizeof(*items));
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] =
        (struct event_exact){.name = list->name, .value = is_copy ? arena_copy(list->arena, value) : value};
}

/* Text, numbers and booleans as ClickHouse would print them. */
static bool is_scalar(enum json_kind kind)
{
    return kind == JSON_STRING || kind == JSON_NUMBER || kind == JSON_TRUE || kind == JSON_FALSE;
}

static struct slice scalar_text(const struct json_token *token)
{
    if (token->kind == JSON_TRUE)
        return SLICE("true");
    return token->kind == JSON_FALSE ? SLICE("false") : token->text;
}

void event_exact_take(struct event_exact_list *list, const struct json_token *token)
{
    bool is_member = token->depth == list->depth + 1;

    if (token->kind == JSON_NUMBER && event_exact_is_unreadable(token->text))
        list->is_unreadable = true;
    if (!is_member || (token->kind != JSON_KEY && !is_scalar(token->kind)))
        return;
    if (token->kind == JSON_KEY)
        list->name = token->is_copy ? arena_copy(list->arena, token->text) : token->text;
    else if (list->takes_all || (token->kind == JSON_NUMBER && !event_exact_is_canonical(token->text)))
        add(list, scalar_text(token), token->is_copy);
}
