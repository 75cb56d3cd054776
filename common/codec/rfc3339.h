/*
 * rfc3339.h - times as text, such as 2026-11-21T00:00:00.123Z. Pure, no time zone database: UTC inside.
 */
#ifndef MILLRACE_RFC3339_H
#define MILLRACE_RFC3339_H

#include "common/base/slice.h"

#include <stdint.h>

enum { RFC3339_MAX_BYTES = 32 };

/* 9999-12-31T23:59:59.999999Z. */
#define RFC3339_MAX_US INT64_C(253402300799999999)

/* A date-time with zone (Z or +hh:mm, in any case; 'T' may be a space). Fractions beyond microseconds
 * are cut. From 1970 to 9999 in UTC. False for all else, leap seconds (":60") included. */
bool rfc3339_parse(struct slice text, int64_t *out_us);

/* us: 0 to RFC3339_MAX_US. UTC, with as many fraction digits as needed out of 0, 3 and 6. NUL-terminated;
 * gives the length. */
size_t rfc3339_write(int64_t us, char out[RFC3339_MAX_BYTES]);

#endif
