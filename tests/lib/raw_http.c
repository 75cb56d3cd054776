#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/raw_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 8000, TICK_MS = 2 };

/* ---- the handlers ---- */

static void on_events(void *context, struct http_request *request)
{
    struct raw_world *world = context;

    world->handled_count++;
    http_respond(request, 202, "application/json", http_request_body(request));
}

static void on_hello(void *context, struct http_request *request)
{
    struct raw_world *world = context;
    AUTO_BUF text = {0};

    world->handled_count++;
    buf_printf(&text, "hello %.*s from %s", SLICE_ARG(http_request_query(request)),
               http_request_peer(request));
    http_respond(request, 200, "text/plain", buf_slice(&text));
}

static void on_hold(void *context, struct http_request *request)
{
    struct raw_world *world = context;

    world->handled_count++;
    assert_true(world->held_count < RAW_HELD_MAX);
    world->held[world->held_count++] = request;
}

static void on_big(void *context, struct http_request *request)
{
    struct raw_world *world = context;
    AUTO_BUF body = {0};

    world->handled_count++;
    memset(buf_reserve(&body, RAW_BIG_BYTES), 'x', RAW_BIG_BYTES);
    body.length = RAW_BIG_BYTES;
    http_respond(request, 200, "text/plain", buf_slice(&body));
}

static void on_nothing(void *context, struct http_request *request)
{
    (void)context;
    http_answer_header(request, "X-Kind", "empty");
    http_respond(request, 204, NULL, slice_of(NULL, 0));
}

static void on_topic(void *context, struct http_request *request)
{
    struct raw_world *world = context;
    AUTO_BUF text = {0};

    world->handled_count++;
    buf_printf(&text, "topic %.*s type %u", SLICE_ARG(http_request_segment(request)),
               http_request_media_type(request));
    http_respond(request, 202, "text/plain", buf_slice(&text));
}

static const char *const json_only[] = {"application/json", NULL};
static const char *const binary[] = {"application/octet-stream", NULL};
static const char *const json_or_cloud[] = {"application/json", "application/cloudevents+json", NULL};

static void on_debtor(void *context, struct http_request *request)
{
    static const struct http_error error = {.code = HTTP_ERROR_TOO_MANY_REQUESTS,
                                            .message = "you owe",
                                            .detail_field = "debt",
                                            .detail_text = "is yours"};

    assert_non_null(context);
    if (http_request_header(request, "x-debtor", NULL).data != NULL)
        http_request_decline(request, &error);
}

static const struct http_route routes[] = {
    {HTTP_POST, "/v1/events", on_events, json_only, on_debtor},
    {HTTP_POST, "/raw", on_events, binary, NULL},
    {HTTP_GET, "/hello", on_hello, NULL, NULL},
    {HTTP_GET, "/hold", on_hold, NULL, NULL},
    {HTTP_POST, "/hold", on_hold, binary, NULL},
    {HTTP_GET, "/big", on_big, NULL, NULL},
    {HTTP_DELETE, "/nothing", on_nothing, NULL, NULL},
    {HTTP_POST, "/topics/{topic}/events", on_topic, json_or_cloud, NULL},
    {HTTP_GET, "/topics/{topic}", on_hello, NULL, NULL},
    {.path = NULL},
};

static void on_head(void *owner, struct http_request *request)
{
    static const struct http_error error = {.code = HTTP_ERROR_UNAUTHENTICATED,
                                            .message = "nobody knows you"};

    (void)owner;
    if (http_request_header(request, "x-stranger", NULL).data != NULL)
        http_request_decline(request, &error);
}

static void on_answered(void *owner, const struct http_request *request, int status, const char *refusal)
{
    struct raw_world *world = owner;

    assert_true(http_request_peer(request)[0] != '\0');
    world->answered_count++;
    if (refusal == NULL)
        return;
    assert_true(refusal[0] != '\0');
    world->refused_count++;
    world->refused_status = status;
}

/* ---- waiting ---- */

static void look(struct raw_world *world)
{
    if (world->is_met != NULL && world->is_met(world->argument))
        loop_stop(world->loop);
}

static void on_tick(void *owner)
{
    struct raw_world *world = owner;

    if (world->ticks_left-- == 0)
        loop_stop(world->loop);
    look(world);
}

/* Runs the loop until the condition is met. */
void raw_await(struct raw_world *world, bool (*is_met)(void *argument), void *argument)
{
    world->is_met = is_met;
    world->argument = argument;
    world->ticks_left = PATIENCE_MS / TICK_MS;
    loop_timer_start_every(&world->tick, TICK_MS);
    if (!is_met(argument))
        loop_run(world->loop);
    loop_timer_stop(&world->tick);
    world->is_met = NULL;
    assert_true(is_met(argument));
}

static void on_turn(void *owner)
{
    struct raw_world *world = owner;

    if (world->turns_left-- > 0)
        loop_turn_ask(&world->turn);
    else
        loop_stop(world->loop);
}

