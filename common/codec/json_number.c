#include "common/codec/json_number.h"

enum { EXPONENT_CAP = 100000000 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* text is what stands behind the 'e'. */
static int parse_exponent(struct slice text)
{
    bool is_negative = text.length > 0 && text.data[0] == '-';
    int value = 0;

    for (size_t i = 0; i < text.length; i++)
        if (is_digit(text.data[i]) && value < EXPONENT_CAP)
            value = value * 10 + (text.data[i] - '0');
    return is_negative ? -value : value;
}

static int digits_from(struct slice text, size_t index)
{
    int count = 0;

    for (size_t i = index; i < text.length && is_digit(text.data[i]); i++)
        count++;
    return count;
}

struct json_number json_number_parse(struct slice text)
{
    struct json_number number = {.is_integer = true};
    size_t i = text.length > 0 && text.data[0] == '-' ? 1 : 0;
    int place = digits_from(text, i) - 1;
    bool is_zero = true;

    number.is_negative = i == 1;
    for (; i < text.length && (text.data[i] | 0x20) != 'e'; i++) {
        number.last_digit = text.data[i];
        if (text.data[i] == '.') {
            number.is_integer = false;
            continue;
        }
        number.digit_count = is_zero ? 1 : number.digit_count + 1;
        number.leading_place = is_zero ? place : number.leading_place;
        is_zero = is_zero && text.data[i] == '0';
        place--;
    }
    if (i < text.length) {
        number.is_integer = false;
        number.has_exponent = true;
        number.leading_place += parse_exponent(slice_from_index(text, i + 1));
    }
    return number;
}

/* Too few bytes for too many digits, and no exponent to move them: nearly every number. */
static bool fits_by_length(struct slice text)
{
    if (text.length > JSON_NUMBER_MAX_DIGITS)
        return false;
    for (size_t i = 0; i < text.length; i++)
        if ((text.data[i] | 0x20) == 'e')
            return false;
    return true;
}

bool json_number_fits(struct slice text)
{
    if (fits_by_length(text))
        return true;
    struct json_number number = json_number_parse(text);
    return number.digit_count <= JSON_NUMBER_MAX_DIGITS && number.leading_place < JSON_NUMBER_MAX_DIGITS &&
           number.leading_place >= -JSON_NUMBER_MAX_DIGITS;
}
