#include "tests/lib/pg_cluster.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/slice.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { START_MAX_MS = 30000, POLL_US = 2000 };

struct pg_cluster {
    char *folder;
    char *programs; /* the folder of initdb and postgres, or NULL: by PATH */
    char *dsn;
    pid_t pid; /* 0: not running */
};

/* Where Debian and others keep the server's programs, which are not in PATH. The newest one. */
static char *find_programs(void)
{
    glob_t found;
    char *folder = NULL;

    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) == 0) {
        const char *last = found.gl_pathv[found.gl_pathc - 1];
        folder = slice_dup(slice_of(last, strlen(last) - strlen("/initdb")));
    }
    globfree(&found);
    return folder;
}

static const struct passwd *server_user(void)
{
    const struct passwd *user = getpwnam("postgres");

    return user != NULL ? user : getpwnam("nobody");
}

static void become_server_user(void)
{
    const struct passwd *user = geteuid() == 0 ? server_user() : NULL;

    if (user == NULL)
        return;
    if (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
        _exit(126);
}

/* Starts a program of the server with its output in the cluster's log. */
static pid_t spawn(const struct pg_cluster *cluster, const char *program, char *const arguments[])
{
    AUTO_STRING path = cluster->programs != NULL ? xasprintf("%s/%s", cluster->programs, program) : NULL;
    AUTO_STRING log = xasprintf("%s/log", cluster->folder);
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    become_server_user();
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (chdir("/") != 0 || fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
        _exit(126);
    (void)prctl(PR_SET_PDEATHSIG, SIGQUIT); /* after setuid, which clears it */
    (void)execvp(path != NULL ? path : program, arguments);
    _exit(127);
}

static void make_folder(struct pg_cluster *cluster)
{
    const char *parent = getenv("TMPDIR");
    const struct passwd *user = server_user();

    cluster->folder = xasprintf("%s/millrace-pg.XXXXXX", parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(cluster->folder));
    if (geteuid() == 0 && user != NULL)
        assert_int_equal(chown(cluster->folder, user->pw_uid, user->pw_gid), 0);
}

static void make_cluster(struct pg_cluster *cluster)
{
    AUTO_STRING data = xasprintf("%s/data", cluster->folder);
    char *const arguments[] = {"initdb", "-D", data,   "-U",         "postgres",  "-A",
                               "trust",  "-E", "UTF8", "--locale=C", "--no-sync", NULL};
    int status = -1;

    pid_t pid = spawn(cluster, "initdb", arguments);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0)
        fail_msg("initdb failed (is PostgreSQL installed?): see %s/log", cluster->folder);
}

void pg_cluster_start(struct pg_cluster *cluster)
{
    AUTO_STRING data = xasprintf("%s/data", cluster->folder);
    char *const arguments[] = {"postgres",          "-D", data,        "-k", cluster->folder, "-c",
                               "listen_addresses=", "-c", "fsync=off", NULL};
    uint64_t end_ms = clock_monotonic_ms() + START_MAX_MS;

    cluster->pid = spawn(cluster, "postgres", arguments);
    while (PQping(cluster->dsn) != PQPING_OK) {
        if (clock_monotonic_ms() > end_ms || waitpid(cluster->pid, NULL, WNOHANG) != 0)
            fail_msg("PostgreSQL does not start: see %s/log", cluster->folder);
        (void)usleep(POLL_US);
    }
}

void pg_cluster_kill(struct pg_cluster *cluster)
{
    if (cluster->pid == 0)
        return;
    /* "Immediate shutdown": as a crash, but the server's children are gone with it. */
    assert_int_equal(kill(cluster->pid, SIGQUIT), 0);
    assert_int_equal(waitpid(cluster->pid, NULL, 0), cluster->pid);
    cluster->pid = 0;
}

struct pg_cluster *pg_cluster_new(void)
{
    struct pg_cluster *cluster = xcalloc(1, sizeof(*cluster));

    cluster->programs = find_programs();
    make_folder(cluster);
    cluster->dsn = xasprintf("host=%s user=postgres dbname=postgres", cluster->folder);
    make_cluster(cluster);
    pg_cluster_start(cluster);
    return cluster;
}

void pg_cluster_free(struct pg_cluster **cluster_pointer)
{
    struct pg_cluster *cluster = *cluster_pointer;

    if (cluster == NULL)
        return;
    pg_cluster_kill(cluster);
    pid_t pid = fork();
    if (pid == 0) {
        (void)execlp("rm", "rm", "-rf", cluster->folder, NULL);
        _exit(127);
    }
    (void)waitpid(pid, NULL, 0);
    free(cluster->folder);
    free(cluster->programs);
    free(cluster->dsn);
    free(cluster);
    *cluster_pointer = NULL;
}

const char *pg_cluster_dsn(const struct pg_cluster *cluster)
{
    return cluster->dsn;
}

static void on_notice(void *context, const char *message)
{
    (void)context;
    (void)message;
}

char *pg_cluster_ask(const struct pg_cluster *cluster, const char *sql)
{
    PGconn *connection = PQconnectdb(cluster->dsn);

    (void)PQsetNoticeProcessor(connection, on_notice, NULL);
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);

    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(connection));
    char *answer = xstrdup(PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    PQfinish(connection);
    return answer;
}

void pg_cluster_run(const struct pg_cluster *cluster, const char *sql)
{
    free(pg_cluster_ask(cluster, sql));
}

void pg_cluster_freeze(int backend_pid)
{
    assert_int_equal(kill(backend_pid, SIGSTOP), 0);
}

void pg_cluster_thaw(int backend_pid)
{
    assert_true(kill(backend_pid, SIGCONT) == 0 || errno == ESRCH);
}
