/*
 * key_store.h - whose request is this? API keys are known by the SHA-256 of their text alone: from the
 * configuration, and from PostgreSQL's table `secrets`. The whole table is kept in memory and read again
 * on every NOTIFY and every reconnect, so a look-up is one probe of a hash table: the same work for a
 * known and an unknown key, no query per request, and a key revoked in PostgreSQL is gone at once.
 *
 * Loop thread only; nothing blocks.
 */
#ifndef MILLRACE_KEY_STORE_H
#define MILLRACE_KEY_STORE_H

#include "common/base/err.h"
#include "common/base/slice.h"
#include "common/service/config.h"

struct key_store;
struct loop;
struct health;

/* Bits of what a key may do. */
enum key_role {
    KEY_ROLE_EVENT_WRITE = 1 << 0,   /* event:write */
    KEY_ROLE_EVENT_READ = 1 << 1,    /* event:read */
    KEY_ROLE_CATALOG_WRITE = 1 << 2, /* catalog:write */
    KEY_ROLE_ADMIN = 1 << 3,         /* admin: all of them, so the other bits are set too */
};

/* The bits of a role's name, such as "event:write"; 0 for a name that is none. Pure. */
unsigned key_role_bits(struct slice name);

/* What a key is bound to. Borrows: valid until the loop's next turn. */
struct key_identity {
    const char *tenant_id;
    const char *environment_id;
    const char *name; /* for people; never the key */
    unsigned roles;   /* enum key_role */
};

/* Keeps the three. ERR_FATAL for a DSN that can't be parsed, or a key of the configuration whose hash is
 * no SHA-256. postgres->dsn "": keys of the configuration only. Those have all roles. The health check
 * "keys" is DOWN until the table has been read once (keys of the configuration work already), and
 * DEGRADED while PostgreSQL is away after that: the keys known then go on working. */
bool key_store_start(struct loop *loop, const struct postgres_config *postgres,
                     const struct auth_config *auth, struct health *health, struct key_store **out_store,
                     struct err *err);
void key_store_stop(struct key_store **store);

enum key_answer {
    KEY_FOUND,
    KEY_NOT_FOUND, /* and the table is known: 401 */
    KEY_UNKNOWN,   /* not in the configuration, and PostgreSQL was never reached: 503 */
};

/* key: the text of the x-api-key header. */
enum key_answer key_store_find(struct key_store *store, struct slice key, struct key_identity *out_identity);

#endif
