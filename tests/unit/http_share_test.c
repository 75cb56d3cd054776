/*
 * http_share_test.c - several servers on one port, and sockets that were made by another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/raw_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#define HELLO "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"

enum { CLIENTS = 32 };

static struct http_server_settings settings_for(const char *listen_on, bool shares_port)
{
    return (struct http_server_settings){
        .listen = listen_on, .shares_port = shares_port, .limits = http_limits_default};
}

static void address_of(const struct raw_world *world, char text[32])
{
    (void)snprintf(text, 32, "127.0.0.1:%u", http_server_port(world->server));
}

/* A second server on the loop and the port of the first. */
static void start_beside(struct raw_world *second, struct raw_world *first)
{
    struct err err;
    char address[32];

    address_of(first, address);
    struct http_server_settings settings = settings_for(address, true);
    *second = (struct raw_world){.loop = first->loop};
    if (!raw_try(second, &settings, &err))
        fail_msg("%s", err.text);
}

static void start_shared(struct raw_world *world)
{
    struct http_server_settings settings = settings_for("127.0.0.1:0", true);

    raw_start_with(world, &settings);
}

static void assert_all_are_answered(struct raw_client *clients)
{
    for (int i = 0; i < CLIENTS; i++) {
        raw_await_answers(&clients[i], 1);
        assert_int_equal(raw_status(&clients[i]), 200);
        raw_close(&clients[i]);
    }
}

static void shares_a_port(void **state)
{
    struct raw_world first, second;
    struct raw_client clients[CLIENTS];

    (void)state;
    start_shared(&first);
    start_beside(&second, &first);
    for (int i = 0; i < CLIENTS; i++) {
        raw_open(&clients[i], &first);
        raw_say(&clients[i], HELLO);
    }
    assert_all_are_answered(clients);
    assert_int_equal(first.handled_count + second.handled_count, CLIENTS);
    assert_true(first.handled_count > 0 && second.handled_count > 0);
    http_server_stop(&second.server);
    raw_stop(&first);
}

static void says_that_a_port_is_taken_unless_both_share_it(void **state)
{
    static const struct {
        bool first_shares, second_shares;
    } rows[] = {{false, false}, {false, true}, {true, false}};
    struct raw_world world, other;
    struct err err;
    char address[32];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_server_settings first = settings_for("127.0.0.1:0", rows[i].first_shares);
        raw_start_with(&world, &first);
        address_of(&world, address);
        struct http_server_settings second = settings_for(address, rows[i].second_shares);
        raw_prepare(&other);
        assert_false(raw_try(&other, &second, &err));
        assert_int_equal(err.kind, ERR_FATAL);
        assert_non_null(strstr(err.text, address));
        assert_non_null(strstr(err.text, "Address already in use"));
        raw_stop(&other);
        raw_stop(&world);
    }
}

static int begin_to_connect(const struct raw_world *world)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(http_server_port(world->server)),
                                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
        assert_int_equal(errno, EINPROGRESS);
    return fd;
}

struct patient {
    struct raw_client client;
    struct loop_io io;
};

static void on_connected(void *owner, int events)
{
    struct patient *patient = owner;
    int error = 0;
    socklen_t length = sizeof(error);

    (void)events;
    loop_io_stop(&patient->io);
    assert_int_equal(getsockopt(patient->client.fd, SOL_SOCKET, SO_ERROR, &error, &length), 0);
    assert_int_equal(error, 0);
    loop_io_set(&patient->client.io, patient->client.fd, LOOP_READABLE);
    raw_say(&patient->client, HELLO);
}

static void connect_patiently(struct patient *patient, struct raw_world *world, int fd)
{
    raw_attach(&patient->client, world, fd);
    loop_io_stop(&patient->client.io);
    loop_io_init(&patient->io, world->loop, on_connected, patient);
    loop_io_set(&patient->io, fd, LOOP_WRITABLE);
}

/* Whoever comes while one server leaves is answered by it or by the other, never reset. */
static void leaves_a_shared_port_without_losing_a_client(void **state)
{
    struct raw_world leaving, staying;
    struct raw_client queued[CLIENTS];
    struct patient late[CLIENTS];

    (void)state;
    start_shared(&leaving);
    start_beside(&staying, &leaving);
    for (int i = 0; i < CLIENTS; i++)
        raw_open(&queued[i], &leaving);
    http_server_drain(leaving.server);
    assert_true(http_server_is_leaving(leaving.server));
    for (int i = 0; i < CLIENTS; i++) {
        connect_patiently(&late[i], &staying, begin_to_connect(&staying));
        raw_say(&queued[i], HELLO);
    }
    assert_all_are_answered(queued);
    assert_true(leaving.handled_count > 0);
    for (int i = 0; i < CLIENTS; i++) {
        late[i].client.world = &leaving; /* whose timer it waits by */
        raw_await_answers(&late[i].client, 1);
        assert_int_equal(raw_status(&late[i].client), 200);
        raw_close(&late[i].client);
    }
    assert_int_equal(leaving.handled_count + staying.handled_count, 2 * CLIENTS);
    assert_false(http_server_is_leaving(leaving.server));
    http_server_stop(&staying.server);
    raw_stop(&leaving);
}

