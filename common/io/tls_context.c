#include "common/io/tls_context.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

struct tls_context {
    SSL_CTX *openssl; /* connections hold on to the one that they began with */
    char *certificate_file;
    char *key_file;
    enum tls_version minimum_version;
};

void tls_error_take(char *out_text, size_t size)
{
    unsigned long error = ERR_get_error(); /* the first: what comes after is its consequence */
    const char *reason =
        ERR_SYSTEM_ERROR(error) ? strerrordesc_np(ERR_GET_REASON(error)) : ERR_reason_error_string(error);

    (void)snprintf(out_text, size, "%s", reason != NULL ? reason : "no reason given");
    ERR_clear_error();
}

static bool fail(struct err *err, const char *file, const char *what)
{
    char reason[128];

    tls_error_take(reason, sizeof(reason));
    err_set(err, ERR_REJECT, "%s: %s: %s", file, what, reason);
    return false;
}

/* ---- rules ---- */

/* A client that offers only other protocols is told so; one that offers none means HTTP/1.1. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_length,
                   const unsigned char *offered, unsigned int offered_length, void *unused)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen = NULL;

    (void)ssl, (void)unused;
    if (SSL_select_next_proto(&chosen, out_length, ours, sizeof(ours) - 1, offered, offered_length) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* A key with a passphrase is refused: nobody is there to type it. */
static int on_passphrase(char *text, int size, int is_for_writing, void *unused)
{
    (void)text, (void)size, (void)is_for_writing, (void)unused;
    return -1;
}

static void set_rules(SSL_CTX *openssl, enum tls_version minimum)
{
    int version = minimum == TLS_VERSION_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;

    BUG_ON(SSL_CTX_set_min_proto_version(openssl, version) != 1);
    (void)SSL_CTX_set_options(openssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                                           SSL_OP_CIPHER_SERVER_PREFERENCE);
    BUG_ON(SSL_CTX_set_num_tickets(openssl, 0) != 1);
    (void)SSL_CTX_set_session_cache_mode(openssl, SSL_SESS_CACHE_OFF);
    /* Between requests a connection holds no buffer; an answer may leave in parts and be kept elsewhere. */
    (void)SSL_CTX_set_mode(openssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* One read does the work of one record at most: a client can send new keys as fast as we derive them. */
    (void)SSL_CTX_clear_mode(openssl, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_alpn_select_cb(openssl, on_alpn, NULL);
    SSL_CTX_set_default_passwd_cb(openssl, on_passphrase);
}

/* ---- certificate and key ---- */

static bool read_files(SSL_CTX *openssl, const struct tls_context *context, struct err *err)
{
    if (SSL_CTX_use_certificate_chain_file(openssl, context->certificate_file) != 1)
        return fail(err, context->certificate_file, "no certificate in PEM");
    /* The check that both belong together is part of it. */
    if (SSL_CTX_use_PrivateKey_file(openssl, context->key_file, SSL_FILETYPE_PEM) != 1)
        return fail(err, context->key_file, "no key of the certificate, in PEM and without a passphrase");
    return true;
}

static SSL_CTX *load(const struct tls_context *context, struct err *err)
{
    SSL_CTX *openssl = SSL_CTX_new(TLS_server_method());

    BUG_ON(openssl == NULL);
    ERR_clear_error();
    set_rules(openssl, context->minimum_version);
    if (read_files(openssl, context, err))
        return openssl;
    SSL_CTX_free(openssl);
    return NULL;
}

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm parts;

    /* What OpenSSL can't read as a time is over. */
    return time != NULL && ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

static bool is_valid_at(const SSL_CTX *openssl, int64_t now_s)
{
    const X509 *certificate = SSL_CTX_get0_certificate(openssl);

    return seconds_of(X509_get0_notBefore(certificate)) <= now_s &&
           now_s < seconds_of(X509_get0_notAfter(certificate));
}

/* ---- the context ---- */

struct tls_context *tls_context_new(const struct tls_context_settings *settings, struct err *err)
{
    struct tls_context *context = xcalloc(1, sizeof(*context));

    context->certificate_file = xstrdup(settings->certificate_file);
    context->key_file = xstrdup(settings->key_file);
    context->minimum_version = settings->minimum_version;
    context->openssl = load(context, err);
    if (context->openssl == NULL)
        tls_context_free(&context);
    return context;
}

void tls_context_free(struct tls_context **context)
{
    if (*context == NULL)
        return;
    SSL_CTX_free((*context)->openssl);
    free((*context)->certificate_file);
    free((*context)->key_file);
    free(*context);
    *context = NULL;
}

bool tls_context_reload(struct tls_context *context, int64_t now_s, struct err *err)
{
    SSL_CTX *openssl = load(context, err);

    if (openssl == NULL)
        return false;
    if (!is_valid_at(openssl, now_s)) {
        err_set(err, ERR_REJECT, "%s: not valid now: expired, or not valid yet", context->certificate_file);
        SSL_CTX_free(openssl);
        return false;
    }
    SSL_CTX_free(context->openssl);
    context->openssl = openssl;
    return true;
}

int64_t tls_context_expires_s(const struct tls_context *context)
{
    return seconds_of(X509_get0_notAfter(SSL_CTX_get0_certificate(context->openssl)));
}

struct ssl_st *tls_context_accept(struct tls_context *context, int fd)
{
    SSL *ssl = SSL_new(context->openssl);

    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1)
        BUG("OpenSSL has no memory");
    SSL_set_accept_state(ssl);
    return ssl;
}
