/* PostgreSQL on the loop, against a real server that is killed, frozen and slow. */
#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/io/loop.h"
#include "common/io/pg.h"
#include "tests/lib/loop_until.h"
#include "tests/lib/pg_cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TIMEOUT_MS = 1000 };

/* What the callbacks have seen. */
struct seen {
    struct pg *pg;
    struct err away; /* the last */
    int connected_count, away_count, notified_count, answered_count;
    char payload[64];
    char order[64]; /* first byte of each answer */
    char field[64]; /* of the last answer */
    bool is_null;
    uint64_t changed_count;
    struct err err; /* of the last failure; text empty when the last one succeeded */
};

struct fixture {
    struct pg_cluster *cluster;
    struct loop *loop;
    struct seen seen;
};

static void on_connected(void *owner)
{
    ((struct seen *)owner)->connected_count++;
}

static void on_away(void *owner, const struct err *err)
{
    struct seen *seen = owner;

    assert_int_equal(err->kind, ERR_RETRY);
    seen->away = *err;
    seen->away_count++;
}

static void on_notify(void *owner, const char *payload)
{
    struct seen *seen = owner;

    (void)snprintf(seen->payload, sizeof(seen->payload), "%s", payload);
    seen->notified_count++;
}

static void on_rows(void *owner, const struct pg_rows *rows, const struct err *err)
{
    struct seen *seen = owner;

    seen->err = err != NULL ? *err : (struct err){0};
    if (rows != NULL && pg_row_count(rows) > 0) {
        struct slice field = pg_field(rows, 0, 0);
        seen->is_null = field.data == NULL;
        (void)snprintf(seen->field, sizeof(seen->field), "%.*s", SLICE_ARG(field));
    }
    if (rows != NULL)
        seen->changed_count = pg_changed_count(rows);
    size_t length = strlen(seen->order);
    if (length + 1 < sizeof(seen->order))
        seen->order[length] = rows != NULL ? seen->field[0] : '!';
    seen->answered_count++;
}

static void start_with(struct fixture *fixture, const char *dsn)
{
    struct pg_settings settings = {.dsn = dsn,
                                   .channel = "a \"quoted\" channel",
                                   .connect_timeout_ms = 500,
                                   .statement_timeout_ms = TIMEOUT_MS,
                                   .on_connected = on_connected,
                                   .on_away = on_away,
                                   .on_notify = on_notify,
                                   .owner = &fixture->seen};
    struct err err;

    fixture->seen = (struct seen){0};
    assert_true(pg_start(fixture->loop, &settings, &fixture->seen.pg, &err));
}

static void start(struct fixture *fixture)
{
    start_with(fixture, pg_cluster_dsn(fixture->cluster));
    loop_until_count(fixture->loop, &fixture->seen.connected_count, 1, "connected");
}

static void ask(struct fixture *fixture, const char *sql, const char *parameter)
{
    struct pg_statement statement = {.sql = sql,
                                     .parameters = {parameter},
                                     .parameter_count = strchr(sql, '$') != NULL,
                                     .on_rows = on_rows,
                                     .owner = &fixture->seen};

    pg_ask(fixture->seen.pg, &statement);
}

static void ask_and_wait(struct fixture *fixture, const char *sql, const char *parameter)
{
    int expected = fixture->seen.answered_count + 1;

    ask(fixture, sql, parameter);
    assert_int_equal(fixture->seen.answered_count, expected - 1); /* never from within pg_ask */
    loop_until_count(fixture->loop, &fixture->seen.answered_count, expected, sql);
}

static void a_parameter_is_a_value_and_never_sql(void **state)
{
    struct fixture *fixture = *state;

    start(fixture);
    ask_and_wait(fixture, "SELECT $1::text", "'; DROP TABLE x; --");
    assert_string_equal(fixture->seen.field, "'; DROP TABLE x; --");
    ask_and_wait(fixture, "SELECT $1::text", NULL);
    assert_true(fixture->seen.is_null);
    ask_and_wait(fixture, "SELECT $1::text", "");
    assert_false(fixture->seen.is_null);
}

static void statements_are_answered_in_the_order_asked(void **state)
{
    struct fixture *fixture = *state;
    static const char *const values[] = {"a", "b", "c", "d", "e"};

    start_with(fixture, pg_cluster_dsn(fixture->cluster));
    for (size_t i = 0; i < 5; i++)
        ask(fixture, "SELECT $1::text", values[i]); /* some before it is connected */
    loop_until_count(fixture->loop, &fixture->seen.answered_count, 5, "all answered");
    assert_string_equal(fixture->seen.order, "abcde");
}

