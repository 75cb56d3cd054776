/* Keys of the configuration and of a real PostgreSQL with the schema that `millrace schema apply` makes. */
#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/codec/digest.h"
#include "common/io/loop.h"
#include "common/service/health.h"
#include "common/service/key_cache.h"
#include "common/service/key_store.h"
#include "ctl/schema_files.h"
#include "tests/lib/loop_until.h"
#include "tests/lib/pg_cluster.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 20000, HOUR_MS = 3600000 };

struct fixture {
    struct pg_cluster *cluster;
    struct loop *loop;
    struct health *health;
    struct key_store *store;
    struct postgres_config postgres;
    struct auth_config auth;
    struct auth_key_config configured;
    char configured_hash[DIGEST_SHA256_HEX_BYTES];
    char state_dir[64];
};

/* A key and the answer that is waited for. */
struct expectation {
    struct key_store *store;
    const char *key;
    enum key_answer answer;
};

static bool is_answered(void *context)
{
    const struct expectation *expected = context;
    struct key_identity identity;

    return key_store_find(expected->store, slice_from(expected->key), &identity) == expected->answer;
}

static void wait_for(struct fixture *fixture, const char *key, enum key_answer answer)
{
    struct expectation expected = {fixture->store, key, answer};

    loop_until(fixture->loop, is_answered, &expected, PATIENCE_MS, key);
}

struct awaited_health {
    const struct health *health;
    enum health_state state;
};

static bool health_is(void *context)
{
    const struct awaited_health *awaited = context;

    return health_worst(awaited->health) == awaited->state;
}

static void wait_for_health(struct fixture *fixture, enum health_state state)
{
    struct awaited_health awaited = {fixture->health, state};

    loop_until(fixture->loop, health_is, &awaited, PATIENCE_MS, health_state_name(state));
}

/* expires: an SQL expression. */
static void insert_key(struct fixture *fixture, const char *key, const char *roles, const char *expires)
{
    char hash[DIGEST_SHA256_HEX_BYTES];

    digest_sha256_hex(slice_from(key), hash);
    AUTO_STRING sql = xasprintf(
        "INSERT INTO secrets (id, value, display_id, tenant_id, environment_id, name, roles, expires_at)"
        " VALUES ('%s', '%s', 'sk_**', 'tenant_of_%s', 'production', 'a name', '{%s}', %s)",
        key, hash, key, roles, expires);
    pg_cluster_run(fixture->cluster, sql);
}

static bool try_to_start(struct fixture *fixture, struct err *err)
{
    const struct key_store_settings settings = {
        .loop = fixture->loop,
        .health = fixture->health,
        .postgres = &fixture->postgres,
        .auth = &fixture->auth,
        .state_dir = fixture->state_dir,
        .instance = "1",
    };

    return key_store_start(&settings, &fixture->store, err);
}

static void start(struct fixture *fixture)
{
    struct err err;

    if (!try_to_start(fixture, &err))
        fail_msg("%s", err.text);
}

/* As after the end of the program. */
static void start_again(struct fixture *fixture)
{
    key_store_stop(&fixture->store);
    health_free(&fixture->health);
    fixture->health = health_new();
    start(fixture);
}

static void apply_schema(struct fixture *fixture)
{
    for (const struct schema_file *file = schema_files_postgres; file->name != NULL; file++)
        pg_cluster_run(fixture->cluster, file->sql);
}

static void a_key_of_the_configuration_works_before_postgresql_is_reached(void **state)
{
    struct fixture *fixture = *state;
    struct key_identity identity = {0};

    pg_cluster_kill(fixture->cluster);
    start(fixture);
    assert_int_equal(key_store_find(fixture->store, SLICE("configured"), &identity), KEY_FOUND);
    assert_string_equal(identity.tenant_id, "tenant_1");
    assert_string_equal(identity.environment_id, "production");
    assert_true(identity.roles & KEY_ROLE_ADMIN);

    /* Another may be in the table: not known is not the same as refused. */
    assert_int_equal(key_store_find(fixture->store, SLICE("other"), &identity), KEY_UNKNOWN);
    wait_for_health(fixture, HEALTH_DEGRADED); /* not down: this key's events are taken */
    pg_cluster_start(fixture->cluster);
    wait_for(fixture, "other", KEY_NOT_FOUND);
    wait_for_health(fixture, HEALTH_UP);
}

