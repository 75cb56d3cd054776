/*
 * number.h - strict numbers from text: the whole slice is the number, no sign but '-', no spaces, no
 * overflow. Each returns false for anything else and then leaves the output untouched.
 */
#ifndef MILLRACE_NUMBER_H
#define MILLRACE_NUMBER_H

#include "common/base/slice.h"

#include <stdint.h>

/* Decimal digits only. */
bool number_u64(struct slice text, uint64_t *out_value);

/* Decimal digits, at most one '-' in front. */
bool number_i64(struct slice text, int64_t *out_value);

/* The value of one hexadecimal digit, lower or upper case; -1 for any other character. */
int number_hex_digit(char c);

/* Lower- or upper-case hexadecimal digits without "0x", at most 16 of them. */
bool number_hex64(struct slice text, uint64_t *out_value);

/* Bytes: digits and one of nothing, "B", "KiB", "MiB", "GiB". */
bool number_size_bytes(struct slice text, uint64_t *out_bytes);

/* Milliseconds: digits and one of "ms", "s", "min", "h", "d"; without a unit milliseconds. */
bool number_duration_ms(struct slice text, uint64_t *out_ms);

#endif
