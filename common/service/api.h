/*
 * api.h - the HTTP side of a program: its listener, who may ask for what, and an end that loses no answer.
 * Every answer is counted (millrace_requests_total), be it a handler's or a refusal before one saw the
 * request; those refusals have a line in the log, too. A body is only read of a request with a key that is
 * known. Loop thread only; nothing blocks.
 */
#ifndef MILLRACE_API_H
#define MILLRACE_API_H

#include "common/io/http_server.h"
#include "common/service/key_store.h"

struct api;
struct service;

struct api_settings {
    const char *listen; /* as http_server's, like the next three */
    bool shares_port;
    const char *local_only;
    struct tls_context *tls;
    bool takes_sockets;              /* listens on what the supervisor passed, if anything, instead */
    const char *listen_key;          /* its key in the configuration, for when it is taken; both: borrows */
    const struct http_route *routes; /* keeps */
    void *context;                   /* keeps; handed to every handler */
    struct http_limits limits;
    /* A body of this key was decoded, and refused before a handler saw the request; NULL: nobody is told. */
    void (*on_wasted)(void *context, const struct key_identity *identity, uint64_t decoded_bytes);
};

/* Opens the key store (health check "keys") and the listener. ERR_FATAL when either can't be. */
bool api_start(struct service *service, const struct api_settings *settings, struct api **out_api,
               struct err *err);

/* Requests still with handlers are answered into the void, or never. */
void api_stop(struct api **api);

/* Whose request this is, by the header x-api-key; role: what the key must be allowed to do, such as
 * "event:write". False: it has been refused, with 400 (two keys), 401, 403, 429 (too many wrong keys from its
 * address, key_guard.h), or 503 while nobody can tell. */
bool api_identify(struct api *api, struct http_request *request, const char *role,
                  struct key_identity *out_identity);

/* The same for a route's on_head: instead of being answered the request is declined, before we read, keep and
 * decode its body. */
bool api_admit(struct api *api, struct http_request *request, const char *role,
               struct key_identity *out_identity);

/* Takes nothing new. on_quiet is called once: when every request is answered and the answers have left (or
 * their clients don't take them for a second). A second call changes nothing. */
void api_drain(struct api *api, void (*on_quiet)(void *owner), void *owner);

#endif
