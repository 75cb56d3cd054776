/*
 * pg_cluster.h - a PostgreSQL of a test's own: a throw-away cluster in a temporary folder, reached by a
 * Unix socket there and by nothing else, gone with the test's process. Started as root it runs as the
 * user "postgres" or else "nobody", as PostgreSQL insists. Fails the test when there is no PostgreSQL.
 *
 * All functions block until done.
 */
#ifndef MILLRACE_TESTS_PG_CLUSTER_H
#define MILLRACE_TESTS_PG_CLUSTER_H

struct pg_cluster;

/* Made and running. */
struct pg_cluster *pg_cluster_new(void);
void pg_cluster_free(struct pg_cluster **cluster);

/* libpq connection string of the database "postgres", with all rights. Borrows. */
const char *pg_cluster_dsn(const struct pg_cluster *cluster);

/* Ends it without a clean shutdown, connections and all; and starts it again on its data. */
void pg_cluster_kill(struct pg_cluster *cluster);
void pg_cluster_start(struct pg_cluster *cluster);

/* Runs statements; the first field of the last result, "" when there is none, is the answer. Gives: the
 * caller frees it with free(). Fails the test when the server refuses. */
char *pg_cluster_ask(const struct pg_cluster *cluster, const char *sql);
void pg_cluster_run(const struct pg_cluster *cluster, const char *sql);

/* Stops the server process of a connection where it stands, and lets it go on: a peer that is there and
 * says nothing. */
void pg_cluster_freeze(int backend_pid);
void pg_cluster_thaw(int backend_pid);

#endif