static void a_key_of_the_table_is_bound_to_its_tenant_and_roles(void **state)
{
    struct fixture *fixture = *state;
    struct key_identity identity = {0};

    insert_key(fixture, "reader", "event:read,event:write", "NULL");
    insert_key(fixture, "chief", "admin", "NULL");
    start(fixture);
    wait_for(fixture, "reader", KEY_FOUND);
    assert_int_equal(key_store_find(fixture->store, SLICE("reader"), &identity), KEY_FOUND);
    assert_string_equal(identity.tenant_id, "tenant_of_reader");
    assert_string_equal(identity.environment_id, "production");
    assert_string_equal(identity.name, "a name");
    assert_int_equal(identity.roles, KEY_ROLE_EVENT_READ | KEY_ROLE_EVENT_WRITE);
    assert_int_equal(key_store_find(fixture->store, SLICE("chief"), &identity), KEY_FOUND);
    assert_int_equal(identity.roles,
                     KEY_ROLE_EVENT_READ | KEY_ROLE_EVENT_WRITE | KEY_ROLE_CATALOG_WRITE | KEY_ROLE_ADMIN);
    assert_int_equal(key_store_find(fixture->store, SLICE("configured"), &identity), KEY_FOUND);
    assert_int_equal(key_store_find(fixture->store, SLICE(""), &identity), KEY_NOT_FOUND);
    assert_int_equal(key_store_find(fixture->store, SLICE("reade"), &identity), KEY_NOT_FOUND);
}

static void a_new_key_and_a_revoked_one_are_seen_by_notification(void **state)
{
    struct fixture *fixture = *state;

    start(fixture);
    wait_for_health(fixture, HEALTH_UP);
    insert_key(fixture, "late", "event:write", "NULL");
    wait_for(fixture, "late", KEY_FOUND);
    pg_cluster_run(fixture->cluster, "UPDATE secrets SET status = 'revoked' WHERE id = 'late'");
    wait_for(fixture, "late", KEY_NOT_FOUND);
}

static void an_expired_key_is_refused_and_one_expires_without_a_change_of_the_table(void **state)
{
    struct fixture *fixture = *state;

    insert_key(fixture, "long_expired", "event:write", "now() - interval '1 hour'");
    insert_key(fixture, "expires", "event:write", "now() + interval '1500 ms'");
    start(fixture);
    wait_for(fixture, "expires", KEY_FOUND);
    wait_for(fixture, "long_expired", KEY_NOT_FOUND);
    wait_for(fixture, "expires", KEY_NOT_FOUND);
}

static void known_keys_work_on_while_postgresql_is_away_and_changes_are_seen_when_it_is_back(void **state)
{
    struct fixture *fixture = *state;
    struct key_identity identity;

    insert_key(fixture, "stays", "event:write", "NULL");
    insert_key(fixture, "goes", "event:write", "NULL");
    start(fixture);
    wait_for(fixture, "goes", KEY_FOUND);
    /* A change that tells nobody, as one made while nobody listens. */
    pg_cluster_run(fixture->cluster, "ALTER TABLE secrets DISABLE TRIGGER secrets_changed;"
                                     "UPDATE secrets SET status = 'revoked' WHERE id = 'goes';"
                                     "ALTER TABLE secrets ENABLE TRIGGER secrets_changed");
    pg_cluster_kill(fixture->cluster);
    wait_for_health(fixture, HEALTH_DEGRADED);
    assert_int_equal(key_store_find(fixture->store, SLICE("stays"), &identity), KEY_FOUND);
    assert_int_equal(key_store_find(fixture->store, SLICE("goes"), &identity), KEY_FOUND);
    pg_cluster_start(fixture->cluster);
    wait_for(fixture, "goes", KEY_NOT_FOUND);
    wait_for(fixture, "stays", KEY_FOUND);
    wait_for_health(fixture, HEALTH_UP);
}

static bool health_names_the_table(void *context)
{
    AUTO_BUF text = {0};

    health_write(context, &text);
    return strstr(buf_text(&text), "42P01") != NULL;
}

static void a_missing_table_is_named_and_waited_for(void **state)
{
    struct fixture *fixture = *state;
    struct key_identity identity;

    pg_cluster_run(fixture->cluster, "DROP TABLE secrets; DROP FUNCTION secrets_notify");
    start(fixture);
    loop_until(fixture->loop, health_names_the_table, fixture->health, PATIENCE_MS, "health says 42P01");
    assert_int_equal(health_worst(fixture->health), HEALTH_DEGRADED);
    assert_int_equal(key_store_find(fixture->store, SLICE("any"), &identity), KEY_UNKNOWN);
    apply_schema(fixture);
    insert_key(fixture, "first", "event:write", "NULL");
    wait_for(fixture, "first", KEY_FOUND);
}