static void serves_kept_connections_once_more_before_it_is_gone(void **state)
{
    struct raw_world world;
    struct raw_client client, idle;

    (void)state;
    start_shared(&world);
    raw_open(&client, &world);
    raw_open(&idle, &world);
    raw_say(&client, HELLO);
    raw_await_answers(&client, 1);
    raw_forget(&client);
    http_server_drain(world.server);
    raw_say(&client, HELLO);
    raw_await_close(&client);
    assert_int_equal(raw_status(&client), 200);
    raw_assert_contains(&client, "Connection: close\r");
    raw_await_close(&idle);
    assert_int_equal(raw_count(&idle, "HTTP"), 0);
    raw_close(&client);
    raw_close(&idle);
    raw_stop(&world);
}

/* ---- inherited sockets ---- */

static int listening_socket(void)
{
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, CLIENTS), 0);
    return fd;
}

static void start_inherited(struct raw_world *world, int fd)
{
    int own = dup(fd);
    struct http_server_settings settings = settings_for("not looked at", false);

    assert_true(own >= 0);
    settings.inherited_fds = &own;
    settings.inherited_count = 1;
    raw_start_with(world, &settings);
}

static void leaves_the_queue_of_an_inherited_socket_to_the_next(void **state)
{
    struct raw_world first, second;
    struct raw_client served, queued;
    int fd = listening_socket();

    (void)state;
    start_inherited(&first, fd);
    raw_open(&served, &first);
    raw_say(&served, HELLO);
    raw_await_answers(&served, 1);
    int late = raw_connect(&first);
    http_server_drain(first.server);
    raw_await_close(&served);
    raw_close(&served);
    raw_stop(&first);

    start_inherited(&second, fd);
    raw_attach(&queued, &second, late);
    raw_say(&queued, HELLO);
    raw_await_answers(&queued, 1);
    assert_int_equal(second.handled_count, 1);
    raw_close(&queued);
    raw_stop(&second);
    (void)close(fd);
}

static void serves_several_inherited_sockets(void **state)
{
    struct raw_world world;
    struct raw_client client;
    int fds[2] = {listening_socket(), listening_socket()};
    struct http_server_settings settings = settings_for("not looked at", false);

    (void)state;
    struct sockaddr_in address;
    socklen_t length = sizeof(address);
    assert_int_equal(getsockname(fds[1], (struct sockaddr *)&address, &length), 0);
    settings.inherited_fds = fds;
    settings.inherited_count = 2;
    raw_start_with(&world, &settings);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, length), 0);
    raw_attach(&client, &world, fd);
    raw_say(&client, HELLO);
    raw_await_answers(&client, 1);
    assert_int_equal(raw_status(&client), 200);
    raw_close(&client);
    raw_stop(&world);
}

static int not_listening(void)
{
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int datagrams(void)
{
    return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static int a_file(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int closed_already(void)
{
    int fd = a_file();

    (void)close(fd);
    return fd;
}

static void refuses_what_is_no_listening_socket(void **state)
{
    static int (*const rows[])(void) = {not_listening, datagrams, a_file, closed_already};
    struct http_server_settings settings = settings_for("not looked at", false);
    struct raw_world world;
    struct err err;

    (void)state;
    raw_prepare(&world);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int fd = rows[i]();
        settings.inherited_fds = &fd;
        settings.inherited_count = 1;
        assert_false(raw_try(&world, &settings, &err));
        assert_int_equal(err.kind, ERR_FATAL);
        assert_non_null(strstr(err.text, "is not a listening stream socket"));
    }
    raw_stop(&world);
}

/* ---- addresses ---- */

static void listens_where_the_network_is_only_when_told(void **state)
{
    static const struct {
        const char *listen;
        bool is_local;
    } rows[] = {
        {"127.0.0.1:0", true}, {"127.8.9.10:0", true},         {"[::1]:0", true},
        {"0.0.0.0:0", false},  {"[::ffff:127.0.0.1]:0", true}, {"[::]:0", false},
    };
    struct raw_world world;
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_server_settings settings = settings_for(rows[i].listen, false);
        print_message("  %s\n", rows[i].listen);
        raw_prepare(&world);
        assert_true(raw_try(&world, &settings, &err));
        http_server_stop(&world.server);
        settings.local_only = "turn the key";
        assert_int_equal(raw_try(&world, &settings, &err), rows[i].is_local);
        if (!rows[i].is_local) {
            assert_int_equal(err.kind, ERR_REJECT);
            assert_non_null(strstr(err.text, "turn the key"));
        }
        raw_stop(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_a_port),
        cmocka_unit_test(says_that_a_port_is_taken_unless_both_share_it),
        cmocka_unit_test(leaves_a_shared_port_without_losing_a_client),
        cmocka_unit_test(serves_kept_connections_once_more_before_it_is_gone),
        cmocka_unit_test(leaves_the_queue_of_an_inherited_socket_to_the_next),
        cmocka_unit_test(serves_several_inherited_sockets),
        cmocka_unit_test(refuses_what_is_no_listening_socket),
        cmocka_unit_test(listens_where_the_network_is_only_when_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
