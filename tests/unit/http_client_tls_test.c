/*
 * http_client_tls_test.c - calls over https: only to whom the authority has named so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/alloc.h"
#include "common/io/http_client.h"
#include "common/io/tls_context.h"
#include "tests/lib/certificates.h"
#include "tests/lib/loop_until.h"
#include "tests/lib/raw_http.h"

#include <signal.h>

enum { DAY_S = 86400 };

struct asking {
    bool is_answered;
    bool has_answer;
    int status;
    struct err err;
};

static void on_answer(void *owner, const struct http_answer *answer)
{
    struct asking *asking = owner;

    *asking = (struct asking){true, answer->has_answer, answer->status, answer->err};
}

static void ask(struct raw_world *world, const char *ca_file, struct asking *out)
{
    AUTO_STRING url = xasprintf("https://127.0.0.1:%u/hello", http_server_port(world->server));
    struct http_client *client = http_client_new(
        world->loop,
        &(struct http_client_settings){.connect_timeout_ms = 5000, .connections = 1, .ca_file = ca_file});

    *out = (struct asking){.is_answered = false};
    (void)http_client_call(client, &(struct http_call_settings){.method = "GET",
                                                                .url = url,
                                                                .timeout_ms = 10000,
                                                                .answer_max_bytes = 1000,
                                                                .on_answer = on_answer,
                                                                .owner = out});
    loop_until_true(world->loop, &out->is_answered, "the call has an end");
    http_client_free(&client);
}

static void calls_only_whom_the_authority_has_named_so(void **state)
{
    static const struct {
        const char *name;
        int64_t valid_s;
        bool is_trusted;
        const char *reason; /* NULL: it is good */
    } rows[] = {
        {"127.0.0.1", DAY_S, true, NULL},
        {"127.0.0.1", DAY_S, false, "self-signed certificate"},
        {"elsewhere.example", DAY_S, true, "127.0.0.1"},
        {"127.0.0.1", -60, true, "certificate has expired"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct certificates certificates;
        struct raw_world world;
        struct asking asking;
        struct err err;
        certificates_begin(&certificates);
        certificates_write(&certificates, rows[i].name, rows[i].valid_s, NULL);
        struct tls_context *tls = tls_context_new(
            &(struct tls_context_settings){certificates.certificate, certificates.key, TLS_VERSION_1_2},
            &err);
        assert_non_null(tls);
        raw_start_with(&world, &(struct http_server_settings){
                                   .listen = "127.0.0.1:0", .tls = tls, .limits = http_limits_default});
        ask(&world, rows[i].is_trusted ? certificates.certificate : "", &asking);
        assert_int_equal(asking.has_answer, rows[i].reason == NULL);
        if (rows[i].reason == NULL)
            assert_int_equal(asking.status, 200);
        else if (asking.err.kind != ERR_RETRY || strstr(asking.err.text, "SSL") == NULL ||
                 strstr(asking.err.text, rows[i].reason) == NULL)
            fail_msg("row %zu: %s", i, asking.err.text);
        assert_int_equal(world.handled_count, rows[i].reason == NULL ? 1 : 0);
        raw_stop(&world);
        tls_context_free(&tls);
        certificates_end(&certificates);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_only_whom_the_authority_has_named_so),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