static void without_postgresql_the_configuration_is_all(void **state)
{
    struct fixture *fixture = *state;
    struct key_identity identity;

    fixture->postgres.dsn[0] = '\0';
    start(fixture);
    assert_int_equal(key_store_find(fixture->store, SLICE("configured"), &identity), KEY_FOUND);
    assert_int_equal(key_store_find(fixture->store, SLICE("other"), &identity), KEY_NOT_FOUND);
    assert_int_equal(health_worst(fixture->health), HEALTH_UP);
}

static void a_bad_hash_in_the_configuration_is_fatal(void **state)
{
    struct fixture *fixture = *state;
    static const char *const hashes[] = {"", "abc", "zz", NULL};
    struct err err;

    for (size_t i = 0; hashes[i] != NULL; i++) {
        (void)snprintf(fixture->configured_hash, sizeof(fixture->configured_hash), "%s", hashes[i]);
        health_free(&fixture->health);
        fixture->health = health_new();
        assert_false(try_to_start(fixture, &err));
        assert_int_equal(err.kind, ERR_FATAL);
        assert_non_null(strstr(err.text, "first key"));
    }
}

static void thousands_of_keys_are_all_found(void **state)
{
    struct fixture *fixture = *state;
    struct key_identity identity;

    pg_cluster_run(
        fixture->cluster,
        "INSERT INTO secrets (id, value, display_id, tenant_id, environment_id, name, roles)"
        " SELECT 'k' || n, encode(sha256(('k' || n)::bytea), 'hex'), 'x', 'tenant_' || n, 'e', 'n',"
        " '{event:write}' FROM generate_series(1, 5000) AS n");
    start(fixture);
    wait_for(fixture, "k5000", KEY_FOUND);
    for (int i = 1; i <= 5000; i++) {
        char key[16];
        char tenant[24];
        (void)snprintf(key, sizeof(key), "k%d", i);
        (void)snprintf(tenant, sizeof(tenant), "tenant_%d", i);
        assert_int_equal(key_store_find(fixture->store, slice_from(key), &identity), KEY_FOUND);
        assert_string_equal(identity.tenant_id, tenant);
    }
    assert_int_equal(key_store_find(fixture->store, SLICE("k5001"), &identity), KEY_NOT_FOUND);
}

/* ---- on disk ---- */

static char *kept_path(const struct fixture *fixture)
{
    return xasprintf("%s/keys-%s", fixture->state_dir, log_stage());
}

static bool is_on_disk(void *context)
{
    const char *path = context;

    return access(path, F_OK) == 0;
}

/* Gives the path of the file, when it is there. */
static char *wait_for_file(struct fixture *fixture)
{
    char *path = kept_path(fixture);

    loop_until(fixture->loop, is_on_disk, path, PATIENCE_MS, "keys are on disk");
    return path;
}

static void keys_read_last_work_after_a_start_without_postgresql(void **state)
{
    struct fixture *fixture = *state;
    struct key_identity identity = {0};

    insert_key(fixture, "kept", "event:read,catalog:write", "NULL");
    insert_key(fixture, "short", "event:write", "now() + interval '2 s'");
    start(fixture);
    AUTO_STRING path = wait_for_file(fixture);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    pg_cluster_kill(fixture->cluster);
    start_again(fixture);
    assert_int_equal(key_store_find(fixture->store, SLICE("kept"), &identity), KEY_FOUND);
    assert_string_equal(identity.tenant_id, "tenant_of_kept");
    assert_string_equal(identity.environment_id, "production");
    assert_int_equal(identity.roles, KEY_ROLE_EVENT_READ | KEY_ROLE_CATALOG_WRITE);
    assert_int_equal(key_store_find(fixture->store, SLICE("configured"), &identity), KEY_FOUND);
    assert_int_equal(key_store_find(fixture->store, SLICE("other"), &identity), KEY_NOT_FOUND);
    assert_int_equal(health_worst(fixture->health), HEALTH_DEGRADED); /* from the first moment */
    wait_for(fixture, "short", KEY_NOT_FOUND);
    pg_cluster_start(fixture->cluster);
    wait_for_health(fixture, HEALTH_UP);
}

