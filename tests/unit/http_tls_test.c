/*
 * http_tls_test.c - clients that speak TLS, in order and out of order, against a real server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/io/http_transport.h"
#include "common/io/tls_context.h"
#include "tests/lib/certificates.h"
#include "tests/lib/loop_until.h"
#include "tests/lib/raw_http.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <stdlib.h>
#include <unistd.h>

#define HELLO "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
#define HOLD "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"

enum { DAY_S = 86400, ROOM_BYTES = 2 << 20 };

/* ---- the server ---- */

struct world {
    struct raw_world raw;
    struct certificates certificates;
    struct tls_context *tls;
};

static int64_t now_s(void)
{
    return clock_wall_us() / 1000000;
}

static void start_with(struct world *world, enum tls_version minimum, const struct http_limits *limits)
{
    struct err err;

    certificates_begin(&world->certificates);
    certificates_write(&world->certificates, "first", DAY_S, NULL);
    world->tls = tls_context_new(
        &(struct tls_context_settings){world->certificates.certificate, world->certificates.key, minimum},
        &err);
    if (world->tls == NULL)
        fail_msg("%s", err.text);
    raw_start_with(&world->raw, &(struct http_server_settings){
                                    .listen = "127.0.0.1:0", .tls = world->tls, .limits = *limits});
}

static void start(struct world *world)
{
    start_with(world, TLS_VERSION_1_2, &http_limits_default);
}

static void stop(struct world *world)
{
    raw_stop(&world->raw);
    tls_context_free(&world->tls);
    certificates_end(&world->certificates);
}

/* ---- a client: a blocking one, on a thread of its own while the loop runs ---- */

struct client {
    int fd;
    SSL_CTX *context;
    SSL *ssl;
    void (*script)(struct client *client);
    _Atomic bool is_done;
    pthread_t thread;
    int version;      /* the only one that it speaks; 0: any */
    const char *alpn; /* as the wire has it; NULL: none */
    int handshake;    /* what SSL_connect gave */
    char name[32];    /* of the certificate seen */
    char *received;   /* text */
    size_t length;
    int end; /* SSL_get_error of the last read */
};

static void client_connect(struct client *client)
{
    client->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(client->context, 0); /* or it would not offer TLS 1.1 */
    if (client->version != 0) {
        assert_int_equal(SSL_CTX_set_min_proto_version(client->context, client->version), 1);
        assert_int_equal(SSL_CTX_set_max_proto_version(client->context, client->version), 1);
    }
    client->ssl = SSL_new(client->context);
    if (client->alpn != NULL)
        assert_int_equal(SSL_set_alpn_protos(client->ssl, (const unsigned char *)client->alpn,
                                             (unsigned)strlen(client->alpn)),
                         0);
    assert_int_equal(SSL_set_fd(client->ssl, client->fd), 1);
    client->handshake = SSL_connect(client->ssl);
    if (client->handshake != 1)
        return;
    X509 *certificate = SSL_get1_peer_certificate(client->ssl);
    (void)X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, client->name,
                                    sizeof(client->name));
    X509_free(certificate);
}

static void client_say(struct client *client, const char *text)
{
    assert_int_equal(SSL_write(client->ssl, text, (int)strlen(text)), (int)strlen(text));
}

/* Until the text holds `last`, or the server ends. */
static void client_read_until(struct client *client, const char *last)
{
    for (;;) {
        int count =
            SSL_read(client->ssl, client->received + client->length, (int)(ROOM_BYTES - client->length - 1));
        if (count <= 0) {
            client->end = SSL_get_error(client->ssl, count);
            return;
        }
        client->length += (size_t)count;
        if (last != NULL && strstr(client->received, last) != NULL)
            return;
    }
}

static void *run_script(void *argument)
{
    struct client *client = argument;

    client->script(client);
    client->is_done = true;
    return NULL;
}

