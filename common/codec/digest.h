/*
 * digest.h - hashes of bytes. SHA-256 (OpenSSL) where somebody could gain by a collision; XXH3 (libxxhash)
 * where only bytes are told apart. Pure.
 */
#ifndef MILLRACE_DIGEST_H
#define MILLRACE_DIGEST_H

#include "common/base/slice.h"

#include <stdint.h>

enum {
    DIGEST_SHA256_BYTES = 32,
    DIGEST_SHA256_HEX_BYTES = 65,
    DIGEST_128_BYTES = 16,
    DIGEST_128_HEX_BYTES = 33
};

void digest_sha256(struct slice bytes, unsigned char out[DIGEST_SHA256_BYTES]);

/* The same as lower-case hex, NUL-terminated. */
void digest_sha256_hex(struct slice bytes, char out[DIGEST_SHA256_HEX_BYTES]);

/* Lower-case hex of any bytes; out holds 2 * length + 1. And back: false unless all are hex digits. */
void digest_to_hex(struct slice bytes, char *out);
bool digest_from_hex(struct slice hex, unsigned char *out, size_t out_length);

/* The 128-bit XXH3, big-endian, over parts, as digest_add would take them one by one; nothing is allocated.
 */
void digest_parts(const struct slice *parts, size_t count, unsigned char out[DIGEST_128_BYTES]);

/* A running 128-bit XXH3. Parts are length-prefixed, so that ("ab","c") and ("a","bc") differ. */
struct digest;
struct digest *digest_new(void);
void digest_free(struct digest **digest);
void digest_reset(struct digest *digest);
void digest_add(struct digest *digest, struct slice part);
void digest_add_u64(struct digest *digest, uint64_t value);
uint64_t digest_finish64(const struct digest *digest); /* its low half */

#endif