static void keys_of_postgresql_are_refused_when_it_is_away_for_longer_than_the_setting(void **state)
{
    struct fixture *fixture = *state;
    struct key_identity identity;

    fixture->auth.cache_max_age_ms = 1500;
    insert_key(fixture, "aged", "event:write", "NULL");
    start(fixture);
    AUTO_STRING path = wait_for_file(fixture);
    pg_cluster_kill(fixture->cluster);
    wait_for_health(fixture, HEALTH_DEGRADED);
    assert_int_equal(key_store_find(fixture->store, SLICE("aged"), &identity), KEY_FOUND);
    wait_for(fixture, "aged", KEY_UNKNOWN);
    assert_int_equal(key_store_find(fixture->store, SLICE("nobody's"), &identity), KEY_UNKNOWN);
    assert_int_equal(key_store_find(fixture->store, SLICE("configured"), &identity), KEY_FOUND);
    assert_non_null(strstr(key_store_why_unknown(fixture->store), "away for too long"));

    start_again(fixture); /* the file is as old */
    assert_int_equal(key_store_find(fixture->store, SLICE("aged"), &identity), KEY_UNKNOWN);
    pg_cluster_start(fixture->cluster);
    wait_for(fixture, "aged", KEY_FOUND);
}

static void write_file(const char *path, struct slice bytes, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(write(fd, bytes.data, bytes.length), bytes.length);
    (void)close(fd);
}

/* A file with one key; seconds: how long ago it was read. */
static void write_keys(const char *path, const char *dsn, int64_t seconds, mode_t mode)
{
    struct key_table *table = key_table_new(1);
    struct key key = {
        .identity = {.tenant_id = "t", .environment_id = "e", .name = "", .roles = KEY_ROLES_ALL},
        .expires_us = KEY_NEVER_EXPIRES};
    AUTO_BUF file = {0};

    digest_sha256(SLICE("filed"), key.hash);
    assert_true(key_table_add(table, &key));
    key_cache_write(table, clock_wall_us() - seconds * 1000000, dsn, &file);
    write_file(path, buf_slice(&file), mode);
    key_table_free(&table);
}

static void keys_on_disk_are_used_only_when_they_are_ours_and_young_enough(void **state)
{
    struct fixture *fixture = *state;
    const char *dsn = fixture->postgres.dsn;
    const struct {
        const char *what;
        const char *dsn;
        int64_t age_s;
        mode_t mode;
        enum key_answer answer;
    } rows[] = {
        {"ours", dsn, 5, 0600, KEY_FOUND},
        {"just young enough", dsn, 24 * 3600 - 60, 0600, KEY_FOUND},
        {"too old", dsn, 24 * 3600 + 1, 0600, KEY_UNKNOWN},
        {"from the future", dsn, -3600, 0600, KEY_UNKNOWN},
        {"of another database", "host=elsewhere", 5, 0600, KEY_UNKNOWN},
        {"readable for the group", dsn, 5, 0640, KEY_UNKNOWN},
    };
    AUTO_STRING path = kept_path(fixture);

    pg_cluster_kill(fixture->cluster);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct key_identity identity;
        write_keys(path, rows[i].dsn, rows[i].age_s, rows[i].mode);
        start_again(fixture);
        if (key_store_find(fixture->store, SLICE("filed"), &identity) != rows[i].answer)
            fail_msg("keys on disk that are %s", rows[i].what);
    }
    pg_cluster_start(fixture->cluster);
}

static bool says_for_more_than_an_hour(void *context)
{
    AUTO_BUF text = {0};

    health_write(context, &text);
    return strstr(buf_text(&text), "for more than an hour: new and revoked keys are not seen since") != NULL;
}

static bool says_why(void *context)
{
    AUTO_BUF text = {0};

    health_write(context, &text);
    return strstr(buf_text(&text), "connection to server") != NULL;
}

static void after_an_hour_without_postgresql_health_says_so(void **state)
{
    struct fixture *fixture = *state;
    AUTO_STRING path = kept_path(fixture);

    pg_cluster_kill(fixture->cluster);
    write_keys(path, fixture->postgres.dsn, 3590, 0600);
    start_again(fixture);
    loop_until(fixture->loop, says_why, fixture->health, PATIENCE_MS, "PostgreSQL was asked");
    assert_false(says_for_more_than_an_hour(fixture->health));
    write_keys(path, fixture->postgres.dsn, 3600, 0600);
    start_again(fixture);
    assert_false(says_for_more_than_an_hour(fixture->health)); /* it may be there */
    loop_until(fixture->loop, says_for_more_than_an_hour, fixture->health, PATIENCE_MS, "health says it");
    pg_cluster_start(fixture->cluster);
    wait_for_health(fixture, HEALTH_UP);
}

