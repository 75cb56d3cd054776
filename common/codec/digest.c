#include "common/codec/digest.h"

#include "common/base/bug.h"
#include "common/base/number.h"

#include <endian.h>
#include <openssl/sha.h>
#include <stdlib.h>

/* Compiled in, so that the state's size is known and its alignment is the compiler's business. */
#define XXH_INLINE_ALL
#include <xxhash.h>

struct digest {
    XXH3_state_t state;
};

void digest_to_hex(struct slice bytes, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < bytes.length; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];
        *out++ = digits[byte >> 4];
        *out++ = digits[byte & 0xf];
    }
    *out = '\0';
}

bool digest_from_hex(struct slice hex, unsigned char *out, size_t out_length)
{
    if (hex.length != out_length * 2)
        return false;
    for (size_t i = 0; i < hex.length; i++)
        if (number_hex_digit(hex.data[i]) < 0)
            return false;
    for (size_t i = 0; i < out_length; i++)
        out[i] = (unsigned char)((unsigned)number_hex_digit(hex.data[2 * i]) << 4 |
                                 (unsigned)number_hex_digit(hex.data[2 * i + 1]));
    return true;
}

void digest_sha256(struct slice bytes, unsigned char out[DIGEST_SHA256_BYTES])
{
    _Static_assert(DIGEST_SHA256_BYTES == SHA256_DIGEST_LENGTH, "the length of a SHA-256");

    if (SHA256((const unsigned char *)bytes.data, bytes.length, out) == NULL)
        BUG("SHA-256 is not to be had from OpenSSL");
}

void digest_sha256_hex(struct slice bytes, char out[DIGEST_SHA256_HEX_BYTES])
{
    unsigned char hash[DIGEST_SHA256_BYTES];

    digest_sha256(bytes, hash);
    digest_to_hex(slice_of(hash, sizeof(hash)), out);
}

/* libxxhash can't fail but for a NULL state. */
static void state_add(XXH3_state_t *state, const void *data, size_t length)
{
    if (XXH3_128bits_update(state, data, length) != XXH_OK)
        BUG("XXH3 refuses %zu bytes", length);
}

static void state_add_u64(XXH3_state_t *state, uint64_t value)
{
    uint64_t big = htobe64(value);

    state_add(state, &big, sizeof(big));
}

static void state_add_part(XXH3_state_t *state, struct slice part)
{
    state_add_u64(state, part.length);
    if (part.length > 0)
        state_add(state, part.data, part.length);
}

static void state_finish(const XXH3_state_t *state, unsigned char out[DIGEST_128_BYTES])
{
    XXH128_canonical_t canonical;

    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
    memcpy(out, canonical.digest, DIGEST_128_BYTES);
}

void digest_parts(const struct slice *parts, size_t count, unsigned char out[DIGEST_128_BYTES])
{
    XXH3_state_t state;

    if (XXH3_128bits_reset(&state) != XXH_OK)
        BUG("XXH3 can't be reset");
    for (size_t i = 0; i < count; i++)
        state_add_part(&state, parts[i]);
    state_finish(&state, out);
}

struct digest *digest_new(void)
{
    /* The state wants more alignment than malloc gives. */
    struct digest *digest = aligned_alloc(_Alignof(struct digest), sizeof(*digest));

    if (digest == NULL)
        BUG("out of memory: a digest");
    digest_reset(digest);
    return digest;
}

void digest_free(struct digest **digest)
{
    free(*digest);
    *digest = NULL;
}

void digest_reset(struct digest *digest)
{
    if (XXH3_128bits_reset(&digest->state) != XXH_OK)
        BUG("XXH3 can't be reset");
}

void digest_add(struct digest *digest, struct slice part)
{
    state_add_part(&digest->state, part);
}

void digest_add_u64(struct digest *digest, uint64_t value)
{
    state_add_u64(&digest->state, value);
}

uint64_t digest_finish64(const struct digest *digest)
{
    return XXH3_128bits_digest(&digest->state).low64;
}
