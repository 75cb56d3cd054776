/*
 * store_watch.h - can events be read? Asks ClickHouse every other second, with the rights and the table
 * that reads need, and says so in health (check "clickhouse"). Loop thread only; nothing blocks.
 */
#ifndef MILLRACE_STORE_WATCH_H
#define MILLRACE_STORE_WATCH_H

struct clickhouse;
struct health;
struct loop;
struct store_watch;

/* The three: keeps. */
struct store_watch *store_watch_start(struct loop *loop, struct clickhouse *clickhouse,
                                      struct health *health);

/* Before clickhouse_free. */
void store_watch_stop(struct store_watch **watch);

#endif