static void a_state_dir_that_holds_no_files_is_refused_at_start(void **state)
{
    struct fixture *fixture = *state;
    static const char *const folders[] = {"/nonexistent/millrace", "/dev/null"};
    struct err err;

    for (size_t i = 0; i < 2; i++) {
        char before[64];
        (void)snprintf(before, sizeof(before), "%s", fixture->state_dir);
        (void)snprintf(fixture->state_dir, sizeof(fixture->state_dir), "%s", folders[i]);
        assert_false(try_to_start(fixture, &err));
        (void)snprintf(fixture->state_dir, sizeof(fixture->state_dir), "%s", before);
        assert_int_equal(err.kind, ERR_REJECT);
        assert_non_null(strstr(err.text, "state_dir"));
        assert_non_null(strstr(err.text, folders[i]));
        health_free(&fixture->health);
        fixture->health = health_new();
    }
}

static bool health_says_no_file(void *context)
{
    AUTO_BUF text = {0};

    health_write(context, &text);
    return strstr(buf_text(&text), "a start without PostgreSQL would know no keys") != NULL;
}

static void keys_that_can_not_be_kept_are_said(void **state)
{
    struct fixture *fixture = *state;
    AUTO_STRING path = kept_path(fixture);

    assert_int_equal(mkdir(path, 0700), 0); /* a folder does not give way to a file */
    start(fixture);
    loop_until(fixture->loop, health_says_no_file, fixture->health, PATIENCE_MS, "health says it");
    assert_int_equal(rmdir(path), 0);
    insert_key(fixture, "any", "event:write", "NULL");
    wait_for_health(fixture, HEALTH_UP);
}

/* ---- how many ---- */

static void of_too_many_keys_the_oldest_are_let_in(void **state)
{
    struct fixture *fixture = *state;
    struct key_identity identity;

    fixture->auth.keys_max = 2;
    insert_key(fixture, "first", "event:write", "NULL");
    insert_key(fixture, "second", "event:write", "NULL");
    start(fixture);
    wait_for_health(fixture, HEALTH_UP);
    insert_key(fixture, "third", "event:write", "NULL");
    wait_for_health(fixture, HEALTH_DEGRADED);
    assert_int_equal(key_store_find(fixture->store, SLICE("first"), &identity), KEY_FOUND);
    assert_int_equal(key_store_find(fixture->store, SLICE("second"), &identity), KEY_FOUND);
    assert_int_equal(key_store_find(fixture->store, SLICE("third"), &identity), KEY_NOT_FOUND);
    pg_cluster_run(fixture->cluster, "DELETE FROM secrets WHERE id = 'first'");
    wait_for(fixture, "third", KEY_FOUND);
    wait_for_health(fixture, HEALTH_UP);
}

/* ---- last used ---- */

static bool is_written(void *context)
{
    struct fixture *fixture = context;
    AUTO_STRING count = pg_cluster_ask(
        fixture->cluster, "SELECT count(*) FROM secrets WHERE last_used_at > now() - '1 min'::interval");

    return strcmp(count, "2") == 0;
}

static void when_keys_were_last_used_is_written_once_a_minute_and_read_by_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct key_identity identity;

    insert_key(fixture, "used", "event:write", "NULL");
    insert_key(fixture, "used_too", "event:write", "NULL");
    insert_key(fixture, "idle", "event:write", "NULL");
    start(fixture);
    wait_for_health(fixture, HEALTH_UP);
    /* Whoever is told something is told by this: the number of the transaction that wrote each row. */
    pg_cluster_run(fixture->cluster,
                   "CREATE TABLE told (at timestamptz);"
                   "CREATE OR REPLACE FUNCTION secrets_notify() RETURNS trigger LANGUAGE plpgsql"
                   " AS $$ BEGIN INSERT INTO told VALUES (now()); RETURN NULL; END $$");
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(key_store_find(fixture->store, SLICE("used"), &identity), KEY_FOUND);
        assert_int_equal(key_store_find(fixture->store, SLICE("used_too"), &identity), KEY_FOUND);
        assert_int_equal(key_store_find(fixture->store, SLICE("configured"), &identity), KEY_FOUND);
    }
    loop_until(fixture->loop, is_written, fixture, PATIENCE_MS, "both are written");
    AUTO_STRING transactions = pg_cluster_ask(
        fixture->cluster, "SELECT count(DISTINCT xmin::text) FROM secrets WHERE last_used_at IS NOT NULL");
    AUTO_STRING told = pg_cluster_ask(fixture->cluster, "SELECT count(*) FROM told");
    assert_string_equal(transactions, "1");
    assert_string_equal(told, "0");
    pg_cluster_run(fixture->cluster, "DROP TABLE told; DROP FUNCTION secrets_notify CASCADE;"
                                     "DROP TABLE secrets");
    apply_schema(fixture);
}

