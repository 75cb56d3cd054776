/*
 * key_store.h - whose request is this? API keys are known by the SHA-256 of their text alone: from the
 * configuration, and from PostgreSQL's table `secrets`. The whole table is kept in memory and read again
 * on every NOTIFY, on every reconnect and every ten minutes, so a look-up is one hash and one probe of a hash
 * table: the same work for a known and an unknown key, no query per request, and a key revoked in PostgreSQL
 * is gone at once. A key's expiry is compared with the clock at every look-up.
 *
 * While PostgreSQL is away the keys read last go on working for auth.cache_max_age. They are kept below
 * state_dir too, for a start in that time.
 *
 * Loop thread only; nothing blocks but the start, which reads that file.
 */
#ifndef MILLRACE_KEY_STORE_H
#define MILLRACE_KEY_STORE_H

#include "common/base/err.h"
#include "common/base/slice.h"
#include "common/service/config.h"
#include "common/service/key_identity.h"

struct key_store;
struct loop;
struct health;

struct key_store_settings {
    struct loop *loop; /* all: keeps */
    struct health *health;
    const struct postgres_config *postgres; /* dsn "": keys of the configuration only */
    const struct auth_config *auth;         /* its keys have all roles */
    const char *state_dir;
    const char *instance; /* of the program: several may share state_dir */
};

/* ERR_FATAL for a DSN that can't be parsed or a key of the configuration whose hash is no SHA-256; ERR_REJECT
 * for a state_dir that can't hold files, when there is PostgreSQL.
 *
 * The health check "keys" is DOWN while no key can be told (but for those of the configuration: then
 * DEGRADED); DEGRADED while PostgreSQL is away and the keys known last are used, with an alarm in the log
 * after an hour; and DEGRADED when the table has more keys than auth.keys_max, of which the newest are not
 * let in. */
bool key_store_start(const struct key_store_settings *settings, struct key_store **out_store,
                     struct err *err);
void key_store_stop(struct key_store **store);

enum key_answer {
    KEY_FOUND,
    KEY_NOT_FOUND, /* and the table is known: 401 */
    KEY_UNKNOWN,   /* not in the configuration, and the table is not known, or too old: 503 */
};

/* key: the text of the x-api-key header. The identity's texts and hash are valid until the loop's next turn.
 */
enum key_answer key_store_find(struct key_store *store, struct slice key, struct key_identity *out_identity);

/* Why the last answer was KEY_UNKNOWN, for the client. A literal. */
const char *key_store_why_unknown(const struct key_store *store);

#endif