static bool is_done(void *argument)
{
    return ((struct client *)argument)->is_done;
}

static void begin(struct client *client, struct world *world, void (*script)(struct client *client))
{
    client->fd = raw_connect(&world->raw);
    client->script = script;
    client->received = xcalloc(1, ROOM_BYTES);
    assert_int_equal(pthread_create(&client->thread, NULL, run_script, client), 0);
}

static void finish(struct client *client, struct world *world)
{
    loop_until(world->raw.loop, is_done, client, 10000, "the client is done");
    assert_int_equal(pthread_join(client->thread, NULL), 0);
}

static void client_free(struct client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    (void)close(client->fd);
    free(client->received);
}

static void run(struct client *client, struct world *world, void (*script)(struct client *client))
{
    begin(client, world, script);
    finish(client, world);
}

static void say_hello(struct client *client)
{
    client_connect(client);
    if (client->handshake != 1)
        return;
    client_say(client, HELLO);
    client_read_until(client, "hello ");
}

/* ---- handshakes ---- */

static void takes_the_versions_from_the_least_one_on(void **state)
{
    static const struct {
        enum tls_version minimum;
        int version;
        bool is_good;
    } rows[] = {
        {TLS_VERSION_1_2, TLS1_1_VERSION, false}, {TLS_VERSION_1_2, TLS1_2_VERSION, true},
        {TLS_VERSION_1_2, TLS1_3_VERSION, true},  {TLS_VERSION_1_3, TLS1_2_VERSION, false},
        {TLS_VERSION_1_3, TLS1_3_VERSION, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world world;
        struct client client = {.version = rows[i].version};
        start_with(&world, rows[i].minimum, &http_limits_default);
        run(&client, &world, say_hello);
        assert_int_equal(client.handshake == 1, rows[i].is_good);
        assert_int_equal(strstr(client.received, "HTTP/1.1 200 OK") != NULL, rows[i].is_good);
        assert_int_equal(world.raw.handled_count, rows[i].is_good ? 1 : 0);
        client_free(&client);
        stop(&world);
    }
}

static void agrees_on_http_1_1_or_on_nothing(void **state)
{
    static const struct {
        const char *offered, *chosen;
        bool is_good;
    } rows[] = {
        {NULL, "", true},
        {"\x02h2\x08http/1.1", "http/1.1", true},
        {"\x02h2", "", false},
    };
    struct world world;

    (void)state;
    start(&world);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct client client = {.alpn = rows[i].offered};
        const unsigned char *chosen;
        unsigned length;
        run(&client, &world, say_hello);
        assert_int_equal(client.handshake == 1, rows[i].is_good);
        SSL_get0_alpn_selected(client.ssl, &chosen, &length);
        assert_int_equal(length, strlen(rows[i].chosen));
        assert_true(length == 0 || memcmp(chosen, rows[i].chosen, length) == 0);
        client_free(&client);
    }
    stop(&world);
}

static void renegotiate(struct client *client)
{
    client_connect(client);
    assert_int_equal(client->handshake, 1);
    assert_int_equal(SSL_renegotiate(client->ssl), 1);
    client->handshake = SSL_do_handshake(client->ssl);
    client_read_until(client, NULL);
}

static void does_not_renegotiate(void **state)
{
    struct world world;
    struct client client = {.version = TLS1_2_VERSION};

    (void)state;
    start(&world);
    run(&client, &world, renegotiate);
    assert_true(client.handshake <= 0);
    assert_int_equal(client.length, 0);
    client_free(&client);
    stop(&world);
}

static void gives_nothing_to_resume_a_session_with(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct world world;

    (void)state;
    start(&world);
    for (size_t i = 0; i < 2; i++) {
        struct client client = {.version = versions[i]};
        run(&client, &world, say_hello);
        const SSL_SESSION *session = SSL_get_session(client.ssl);
        unsigned id_length;
        (void)SSL_SESSION_get_id(session, &id_length);
        assert_int_equal(SSL_SESSION_has_ticket(session), 0);
        assert_true(versions[i] == TLS1_3_VERSION || id_length == 0);
        client_free(&client);
    }
    stop(&world);
}

