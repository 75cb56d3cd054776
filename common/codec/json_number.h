/*
 * json_number.h - which numbers are taken: those that ClickHouse's widest decimals can tell apart. Pure.
 */
#ifndef MILLRACE_JSON_NUMBER_H
#define MILLRACE_JSON_NUMBER_H

#include "common/base/slice.h"

enum { JSON_NUMBER_MAX_DIGITS = 38 };

/* What a number's text is made of. */
struct json_number {
    bool is_negative;
    bool is_integer; /* neither point nor exponent */
    bool has_exponent;
    unsigned digit_count; /* without leading zeros; 1 for a zero */
    int leading_place;    /* the first of these digits stands for 10^leading_place */
    char last_digit;      /* of the digits, before the exponent */
};

/* text is a number by JSON's grammar. An exponent of any size is read, and capped far outside of what
 * fits. */
struct json_number json_number_parse(struct slice text);

/* At most 38 significant digits, and the first of them between 10^-38 and 10^37. */
bool json_number_fits(struct slice text);

#endif
