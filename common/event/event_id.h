/*
 * event_id.h - ids that are made here: "event_" and a ULID (https://github.com/ulid/spec), whose text
 * sorts by time. Random bits from getrandom(2).
 */
#ifndef MILLRACE_EVENT_ID_H
#define MILLRACE_EVENT_ID_H

#include <stdint.h>

enum { ULID_TEXT_BYTES = 27, EVENT_ID_MADE_BYTES = 33 }; /* with NUL */

/* 26 characters of Crockford's base 32 and a NUL: 48 bits of unix_ms, 80 bits of `random`. Pure. */
void ulid_write(uint64_t unix_ms, const unsigned char random[10], char out[ULID_TEXT_BYTES]);

/* With fresh random bits. */
void ulid_make(uint64_t unix_ms, char out[ULID_TEXT_BYTES]);

/* "event_" and a fresh ULID, with NUL. */
void event_id_make(uint64_t unix_ms, char out[EVENT_ID_MADE_BYTES]);

#endif
