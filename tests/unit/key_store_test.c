/* Keys of the configuration and of a real PostgreSQL with the schema that `millrace schema apply` makes. */
#include "common/base/alloc.h"
#include "common/codec/digest.h"
#include "common/io/loop.h"
#include "common/service/health.h"
#include "common/service/key_store.h"
#include "ctl/schema_files.h"
#include "tests/lib/loop_until.h"
#include "tests/lib/pg_cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PATIENCE_MS = 20000 };

struct fixture {
    struct pg_cluster *cluster;
    struct loop *loop;
    struct health *health;
    struct key_store *store;
    struct postgres_config postgres;
    struct auth_config auth;
    struct auth_key_config configured;
    char configured_hash[DIGEST_SHA256_HEX_BYTES];
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

static void start(struct fixture *fixture)
{
    struct err err;

    assert_true(key_store_start(fixture->loop, &fixture->postgres, &fixture->auth, fixture->health,
                                &fixture->store, &err));
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
    pg_cluster_run(fixture->cluster, schema_files_postgres[0].sql);
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
        assert_false(key_store_start(fixture->loop, &fixture->postgres, &fixture->auth, fixture->health,
                                     &fixture->store, &err));
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

static int set_up_group(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));

    fixture->cluster = pg_cluster_new();
    pg_cluster_run(fixture->cluster, schema_files_postgres[0].sql);
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
    fixture->auth = (struct auth_config){.keys = &fixture->configured, .key_count = 1};
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    key_store_stop(&fixture->store);
    health_free(&fixture->health);
    loop_free(&fixture->loop);
    free(fixture->postgres.dsn);
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
        cmocka_unit_test(a_role_has_its_bits_and_a_typo_has_none),
    };

    return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
