/*
 * key_usage.h - tells PostgreSQL when keys were last used: secrets.last_used_at, to the minute. The first use
 * is written within a second, the next ones of a key at most once a minute, many keys in one statement; never
 * a query for a request. What can't be written now is written later. Loop thread only; nothing blocks.
 */
#ifndef MILLRACE_KEY_USAGE_H
#define MILLRACE_KEY_USAGE_H

#include "common/service/key_table.h"

struct key_usage;
struct loop;
struct pg;

/* Keeps both. */
struct key_usage *key_usage_new(struct loop *loop, struct pg *pg);
void key_usage_free(struct key_usage **usage);

/* From now on keys of this table are marked (keeps it); what is known of those of the table before goes over.
 * The former table must still be there. */
void key_usage_change_table(struct key_usage *usage, struct key_table *table);

/* While PostgreSQL is away nothing is written; what was marked then is written when it is back. */
void key_usage_pause(struct key_usage *usage);
void key_usage_resume(struct key_usage *usage);

/* The key was used just now. One of the configuration is passed over. */
void key_usage_mark(struct key_usage *usage, struct key *key);

#endif
