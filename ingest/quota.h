/*
 * quota.h - how much one API key may send: so many events and bytes a second, and half of the bytes in flight
 * while others want some too. What a key has not used for a while it may use at once, up to `burst_ms` of it;
 * a request of any size is taken while nothing is owed, and what it is too large by is owed then.
 *
 * An entry for each key that has sent lately; one that owes nothing is as good as none, and is forgotten. Of
 * one process. Pure; the clock is passed in.
 */
#ifndef MILLRACE_QUOTA_H
#define MILLRACE_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QUOTA_KEY_BYTES = 32 };

struct quota;
struct quota_key; /* what one key has used */

struct quota_limits {
    uint64_t events_per_s; /* the two: at least 1 */
    uint64_t bytes_per_s;
    uint64_t burst_ms;
    uint64_t in_flight_max_bytes; /* of all keys */
};

struct quota *quota_new(const struct quota_limits *limits);

/* Nothing is held any more. */
void quota_free(struct quota **quota);

/* The entry of the key, by the SHA-256 of its text. Valid until the next call, and as long as it holds bytes
 * in flight. */
struct quota_key *quota_find(struct quota *quota, const unsigned char hash[QUOTA_KEY_BYTES], uint64_t now_ms);

enum quota_answer {
    QUOTA_GOOD,
    QUOTA_EVENTS, /* the key has sent too many events */
    QUOTA_BYTES,  /* too many bytes */
    QUOTA_SHARE,  /* it has half of the bytes in flight, and others want some */
    QUOTA_FULL,   /* all of the bytes in flight are taken: the system's fault, not the key's */
    QUOTA_ANSWER_COUNT,
};

/* Whether the key owes nothing. out_retry_s: when it does, after how many seconds it will not, at least 1. */
enum quota_answer quota_check_rates(const struct quota *quota, const struct quota_key *key, uint64_t now_ms,
                                    uint32_t *out_retry_s);

/* Whether so many bytes of the key may be in flight beside those that are. A request that is alone always
 * may. */
enum quota_answer quota_check_room(struct quota *quota, const struct quota_key *key, size_t bytes,
                                   uint64_t now_ms);

/* The key has sent these. */
void quota_charge(struct quota *quota, struct quota_key *key, uint64_t events, uint64_t bytes,
                  uint64_t now_ms);

/* Bytes of the key are in flight, or no longer. */
void quota_hold(struct quota *quota, struct quota_key *key, size_t bytes);
void quota_release(struct quota *quota, struct quota_key *key, size_t bytes);

size_t quota_held_bytes(const struct quota *quota); /* of all keys */

#endif
