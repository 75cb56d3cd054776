/*
 * http_error.h - the one shape of every refusal:
 *
 *     {"code":"validation_error","message":"...","http_status_code":400,"details":{"timestamp":"..."}}
 *
 * Pure.
 */
#ifndef MILLRACE_HTTP_ERROR_H
#define MILLRACE_HTTP_ERROR_H

#include "common/base/buf.h"

/* Named after the code in the answer; each has one status (http_error_status). */
enum http_error_code {
    HTTP_ERROR_VALIDATION,             /* 400 validation_error */
    HTTP_ERROR_UNAUTHENTICATED,        /* 401 unauthenticated */
    HTTP_ERROR_PERMISSION_DENIED,      /* 403 permission_denied */
    HTTP_ERROR_NOT_FOUND,              /* 404 not_found */
    HTTP_ERROR_METHOD_NOT_ALLOWED,     /* 405 method_not_allowed */
    HTTP_ERROR_REQUEST_TIMEOUT,        /* 408 request_timeout */
    HTTP_ERROR_LENGTH_REQUIRED,        /* 411 length_required */
    HTTP_ERROR_PAYLOAD_TOO_LARGE,      /* 413 payload_too_large */
    HTTP_ERROR_URI_TOO_LONG,           /* 414 uri_too_long */
    HTTP_ERROR_UNSUPPORTED_MEDIA_TYPE, /* 415 unsupported_media_type */
    HTTP_ERROR_EXPECTATION_FAILED,     /* 417 expectation_failed */
    HTTP_ERROR_TOO_MANY_REQUESTS,      /* 429 too_many_requests */
    HTTP_ERROR_HEADERS_TOO_LARGE,      /* 431 headers_too_large */
    HTTP_ERROR_INTERNAL,               /* 500 internal_error */
    HTTP_ERROR_NOT_IMPLEMENTED,        /* 501 not_implemented */
    HTTP_ERROR_SERVICE_UNAVAILABLE,    /* 503 service_unavailable; Retry-After goes with it */
    HTTP_ERROR_VERSION_NOT_SUPPORTED,  /* 505 version_not_supported */
};

struct http_error {
    enum http_error_code code;
    const char *message;      /* says which field, limit or topic, and what to do; borrows */
    const char *detail_field; /* NULL: none */
    const char *detail_text;
    struct slice details_json; /* instead of the two: the object that stands under "details"; empty: none.
                                  Borrows */
};

int http_error_status(enum http_error_code code);
const char *http_error_name(enum http_error_code code);

/* Appends the JSON. */
void http_error_write(struct buf *out, const struct http_error *error);

#endif
