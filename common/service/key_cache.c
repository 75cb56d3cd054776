#include "common/service/key_cache.h"

#include "common/base/number.h"
#include "common/event/event.h"

#include <inttypes.h>
#include <stdio.h>

#define MAGIC "millrace-keys/"
#define SUM "sha256="

enum { FORMAT_VERSION = 1, SUM_LINE_BYTES = sizeof(SUM) - 1 + DIGEST_SHA256_HEX_BYTES };

/* ---- write ---- */

static void write_key(const struct key *key, struct buf *out)
{
    char hash[DIGEST_SHA256_HEX_BYTES];

    digest_to_hex(slice_of(key->hash, sizeof(key->hash)), hash);
    buf_printf(out, "%s ", hash);
    key_roles_write(key->identity.roles, out);
    if (key->expires_us == KEY_NEVER_EXPIRES)
        buf_append_text(out, " never");
    else
        buf_printf(out, " %" PRId64, key->expires_us);
    buf_printf(out, " %s %s\n", key->identity.tenant_id, key->identity.environment_id);
}

static size_t count_kept(const struct key_table *table)
{
    size_t count = 0;
    size_t position = 0;
    const struct key *key;

    while ((key = key_table_next(table, &position)) != NULL)
        count += key->is_configured ? 0 : 1;
    return count;
}

void key_cache_write(const struct key_table *table, int64_t as_of_us, const char *dsn, struct buf *out)
{
    char hash[DIGEST_SHA256_HEX_BYTES];
    size_t begin = out->length;
    size_t position = 0;
    const struct key *key;

    digest_sha256_hex(slice_from(dsn), hash);
    buf_printf(out, MAGIC "%d as_of=%" PRId64 " count=%zu source=%s\n", FORMAT_VERSION, as_of_us,
               count_kept(table), hash);
    while ((key = key_table_next(table, &position)) != NULL)
        if (!key->is_configured)
            write_key(key, out);
    digest_sha256_hex(slice_of(out->data + begin, out->length - begin), hash);
    buf_printf(out, SUM "%s\n", hash);
}

/* ---- read ---- */

struct header {
    uint64_t version;
    int64_t as_of_us;
    uint64_t count;
    struct slice source;
};

static bool refuse(struct err *err, const char *why)
{
    err_set(err, ERR_REJECT, "the keys kept on disk %s", why);
    return false;
}

/* Takes the last line off when it is the sum of all before. */
static bool take_sum(struct slice *bytes)
{
    char hash[DIGEST_SHA256_HEX_BYTES];

    if (bytes->length < SUM_LINE_BYTES)
        return false;
    size_t length = bytes->length - SUM_LINE_BYTES;
    struct slice line = slice_from_index(*bytes, length);
    digest_sha256_hex(slice_of(bytes->data, length), hash);
    bytes->length = length;
    return slice_starts_with(line, SLICE(SUM)) && line.data[line.length - 1] == '\n' &&
           memcmp(line.data + sizeof(SUM) - 1, hash, sizeof(hash) - 1) == 0;
}

/* The next word of the line, which must be the name and a '='; gives what stands behind it. */
static bool take_member(struct slice *line, const char *name, struct slice *out_value)
{
    struct slice found;

    (void)slice_cut(line, ' ', out_value);
    (void)slice_cut(out_value, '=', &found);
    return slice_equals_text(found, name);
}

static bool read_header(struct slice line, struct header *out_header)
{
    struct slice word;

    (void)slice_cut(&line, ' ', &word);
    if (!slice_starts_with(word, SLICE(MAGIC)) ||
        !number_u64(slice_from_index(word, sizeof(MAGIC) - 1), &out_header->version))
        return false;
    if (out_header->version != FORMAT_VERSION)
        return true; /* what follows is for others to read */
    return take_member(&line, "as_of", &word) && number_i64(word, &out_header->as_of_us) &&
           take_member(&line, "count", &word) && number_u64(word, &out_header->count) &&
           take_member(&line, "source", &out_header->source) && slice_is_empty(line);
}

static bool check_header(const struct header *header, const char *dsn, struct err *err)
{
    char source[DIGEST_SHA256_HEX_BYTES];

    if (header->version != FORMAT_VERSION)
        return refuse(err, "are of another release's format");
    digest_sha256_hex(slice_from(dsn), source);
    if (!slice_equals_text(header->source, source))
        return refuse(err, "are of another postgres.dsn");
    return true;
}

/* The texts are borrowed from the caller's array, NUL-terminated. */
static bool read_key(struct slice line, char texts[2][EVENT_TENANT_MAX_BYTES + 1], struct key *out_key)
{
    struct slice words[5];

    for (int i = 0; i < 5; i++)
        (void)slice_cut(&line, ' ', &words[i]);
    if (!slice_is_empty(line) || !event_is_tenant_id(words[3]) || !event_is_tenant_id(words[4]))
        return false;
    for (int i = 0; i < 2; i++) {
        memcpy(texts[i], words[3 + i].data, words[3 + i].length);
        texts[i][words[3 + i].length] = '\0';
    }
    *out_key = (struct key){
        .identity = {.tenant_id = texts[0],
                     .environment_id = texts[1],
                     .name = "",
                     .roles = key_roles_read(words[1])},
        .expires_us = KEY_NEVER_EXPIRES,
    };
    return digest_from_hex(words[0], out_key->hash, sizeof(out_key->hash)) &&
           (slice_equals_text(words[2], "never") || number_i64(words[2], &out_key->expires_us));
}

bool key_cache_read(struct slice bytes, const char *dsn, struct key_table *table, int64_t *out_as_of_us,
                    struct err *err)
{
    char texts[2][EVENT_TENANT_MAX_BYTES + 1];
    struct header header;
    struct slice line;
    struct key key;
    uint64_t count = 0;

    if (!take_sum(&bytes) || !slice_cut(&bytes, '\n', &line) || !read_header(line, &header))
        return refuse(err, "are torn: their checksum is wrong");
    if (!check_header(&header, dsn, err))
        return false;
    for (; slice_cut(&bytes, '\n', &line); count++) {
        if (!read_key(line, texts, &key))
            return refuse(err, "hold a line that is no key");
        if (!key_table_add(table, &key))
            return refuse(err, "are more than auth.keys_max");
    }
    if (count != header.count || !slice_is_empty(bytes))
        return refuse(err, "are fewer or more than they say");
    *out_as_of_us = header.as_of_us;
    return true;
}
