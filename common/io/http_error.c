#include "common/io/http_error.h"

#include "common/base/bug.h"
#include "common/codec/json_write.h"

static const struct {
    int status;
    const char *name;
} errors[] = {
    [HTTP_ERROR_VALIDATION] = {400, "validation_error"},
    [HTTP_ERROR_UNAUTHENTICATED] = {401, "unauthenticated"},
    [HTTP_ERROR_PERMISSION_DENIED] = {403, "permission_denied"},
    [HTTP_ERROR_NOT_FOUND] = {404, "not_found"},
    [HTTP_ERROR_METHOD_NOT_ALLOWED] = {405, "method_not_allowed"},
    [HTTP_ERROR_REQUEST_TIMEOUT] = {408, "request_timeout"},
    [HTTP_ERROR_LENGTH_REQUIRED] = {411, "length_required"},
    [HTTP_ERROR_PAYLOAD_TOO_LARGE] = {413, "payload_too_large"},
    [HTTP_ERROR_URI_TOO_LONG] = {414, "uri_too_long"},
    [HTTP_ERROR_UNSUPPORTED_MEDIA_TYPE] = {415, "unsupported_media_type"},
    [HTTP_ERROR_EXPECTATION_FAILED] = {417, "expectation_failed"},
    [HTTP_ERROR_TOO_MANY_REQUESTS] = {429, "too_many_requests"},
    [HTTP_ERROR_HEADERS_TOO_LARGE] = {431, "headers_too_large"},
    [HTTP_ERROR_INTERNAL] = {500, "internal_error"},
    [HTTP_ERROR_NOT_IMPLEMENTED] = {501, "not_implemented"},
    [HTTP_ERROR_SERVICE_UNAVAILABLE] = {503, "service_unavailable"},
    [HTTP_ERROR_VERSION_NOT_SUPPORTED] = {505, "version_not_supported"},
};

int http_error_status(enum http_error_code code)
{
    BUG_ON((size_t)code >= sizeof(errors) / sizeof(errors[0]));
    return errors[code].status;
}

const char *http_error_name(enum http_error_code code)
{
    BUG_ON((size_t)code >= sizeof(errors) / sizeof(errors[0]));
    return errors[code].name;
}

static void write_details(struct buf *out, const struct http_error *error)
{
    if (!slice_is_empty(error->details_json)) {
        buf_append_text(out, ",\"details\":");
        buf_append_slice(out, error->details_json);
    } else if (error->detail_field != NULL) {
        buf_append_text(out, ",\"details\":{");
        json_write_string(out, slice_from(error->detail_field));
        buf_append_byte(out, ':');
        json_write_string(out, slice_from(error->detail_text));
        buf_append_byte(out, '}');
    }
}

void http_error_write(struct buf *out, const struct http_error *error)
{
    buf_append_byte(out, '{');
    json_write_member(out, "code", slice_from(http_error_name(error->code)));
    json_write_member(out, "message", slice_from(error->message));
    json_write_i64_member(out, "http_status_code", http_error_status(error->code));
    write_details(out, error);
    buf_append_byte(out, '}');
}