static void closes_who_is_slow_to_shake_hands(void **state)
{
    static const struct slice rows[] = {
        {"", 0}, {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11}, {"\x16", 1}};
    struct http_limits limits = http_limits_default;
    struct world world;

    (void)state;
    limits.header_timeout_ms = 100;
    start_with(&world, TLS_VERSION_1_2, &limits);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct raw_client client;
        raw_open(&client, &world.raw);
        raw_send(&client, rows[i]);
        raw_await_close(&client);
        assert_int_equal(client.received.length, 0);
        raw_close(&client);
    }
    stop(&world);
}

static void closes_who_speaks_neither(void **state)
{
    struct world world;
    struct raw_client client;

    (void)state;
    start(&world);
    raw_open(&client, &world.raw);
    raw_say(&client, "\x01\x02\x03\x04\x05\x06\x07\x08\x09");
    raw_await_close(&client);
    assert_int_equal(raw_status(&client), 0);
    raw_close(&client);
    raw_await(&world.raw, raw_has_no_connections, &world.raw);
    stop(&world);
}

static void tells_who_speaks_plain_http_to_use_https(void **state)
{
    static const char *const rows[] = {
        HELLO, "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345"};
    struct world world;

    (void)state;
    start(&world);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct raw_client client;
        raw_open(&client, &world.raw);
        raw_say(&client, rows[i]);
        raw_await_close(&client);
        assert_int_equal(raw_status(&client), 400);
        raw_assert_contains(&client, "this port speaks TLS: use https");
        raw_close(&client);
    }
    assert_int_equal(world.raw.handled_count, 0);
    stop(&world);
}

static bool all_are_done(void *argument)
{
    struct client *clients = argument;

    for (int i = 0; i < 64; i++)
        if (!clients[i].is_done)
            return false;
    return true;
}

/* More than fit into one turn of the loop. */
static void shakes_hands_with_many_at_once(void **state)
{
    struct world world;
    struct client clients[64] = {{.fd = 0}};

    (void)state;
    start(&world);
    for (int i = 0; i < 64; i++)
        begin(&clients[i], &world, say_hello);
    loop_until(world.raw.loop, all_are_done, clients, 10000, "all are answered");
    for (int i = 0; i < 64; i++) {
        finish(&clients[i], &world);
        assert_non_null(strstr(clients[i].received, "HTTP/1.1 200 OK"));
        client_free(&clients[i]);
    }
    stop(&world);
}

/* ---- what travels ---- */