static void the_number_of_changed_rows_is_told(void **state)
{
    struct fixture *fixture = *state;

    pg_cluster_run(fixture->cluster,
                   "DROP TABLE IF EXISTS t; CREATE TABLE t (a int); INSERT INTO t VALUES (1),(2),(3)");
    start(fixture);
    ask_and_wait(fixture, "UPDATE t SET a = a + $1::int WHERE a > 1", "1");
    assert_int_equal(fixture->seen.changed_count, 2);
}

static void faults_of_values_are_rejected_and_all_else_waits(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *sql, *parameter;
        enum err_kind kind;
        const char *text;
    } rows[] = {
        {"SELECT $1::int", "many", ERR_REJECT, "22P02"},
        {"INSERT INTO u VALUES ($1::int)", "1", ERR_REJECT, "23505"},
        {"INSERT INTO no_such_table VALUES ($1)", "1", ERR_RETRY, "42P01"},
        {"SELECT pg_terminate_backend(pg_backend_pid())", NULL, ERR_RETRY, "terminating connection"},
    };

    pg_cluster_run(fixture->cluster,
                   "DROP TABLE IF EXISTS u; CREATE TABLE u (a int PRIMARY KEY); INSERT INTO u VALUES (1)");
    start(fixture);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ask_and_wait(fixture, rows[i].sql, rows[i].parameter);
        assert_non_null(strstr(fixture->seen.err.text, rows[i].text));
        assert_int_equal(fixture->seen.err.kind, rows[i].kind);
    }
}

static void a_notification_reaches(void **state)
{
    struct fixture *fixture = *state;

    start(fixture);
    pg_cluster_run(fixture->cluster, "SELECT pg_notify('a \"quoted\" channel', 'from outside')");
    loop_until_count(fixture->loop, &fixture->seen.notified_count, 1, "notified");
    assert_string_equal(fixture->seen.payload, "from outside");

    /* One of our own arrives together with the answer. */
    ask_and_wait(fixture, "SELECT pg_notify('a \"quoted\" channel', $1)", "own");
    loop_until_count(fixture->loop, &fixture->seen.notified_count, 2, "notified again");
    assert_string_equal(fixture->seen.payload, "own");
}

static void a_server_killed_and_back_is_found_again_by_itself(void **state)
{
    struct fixture *fixture = *state;

    start(fixture);
    pg_cluster_kill(fixture->cluster);
    loop_until_count(fixture->loop, &fixture->seen.away_count, 2, "lost, and one try more failed");
    assert_non_null(strstr(fixture->seen.away.text, "failed"));

    pg_cluster_start(fixture->cluster);
    loop_until_count(fixture->loop, &fixture->seen.connected_count, 2, "connected again");
    ask_and_wait(fixture, "SELECT $1::text", "back");
    assert_string_equal(fixture->seen.field, "back");
    pg_cluster_run(fixture->cluster, "SELECT pg_notify('a \"quoted\" channel', 'still listening')");
    loop_until_count(fixture->loop, &fixture->seen.notified_count, 1, "notified");
}

static void a_server_away_at_start_is_waited_for(void **state)
{
    struct fixture *fixture = *state;

    pg_cluster_kill(fixture->cluster);
    start_with(fixture, pg_cluster_dsn(fixture->cluster));
    loop_until_count(fixture->loop, &fixture->seen.away_count, 1, "first try failed");
    ask_and_wait(fixture, "SELECT $1::text", "too early");
    assert_int_equal(fixture->seen.err.kind, ERR_RETRY);
    assert_non_null(strstr(fixture->seen.err.text, "no answer within 1000 ms"));
    pg_cluster_start(fixture->cluster);
    loop_until_count(fixture->loop, &fixture->seen.connected_count, 1, "connected");
}

