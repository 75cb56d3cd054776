#include "common/io/http_server.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/io/http_address.h"
#include "common/io/http_check.h"
#include "common/io/http_listener.h"
#include "common/io/http_peers.h"
#include "common/io/http_pool.h"

#include <stdlib.h>
#include <unistd.h>

/* What stands for a {name} in a path. As long as Kafka's names of topics may be. */
enum { SEGMENT_MAX_BYTES = 249 };

/* So many connections of an address that has too many are answered 429; further ones are just closed. */
enum { TURNED_AWAY_MAX = 64 };

/* Longer than most handshakes, and short for those whom it makes wait: see http_listener_leave. */
enum { LEAVE_MS = 250 };

struct http_server {
    struct http_pool pool;
    struct http_listener listeners[HTTP_SERVER_SOCKETS_MAX];
    uint32_t listener_count;
    struct loop_timer leave; /* from the beginning of the drain until nothing more is served */
    bool has_others;         /* other processes listen too */
    struct http_peers peers;
    struct route_table {
        const struct http_route *routes; /* NULL: none */
        void *context;
    } tables[2];
    struct http_limits limits;
    http_on_head *on_head;
    http_on_answered *on_answered;
    void *owner; /* of these two */
};

/* ---- routes ---- */

static const char *method_name(enum http_method method)
{
    static const char *const names[] = {
        [HTTP_GET] = "GET",     [HTTP_HEAD] = "HEAD",     [HTTP_POST] = "POST",       [HTTP_PUT] = "PUT",
        [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS",
    };

    return names[method];
}

static bool route_takes(const struct http_route *route, enum http_method method)
{
    return route->method == method || (route->method == HTTP_GET && method == HTTP_HEAD);
}

static bool is_segment(struct slice text)
{
    return http_check_name(text, SEGMENT_MAX_BYTES) && !slice_equals(text, SLICE(".")) &&
           !slice_equals(text, SLICE(".."));
}

static bool path_fits(const char *pattern, struct slice path, struct slice *out_segment)
{
    const char *open = strchr(pattern, '{');

    if (open == NULL)
        return slice_equals_text(path, pattern);
    struct slice before = slice_of(pattern, (size_t)(open - pattern));
    struct slice after = slice_from(strchr(open, '}') + 1);
    if (path.length < before.length + after.length || !slice_starts_with(path, before))
        return false;
    size_t length = path.length - before.length - after.length;
    struct slice segment = slice_of(path.data + before.length, length);
    if (!slice_equals(slice_from_index(path, before.length + length), after) || !is_segment(segment))
        return false;
    *out_segment = segment;
    return true;
}

/* Gives the route, its context in the request; NULL when there is none, with the methods that the path does
 * have in `allow`. */
static const struct http_route *find_in(const struct route_table *table, struct http_request *request,
                                        struct buf *allow)
{
    struct slice path = http_request_path(request);

    for (const struct http_route *route = table->routes; route != NULL && route->path != NULL; route++) {
        struct slice segment = {NULL, 0};
        if (!path_fits(route->path, path, &segment))
            continue;
        if (route_takes(route, request->method)) {
            request->segment = segment;
            request->context = table->context;
            return route;
        }
        buf_printf(allow, "%s%s", allow->length > 0 ? ", " : "", method_name(route->method));
        if (route->method == HTTP_GET)
            buf_append_text(allow, ", HEAD");
    }
    return NULL;
}

static const struct http_route *find_route(const struct http_server *server, struct http_request *request,
                                           struct buf *allow)
{
    const struct http_route *route = find_in(&server->tables[0], request, allow);

    return route != NULL ? route : find_in(&server->tables[1], request, allow);
}

static void ask_about_head(const struct http_server *server, const struct http_route *route,
                           struct http_request *request)
{
    if (server->on_head != NULL)
        server->on_head(server->owner, request);
    if (route->on_head != NULL && !request->message.refusal.is_set)
        route->on_head(request->context, request);
}

static void check_route(const struct http_server *server, struct http_request *request)
{
    struct http_message *message = &request->message;
    AUTO_BUF allow = {0};
    const struct http_route *route = find_route(server, request, &allow);

    if (route == NULL && allow.length == 0) {
        (void)http_message_decline(message, HTTP_ERROR_NOT_FOUND, "there is nothing at this path");
        return;
    }
    if (route == NULL) {
        (void)http_message_decline(message, HTTP_ERROR_METHOD_NOT_ALLOWED, "this path takes %s",
                                   buf_text(&allow));
        http_answer_header(request, "Allow", buf_text(&allow));
        return;
    }
    request->handler = route->handler;
    if (route->media_types == NULL)
        message->discards_body = true;
    else if (http_check_media_type(message, route->media_types, &request->media_type) &&
             http_message_has_body(message))
        ask_about_head(server, route, request);
}

static void check(void *owner, struct http_request *request)
{
    const struct http_server *server = owner;

    if (server->pool.is_draining)
        (void)http_message_refuse(&request->message, HTTP_ERROR_SERVICE_UNAVAILABLE,
                                  "this server is stopping; send it again");
    else if (!request->message.refusal.is_set)
        check_route(server, request);
}

static void handle(void *owner, struct http_request *request)
{
    (void)owner;
    request->handler(request->context, request);
}

static void on_answered(void *owner, const struct http_request *request, int status)
{
    const struct http_server *server = owner;
    const struct http_refusal *refusal = &request->message.refusal;

    if (server->on_answered != NULL)
        server->on_answered(server->owner, request, status, refusal->is_set ? refusal->text : NULL);
}

/* ---- clients come and go ---- */

static bool has_room(void *owner)
{
    const struct http_server *server = owner;

    return server->pool.connection_count < server->limits.connections;
}

static void on_closed(void *owner, struct http_peer *peer)
{
    struct http_server *server = owner;

    http_peers_leave(&server->peers, peer);
    for (uint32_t i = 0; i < server->listener_count; i++)
        http_listener_resume(&server->listeners[i]);
}

static void on_accept(void *owner, int fd, const struct sockaddr_storage *address)
{
    struct http_server *server = owner;
    struct http_peer *peer = http_peers_enter(&server->peers, address);
    uint32_t connections = http_peer_connections(peer);
    uint32_t most = server->limits.connections_per_address;
    char name[HTTP_PEER_NAME_BYTES];

    if (connections > most && connections - most > TURNED_AWAY_MAX) {
        (void)close(fd);
        http_peers_leave(&server->peers, peer);
        return;
    }
    http_peer_name(address, name);
    struct http_connection *connection = http_connection_open(&server->pool, fd, peer, name);
    if (connections > most)
        http_connection_refuse(connection, HTTP_ERROR_TOO_MANY_REQUESTS,
                               "too many connections from this address");
}

/* ---- the server ---- */

static void stop_listening(struct http_server *server)
{
    for (uint32_t i = 0; i < server->listener_count; i++)
        http_listener_stop(&server->listeners[i]);
}

static bool is_allowed(const struct http_listener *listener, const struct http_server_settings *settings,
                       struct err *err)
{
    struct http_address address;
    char text[HTTP_ADDRESS_TEXT_BYTES];

    BUG_ON(!http_listener_address(listener, &address));
    if (settings->tls != NULL || settings->local_only == NULL || http_address_is_local(&address))
        return true;
    http_address_write(&address, text);
    err_set(err, ERR_REJECT, "listen on %s: without TLS the network there could read keys and events: %s",
            text, settings->local_only);
    return false;
}

static bool listen_on(struct http_server *server, const struct http_server_settings *settings,
                      int inherited_fd, struct err *err)
{
    struct http_listener *listener = &server->listeners[server->listener_count];
    const struct http_listener_settings one = {
        .listen = settings->listen, .shares_port = settings->shares_port, .inherited_fd = inherited_fd};

    *listener = (struct http_listener){.on_accept = on_accept, .has_room = has_room, .owner = server};
    if (!http_listener_start(listener, server->pool.loop, &one, err))
        return false;
    server->listener_count++;
    return is_allowed(listener, settings, err);
}

static bool start_listening(struct http_server *server, const struct http_server_settings *settings,
                            struct err *err)
{
    BUG_ON(settings->inherited_count > HTTP_SERVER_SOCKETS_MAX);
    server->has_others = settings->shares_port || settings->inherited_count > 0;
    if (settings->inherited_count == 0)
        return listen_on(server, settings, -1, err);
    for (uint32_t i = 0; i < settings->inherited_count; i++)
        if (!listen_on(server, settings, settings->inherited_fds[i], err))
            return false;
    return true;
}

static void drain_now(void *owner)
{
    struct http_server *server = owner;

    stop_listening(server);
    http_pool_drain(&server->pool);
}

bool http_server_start(struct loop *loop, const struct http_server_settings *settings,
                       struct http_server **out_server, struct err *err)
{
    struct http_server *server = xcalloc(1, sizeof(*server));

    server->tables[0] = (struct route_table){settings->routes, settings->context};
    server->tables[1] = (struct route_table){settings->more_routes, settings->more_context};
    server->limits = settings->limits;
    server->on_head = settings->on_head;
    server->on_answered = settings->on_answered;
    server->owner = settings->owner;
    loop_timer_init(&server->leave, loop, drain_now, server);
    server->pool = (struct http_pool){
        .loop = loop,
        .tls = settings->tls,
        .limits = &server->limits,
        .owner = server,
        .check = check,
        .handle = handle,
        .on_answered = on_answered,
        .on_closed = on_closed,
    };
    http_pool_start(&server->pool);
    if (!start_listening(server, settings, err)) {
        http_server_stop(&server);
        return false;
    }
    *out_server = server;
    return true;
}

uint16_t http_server_port(const struct http_server *server)
{
    struct http_address address;

    return http_listener_address(&server->listeners[0], &address) ? http_address_port(&address) : 0;
}

void http_server_drain(struct http_server *server)
{
    if (!server->has_others) {
        drain_now(server);
        return;
    }
    for (uint32_t i = 0; i < server->listener_count; i++)
        http_listener_leave(&server->listeners[i]);
    http_pool_leave(&server->pool);
    loop_timer_start(&server->leave, LEAVE_MS);
}

bool http_server_is_leaving(const struct http_server *server)
{
    return loop_timer_is_running(&server->leave);
}

uint32_t http_server_open_requests(const struct http_server *server)
{
    return server->pool.open_count;
}

uint32_t http_server_open_connections(const struct http_server *server)
{
    return server->pool.connection_count;
}

void http_server_stop(struct http_server **server)
{
    if (*server == NULL)
        return;
    loop_timer_stop(&(*server)->leave);
    stop_listening(*server);
    http_pool_stop(&(*server)->pool);
    free(*server);
    *server = NULL;
}