static void ask_for_much(struct client *client)
{
    client_connect(client);
    client_say(client, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n" HELLO HELLO
                       "GET /hello?last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    client_read_until(client, NULL);
}

static void answers_in_order_whatever_their_size_and_says_goodbye(void **state)
{
    struct world world;
    struct client client = {.fd = 0};

    (void)state;
    start(&world);
    run(&client, &world, ask_for_much);
    assert_true(client.length > RAW_BIG_BYTES);
    assert_non_null(strstr(client.received + RAW_BIG_BYTES, "hello last"));
    assert_int_equal(client.end, SSL_ERROR_ZERO_RETURN); /* close_notify: nothing was cut off */
    client_free(&client);
    stop(&world);
}

static void send_much(struct client *client)
{
    AUTO_BUF body = {0};

    client_connect(client);
    buf_append_text(&body, "POST /raw HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
                           "Content-Length: 1000000\r\n\r\n");
    raw_repeat(&body, "0123456789", 100000);
    assert_int_equal(SSL_write(client->ssl, body.data, (int)body.length), (int)body.length);
    client_read_until(client, "\r\n\r\n");
}

static void takes_a_large_body(void **state)
{
    struct world world;
    struct client client = {.fd = 0};

    (void)state;
    start(&world);
    run(&client, &world, send_much);
    assert_non_null(strstr(client.received, "HTTP/1.1 202"));
    client_free(&client);
    stop(&world);
}

static void ask_and_end_the_own_side(struct client *client)
{
    client_connect(client);
    client_say(client, HOLD);
    assert_int_equal(SSL_shutdown(client->ssl), 0);
    client_read_until(client, "late");
}

static void answers_who_has_ended_only_its_own_side(void **state)
{
    struct world world;
    struct client client = {.fd = 0};

    (void)state;
    start(&world);
    begin(&client, &world, ask_and_end_the_own_side);
    raw_await(&world.raw, raw_holds, &world.raw);
    raw_run_turns(&world.raw, 5);
    http_respond(world.raw.held[0], 200, "text/plain", SLICE("late"));
    finish(&client, &world);
    assert_non_null(strstr(client.received, "late"));
    client_free(&client);
    stop(&world);
}

static void ask_and_be_cut_off(struct client *client)
{
    client_connect(client);
    client_say(client, HOLD);
    assert_int_equal(shutdown(client->fd, SHUT_WR), 0); /* no close_notify */
}

static void takes_a_stream_that_just_stops_for_broken(void **state)
{
    struct world world;
    struct client client = {.fd = 0};

    (void)state;
    start(&world);
    run(&client, &world, ask_and_be_cut_off);
    raw_await(&world.raw, raw_holds, &world.raw);
    raw_await(&world.raw, raw_has_no_connections, &world.raw);
    http_respond(world.raw.held[0], 200, "text/plain", SLICE("into the void"));
    client_free(&client);
    stop(&world);
}

/* ---- certificates ---- */

static void shows_new_clients_the_new_certificate(void **state)
{
    struct world world;
    struct client before = {.fd = 0}, after = {.fd = 0};
    struct err err;

    (void)state;
    start(&world);
    run(&before, &world, say_hello);
    assert_string_equal(before.name, "first");
    certificates_write(&world.certificates, "second", 2 * DAY_S, NULL);
    assert_true(tls_context_reload(world.tls, now_s(), &err));
    assert_true(tls_context_expires_s(world.tls) > now_s() + DAY_S + 1000);
    run(&after, &world, say_hello);
    assert_string_equal(after.name, "second");
    /* Who was connected stays so. */
    assert_int_equal(SSL_write(before.ssl, HELLO, (int)strlen(HELLO)), (int)strlen(HELLO));
    world.raw.handled_count = 0;
    raw_await(&world.raw, raw_has_handled, &world.raw);
    client_free(&before);
    client_free(&after);
    stop(&world);
}

static void remove_key(const struct certificates *certificates)
{
    assert_int_equal(unlink(certificates->key), 0);
}

static void break_certificate(const struct certificates *certificates)
{
    assert_int_equal(truncate(certificates->certificate, 100), 0);
}

static void take_another_key(const struct certificates *certificates)
{
    struct certificates other = *certificates;
    char unused[CERTIFICATES_PATH_BYTES];

    (void)snprintf(unused, sizeof(unused), "%s/unused", certificates->folder);
    memcpy(other.certificate, unused, sizeof(unused));
    certificates_write(&other, "other", DAY_S, NULL);
    assert_int_equal(unlink(unused), 0);
}

static void expire(const struct certificates *certificates)
{
    certificates_write(certificates, "old", -60, NULL);
}

static void lock_key(const struct certificates *certificates)
{
    certificates_write(certificates, "locked", DAY_S, "open sesame");
}

static void keeps_the_certificate_when_the_new_one_is_bad(void **state)
{
    static const struct {
        void (*spoil)(const struct certificates *certificates);
        const char *file, *reason;
    } rows[] = {
        {remove_key, "/key: ", "No such file or directory"},
        {break_certificate, "/certificate: ", "bad end line"},
        {take_another_key, "/key: ", "key values mismatch"},
        {expire, "/certificate: ", "expired"},
        {lock_key, "/key: ", "without a passphrase"},
    };
    struct world world;
    struct err err;

    (void)state;
    start(&world);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct client client = {.fd = 0};
        certificates_write(&world.certificates, "next", DAY_S, NULL);
        rows[i].spoil(&world.certificates);
        assert_false(tls_context_reload(world.tls, now_s(), &err));
        assert_int_equal(err.kind, ERR_REJECT);
        if (strstr(err.text, rows[i].reason) == NULL || strstr(err.text, rows[i].file) == NULL)
            fail_msg("row %zu: %s", i, err.text);
        run(&client, &world, say_hello);
        assert_string_equal(client.name, "first");
        client_free(&client);
    }
    stop(&world);
}

