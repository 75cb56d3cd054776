/*
 * key_table.h - all API keys at one moment, found by the SHA-256 of their text with one probe of a hash
 * table: the same work for a key that is there and one that is not. Pure.
 */
#ifndef MILLRACE_KEY_TABLE_H
#define MILLRACE_KEY_TABLE_H

#include "common/codec/digest.h"
#include "common/service/key_identity.h"

#define KEY_NEVER_EXPIRES INT64_MAX

struct key {
    unsigned char hash[DIGEST_SHA256_BYTES];
    struct key_identity identity;
    int64_t expires_us; /* wall clock; KEY_NEVER_EXPIRES */
    bool is_configured; /* of the configuration, not of PostgreSQL */

    /* For key_usage alone. */
    int64_t used_us;       /* wall clock, of the last use that is to be written */
    uint64_t reported_ms;  /* monotonic, of the last writing; 0: never */
    struct key *next_used; /* in the line of those to be written */
    bool is_in_line;
};

struct key_table;

/* With room for `key_count` keys. */
struct key_table *key_table_new(size_t key_count);
void key_table_free(struct key_table **table);

/* Adds a copy, texts included. One of the same hash that is there already stays. False: there is no room. */
bool key_table_add(struct key_table *table, const struct key *key);

size_t key_table_count(const struct key_table *table);

/* NULL: there is none. Borrows, as the next. */
struct key *key_table_find(const struct key_table *table, const unsigned char hash[DIGEST_SHA256_BYTES]);

/* The next key in no order of interest, NULL behind the last; *position is 0 before the first. */
struct key *key_table_next(const struct key_table *table, size_t *position);

#endif