static void a_role_has_its_bits_and_a_typo_has_none(void **state)
{
    (void)state;
    assert_int_equal(key_role_bits(SLICE("event:write")), KEY_ROLE_EVENT_WRITE);
    assert_int_equal(key_role_bits(SLICE("event:read")), KEY_ROLE_EVENT_READ);
    assert_int_equal(key_role_bits(SLICE("catalog:write")), KEY_ROLE_CATALOG_WRITE);
    assert_true(key_role_bits(SLICE("admin")) & KEY_ROLE_EVENT_WRITE);
    assert_int_equal(key_role_bits(SLICE("event:wrte")), 0);
    assert_int_equal(key_role_bits(SLICE("")), 0);
}

static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;

    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL)
        (void)unlinkat(dirfd(folder), entry->d_name, 0);
    (void)closedir(folder);
    (void)rmdir(path);
}

static int set_up_group(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));

    fixture->cluster = pg_cluster_new();
    apply_schema(fixture);
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
    struct fixture *fixture = *state;

    fixture->loop = loop_new();
    fixture->health = health_new();
    fixture->postgres = (struct postgres_config){.dsn = xstrdup(pg_cluster_dsn(fixture->cluster)),
                                                 .connect_timeout_ms = 1000,
                                                 .statement_timeout_ms = 1000};
    digest_sha256_hex(SLICE("configured"), fixture->configured_hash);
    fixture->configured = (struct auth_key_config){.hash = fixture->configured_hash,
                                                   .tenant_id = "tenant_1",
                                                   .environment_id = "production",
                                                   .name = "first key"};
    fixture->auth = (struct auth_config){
        .keys = &fixture->configured, .key_count = 1, .keys_max = 10000, .cache_max_age_ms = 24 * HOUR_MS};
    (void)snprintf(fixture->state_dir, sizeof(fixture->state_dir), "/tmp/millrace-keys-XXXXXX");
    assert_non_null(mkdtemp(fixture->state_dir));
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    key_store_stop(&fixture->store);
    health_free(&fixture->health);
    loop_free(&fixture->loop);
    free(fixture->postgres.dsn);
    remove_folder(fixture->state_dir);
    pg_cluster_run(fixture->cluster, "DELETE FROM secrets");
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_of_the_configuration_works_before_postgresql_is_reached),
        TEST(a_key_of_the_table_is_bound_to_its_tenant_and_roles),
        TEST(a_new_key_and_a_revoked_one_are_seen_by_notification),
        TEST(an_expired_key_is_refused_and_one_expires_without_a_change_of_the_table),
        TEST(known_keys_work_on_while_postgresql_is_away_and_changes_are_seen_when_it_is_back),
        TEST(a_missing_table_is_named_and_waited_for),
        TEST(without_postgresql_the_configuration_is_all),
        TEST(a_bad_hash_in_the_configuration_is_fatal),
        TEST(thousands_of_keys_are_all_found),
        TEST(keys_read_last_work_after_a_start_without_postgresql),
        TEST(keys_of_postgresql_are_refused_when_it_is_away_for_longer_than_the_setting),
        TEST(keys_on_disk_are_used_only_when_they_are_ours_and_young_enough),
        TEST(after_an_hour_without_postgresql_health_says_so),
        TEST(a_state_dir_that_holds_no_files_is_refused_at_start),
        TEST(keys_that_can_not_be_kept_are_said),
        TEST(of_too_many_keys_the_oldest_are_let_in),
        TEST(when_keys_were_last_used_is_written_once_a_minute_and_read_by_nobody),
        cmocka_unit_test(a_role_has_its_bits_and_a_typo_has_none),
    };

    return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