/* Lets the loop handle what is ready, `count` times. */
void raw_run_turns(struct raw_world *world, int count)
{
    world->turns_left = count;
    loop_turn_ask(&world->turn);
    loop_run(world->loop);
}

/* ---- set-up ---- */

void raw_prepare(struct raw_world *world)
{
    *world = (struct raw_world){.loop = loop_new()};
    loop_timer_init(&world->tick, world->loop, on_tick, world);
    loop_turn_init(&world->turn, world->loop, on_turn, world);
}

bool raw_try(struct raw_world *world, const struct http_server_settings *settings, struct err *err)
{
    struct http_server_settings whole = *settings;

    whole.routes = routes;
    whole.context = whole.owner = world;
    whole.on_head = on_head;
    whole.on_answered = on_answered;
    return http_server_start(world->loop, &whole, &world->server, err);
}

void raw_start_with(struct raw_world *world, const struct http_server_settings *settings)
{
    struct err err;

    raw_prepare(world);
    if (!raw_try(world, settings, &err))
        fail_msg("%s", err.text);
}

void raw_start(struct raw_world *world, const char *listen_on, const struct http_limits *limits)
{
    raw_start_with(world, &(struct http_server_settings){.listen = listen_on, .limits = *limits});
}

void raw_stop(struct raw_world *world)
{
    http_server_stop(&world->server);
    loop_timer_stop(&world->tick);
    loop_turn_done(&world->turn);
    loop_free(&world->loop);
}

static void on_client_ready(void *owner, int events)
{
    struct raw_client *client = owner;
    ssize_t count = recv(client->fd, buf_reserve(&client->received, 65536), 65536, MSG_DONTWAIT);

    (void)events;
    if (count > 0) {
        client->received.length += (size_t)count;
    } else if (count == 0 || errno != EAGAIN) {
        client->is_closed = true;
        loop_io_stop(&client->io);
    }
    look(client->world);
}

void raw_attach(struct raw_client *client, struct raw_world *world, int fd)
{
    *client = (struct raw_client){.world = world, .fd = fd};
    loop_io_init(&client->io, world->loop, on_client_ready, client);
    loop_io_set(&client->io, fd, LOOP_READABLE);
}

int raw_connect(struct raw_world *world)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(http_server_port(world->server)),
                                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

void raw_open(struct raw_client *client, struct raw_world *world)
{
    raw_attach(client, world, raw_connect(world));
}

void raw_close(struct raw_client *client)
{
    loop_io_stop(&client->io);
    (void)close(client->fd);
    buf_done(&client->received);
}

/* Blocks when the server does not read: only for what fits into the socket. */
void raw_send(struct raw_client *client, struct slice bytes)
{
    (void)send(client->fd, bytes.data, bytes.length, MSG_NOSIGNAL);
}

void raw_say(struct raw_client *client, const char *text)
{
    raw_send(client, slice_from(text));
}

size_t raw_count(struct raw_client *client, const char *text)
{
    const char *at = buf_text(&client->received);
    size_t count = 0;

    for (; (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

static bool raw_is_closed(void *argument)
{
    return ((struct raw_client *)argument)->is_closed;
}

/* As many whole answers with a body at the end as wanted; our bodies hold no "HTTP/1.1 ". */
static bool raw_has_answers(void *argument)
{
    struct raw_client *client = argument;
    const char *text = buf_text(&client->received);
    const char *end = text + client->received.length;
    size_t count = 0;

    while (text < end) {
        const char *blank = memmem(text, (size_t)(end - text), "\r\n\r\n", 4);
        const char *length = memmem(text, (size_t)(end - text), "Content-Length: ", 16);
        if (blank == NULL)
            break;
        text = blank + 4 + (length != NULL && length < blank ? strtoul(length + 16, NULL, 10) : 0);
        count += text <= end ? 1 : 0;
    }
    return count >= client->wanted;
}

void raw_await_answers(struct raw_client *client, size_t wanted)
{
    client->wanted = wanted;
    raw_await(client->world, raw_has_answers, client);
}

void raw_await_close(struct raw_client *client)
{
    raw_await(client->world, raw_is_closed, client);
}

int raw_status(struct raw_client *client)
{
    const char *text = buf_text(&client->received);

    return strncmp(text, "HTTP/1.1 ", 9) == 0 ? (int)strtol(text + 9, NULL, 10) : 0;
}

void raw_forget(struct raw_client *client)
{
    buf_clear(&client->received);
}

void raw_assert_contains(struct raw_client *client, const char *text)
{
    if (strstr(buf_text(&client->received), text) == NULL)
        fail_msg("no \"%s\" in: %s", text, buf_text(&client->received));
}

bool raw_has_handled(void *argument)
{
    return ((struct raw_world *)argument)->handled_count >= 1;
}

bool raw_holds(void *argument)
{
    return ((struct raw_world *)argument)->held_count >= 1;
}

bool raw_has_no_connections(void *argument)
{
    return http_server_open_connections(((struct raw_world *)argument)->server) == 0;
}

void raw_repeat(struct buf *out, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_append_text(out, text);
}
