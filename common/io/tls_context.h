/*
 * tls_context.h - what a TLS server shows its clients: certificate, key and rules (OpenSSL). TLS 1.2 or
 * later, HTTP/1.1 by ALPN, no renegotiation, and no resumption: neither tickets, whose key would open all
 * that was recorded, nor a cache that grows with the clients; clients keep their connections instead.
 *
 * Loop thread. new and reload read two small local files.
 */
#ifndef MILLRACE_TLS_CONTEXT_H
#define MILLRACE_TLS_CONTEXT_H

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ssl_st;
struct tls_context;

enum tls_version { TLS_VERSION_1_2, TLS_VERSION_1_3 };

struct tls_context_settings {
    const char *certificate_file; /* PEM: the server's, then those between it and the root; copied */
    const char *key_file;         /* PEM, without a passphrase; copied */
    enum tls_version minimum_version;
};

/* NULL with ERR_REJECT, naming the file and what is wrong with it, never what it holds. */
struct tls_context *tls_context_new(const struct tls_context_settings *settings, struct err *err);
void tls_context_free(struct tls_context **context);

/* Reads the files again: who connects from now on sees them. False, and all stays as it was, when new would
 * give NULL, or the certificate is not valid at now_s (seconds since 1970). */
bool tls_context_reload(struct tls_context *context, int64_t now_s, struct err *err);

/* Until when the certificate is valid, in seconds since 1970. */
int64_t tls_context_expires_s(const struct tls_context *context);

/* For tls_stream: a new connection on fd; gives it, to be freed by SSL_free. */
struct ssl_st *tls_context_accept(struct tls_context *context, int fd);

/* What OpenSSL says of the failure just now, such as "certificate verify failed"; forgets it. */
void tls_error_take(char *out_text, size_t size);

#endif