/* ---- a client in the same thread, without a server ---- */

struct pair {
    SSL_CTX *context;
    SSL *client;
    struct http_transport server;
};

static void pair_shake_hands(struct pair *pair, struct world *world)
{
    char buffer[HTTP_TRANSPORT_READ_MIN_BYTES];
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    pair->context = SSL_CTX_new(TLS_client_method());
    pair->client = SSL_new(pair->context);
    assert_int_equal(SSL_set_fd(pair->client, fds[0]), 1);
    http_transport_open(&pair->server, fds[1], world->tls);
    while (SSL_connect(pair->client) != 1 || !http_transport_is_ready(&pair->server))
        assert_int_equal(http_transport_read(&pair->server, buffer, sizeof(buffer)), -1);
}

static void pair_free(struct pair *pair)
{
    int fd = SSL_get_fd(pair->client);

    http_transport_close(&pair->server);
    SSL_free(pair->client);
    SSL_CTX_free(pair->context);
    (void)close(fd);
}

/* A client that sends nothing but new keys, as fast as we derive them, must not keep the loop for itself. */
static void one_read_takes_one_change_of_keys_at_most(void **state)
{
    enum { CHANGES = 50 };
    char buffer[HTTP_TRANSPORT_READ_MIN_BYTES];
    struct world world;
    struct pair pair;
    int reads = 0;

    (void)state;
    start(&world);
    pair_shake_hands(&pair, &world);
    for (int i = 0; i < CHANGES; i++) {
        assert_int_equal(SSL_key_update(pair.client, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(pair.client), 1);
    }
    assert_int_equal(SSL_write(pair.client, "hello", 5), 5);
    while (http_transport_read(&pair.server, buffer, sizeof(buffer)) != 5) {
        assert_int_equal(errno, EAGAIN);
        reads++;
    }
    assert_memory_equal(buffer, "hello", 5);
    assert_int_equal(reads, CHANGES);
    pair_free(&pair);
    stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_versions_from_the_least_one_on),
        cmocka_unit_test(agrees_on_http_1_1_or_on_nothing),
        cmocka_unit_test(does_not_renegotiate),
        cmocka_unit_test(gives_nothing_to_resume_a_session_with),
        cmocka_unit_test(closes_who_is_slow_to_shake_hands),
        cmocka_unit_test(closes_who_speaks_neither),
        cmocka_unit_test(tells_who_speaks_plain_http_to_use_https),
        cmocka_unit_test(shakes_hands_with_many_at_once),
        cmocka_unit_test(answers_in_order_whatever_their_size_and_says_goodbye),
        cmocka_unit_test(takes_a_large_body),
        cmocka_unit_test(answers_who_has_ended_only_its_own_side),
        cmocka_unit_test(takes_a_stream_that_just_stops_for_broken),
        cmocka_unit_test(shows_new_clients_the_new_certificate),
        cmocka_unit_test(keeps_the_certificate_when_the_new_one_is_bad),
        cmocka_unit_test(one_read_takes_one_change_of_keys_at_most),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