static void a_statement_under_way_when_the_server_dies_is_reported_as_uncertain(void **state)
{
    struct fixture *fixture = *state;

    start(fixture);
    ask(fixture, "SELECT pg_notify('a \"quoted\" channel', 'begun'), pg_sleep(0.9)", NULL);
    ask(fixture, "SELECT $1::text", "kept in line");
    AUTO_STRING waiting = NULL;
    do {
        free_string(&waiting);
        loop_until_count(fixture->loop, &fixture->seen.connected_count, 1, "one turn");
        waiting = pg_cluster_ask(fixture->cluster,
                                 "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
    } while (strcmp(waiting, "1") != 0);
    pg_cluster_kill(fixture->cluster);
    loop_until_count(fixture->loop, &fixture->seen.answered_count, 1, "answered");
    assert_int_equal(fixture->seen.err.kind, ERR_RETRY);
    assert_string_equal(fixture->seen.order, "!");
    pg_cluster_start(fixture->cluster);
    loop_until_count(fixture->loop, &fixture->seen.answered_count, 2, "the next one, too");
}

static void a_slow_statement_ends_at_its_deadline(void **state)
{
    struct fixture *fixture = *state;

    start(fixture);
    uint64_t begin_ms = clock_monotonic_ms();
    ask_and_wait(fixture, "SELECT pg_sleep(60)", NULL);
    assert_int_equal(fixture->seen.err.kind, ERR_RETRY);
    assert_in_range(clock_monotonic_ms() - begin_ms, TIMEOUT_MS - 50, TIMEOUT_MS + 900);

    /* The server ends it too, so the same connection serves the next. */
    ask_and_wait(fixture, "SELECT $1::text", "next");
    assert_string_equal(fixture->seen.field, "next");
    assert_int_equal(fixture->seen.connected_count, 1);
}

static void a_server_that_says_nothing_is_given_up(void **state)
{
    struct fixture *fixture = *state;

    start(fixture);
    ask_and_wait(fixture, "SELECT pg_backend_pid()", NULL);
    int backend_pid = (int)strtol(fixture->seen.field, NULL, 10);
    pg_cluster_freeze(backend_pid);
    ask_and_wait(fixture, "SELECT $1::text", "lost");
    assert_int_equal(fixture->seen.err.kind, ERR_RETRY);
    loop_until_count(fixture->loop, &fixture->seen.connected_count, 2, "a new connection");
    ask_and_wait(fixture, "SELECT $1::text", "found");
    assert_string_equal(fixture->seen.field, "found");
    pg_cluster_thaw(backend_pid);
}

static void a_large_parameter_and_answer_pass(void **state)
{
    struct fixture *fixture = *state;
    size_t length = 8 * 1024 * 1024; /* far above any socket buffer */
    AUTO_STRING text = xmalloc(length + 1);

    memset(text, 'x', length);
    text[length] = '\0';
    start(fixture);
    ask_and_wait(fixture, "SELECT length($1::text)", text);
    assert_string_equal(fixture->seen.field, "8388608");
    ask_and_wait(fixture, "SELECT repeat($1, 8388608)", "y");
    assert_int_equal(fixture->seen.field[0], 'y');
}

static void a_bad_connection_string_is_fatal(void **state)
{
    struct fixture *fixture = *state;
    struct pg_settings settings = {.dsn = "host=x no_such_option=1"};
    struct err err;

    assert_false(pg_start(fixture->loop, &settings, &fixture->seen.pg, &err));
    assert_int_equal(err.kind, ERR_FATAL);
    assert_non_null(strstr(err.text, "no_such_option"));
}

static void stopping_drops_what_waits(void **state)
{
    struct fixture *fixture = *state;

    start(fixture);
    ask(fixture, "SELECT pg_sleep($1::int)", "1");
    ask(fixture, "SELECT $1::text", "in line");
    pg_stop(&fixture->seen.pg);
    assert_null(fixture->seen.pg);
    assert_int_equal(fixture->seen.answered_count, 0);
}

static int set_up_group(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));

    fixture->cluster = pg_cluster_new();
    *state = fixture;
    return 0;
}

static int tear_down_group(void **state)
{
    struct fixture *fixture = *state;

    pg_cluster_free(&fixture->cluster);
    free(fixture);
    return 0;
}

static int set_up(void **state)
{
    ((struct fixture *)*state)->loop = loop_new();
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    pg_stop(&fixture->seen.pg);
    loop_free(&fixture->loop);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_parameter_is_a_value_and_never_sql),
        TEST(statements_are_answered_in_the_order_asked),
        TEST(the_number_of_changed_rows_is_told),
        TEST(faults_of_values_are_rejected_and_all_else_waits),
        TEST(a_notification_reaches),
        TEST(a_server_killed_and_back_is_found_again_by_itself),
        TEST(a_server_away_at_start_is_waited_for),
        TEST(a_statement_under_way_when_the_server_dies_is_reported_as_uncertain),
        TEST(a_slow_statement_ends_at_its_deadline),
        TEST(a_server_that_says_nothing_is_given_up),
        TEST(a_large_parameter_and_answer_pass),
        TEST(a_bad_connection_string_is_fatal),
        TEST(stopping_drops_what_waits),
    };

    return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
