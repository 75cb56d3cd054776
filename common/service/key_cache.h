/*
 * key_cache.h - the keys of PostgreSQL as a file, for a start while PostgreSQL is away. Hashes, bindings,
 * roles and expiries; no key can be told from it. Text, a line each:
 *
 *     millrace-keys/1 as_of=1795532400000000 count=1 source=<SHA-256 of the connection string>
 *     <hash> event:write,event:read never tenant_1 production
 *     sha256=<of all bytes before this line>
 *
 * Pure.
 */
#ifndef MILLRACE_KEY_CACHE_H
#define MILLRACE_KEY_CACHE_H

#include "common/base/err.h"
#include "common/service/key_table.h"

/* No key takes more in the file. */
enum { KEY_CACHE_KEY_MAX_BYTES = 512 };

/* Appends the file of all keys but those of the configuration. as_of_us: wall clock; dsn: where they are
 * from. */
void key_cache_write(const struct key_table *table, int64_t as_of_us, const char *dsn, struct buf *out);

/* Adds the keys to the table. ERR_REJECT when the bytes are torn, of another release, from elsewhere or more
 * than there is room for; the table may then have some of them and is to be thrown away. */
bool key_cache_read(struct slice bytes, const char *dsn, struct key_table *table, int64_t *out_as_of_us,
                    struct err *err);

#endif
