/*
 * event_id.h - ids that are made here: "event_" and a ULID (https://github.com/ulid/spec), whose text
 * sorts by time. Random bits from getrandom(2).
 */
#ifndef MILLRACE_EVENT_ID_H
#define MILLRACE_EVENT_ID_H

#include <stdbool.h>
#include <stdint.h>

enum { ULID_RANDOM_BYTES = 10, ULID_TEXT_BYTES = 27, EVENT_ID_MADE_BYTES = 33 }; /* texts with NUL */

/* 26 characters of Crockford's base 32 and a NUL: 48 bits of unix_ms, 80 bits of `random`. Pure. */
void ulid_write(uint64_t unix_ms, const unsigned char random[ULID_RANDOM_BYTES], char out[ULID_TEXT_BYTES]);

/* With fresh random bits. */
void ulid_make(uint64_t unix_ms, char out[ULID_TEXT_BYTES]);

/* Ids of one request: the first is fresh, each further one its successor (the specification's monotonic
 * form), so that they sort in their order, and a thousand ask the kernel for random bits once.
 * Zero-initialised but for the time. */
struct event_ids {
    uint64_t unix_ms;
    unsigned char random[ULID_RANDOM_BYTES];
    bool has_random;
};

/* "event_" and the next ULID, with NUL. */
void event_ids_next(struct event_ids *ids, char out[EVENT_ID_MADE_BYTES]);

#endif
