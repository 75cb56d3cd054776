/*
 * http_error_test.c - the shape of refusals.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/io/http_error.h"

static void writes_the_flat_shape(void **state)
{
    const struct http_error error = {.code = HTTP_ERROR_NOT_FOUND, .message = "no \"meter\" m1"};
    AUTO_BUF json = {0};

    (void)state;
    http_error_write(&json, &error);
    assert_string_equal(buf_text(&json), "{\"code\":\"not_found\",\"message\":\"no \\\"meter\\\" m1\","
                                         "\"http_status_code\":404}");
}

static void writes_the_field_that_is_wrong(void **state)
{
    const struct http_error error = {.code = HTTP_ERROR_VALIDATION,
                                     .message = "the event is not valid",
                                     .detail_field = "time\tstamp",
                                     .detail_text = "is \\ not RFC 3339"};
    AUTO_BUF json = {0};

    (void)state;
    http_error_write(&json, &error);
    assert_string_equal(buf_text(&json),
                        "{\"code\":\"validation_error\",\"message\":\"the event is not valid\","
                        "\"http_status_code\":400,\"details\":{\"time\\tstamp\":\"is \\\\ not RFC 3339\"}}");
}

static void takes_details_that_are_json_already(void **state)
{
    const struct http_error error = {.code = HTTP_ERROR_VALIDATION,
                                     .message = "1 of 2 events is not valid",
                                     .details_json = SLICE("{\"errors\":[{\"index\":1}]}")};
    AUTO_BUF json = {0};

    (void)state;
    http_error_write(&json, &error);
    assert_string_equal(buf_text(&json),
                        "{\"code\":\"validation_error\",\"message\":\"1 of 2 events is not valid\","
                        "\"http_status_code\":400,\"details\":{\"errors\":[{\"index\":1}]}}");
}

/* Clients branch on both. */
static void every_code_has_its_name_and_status(void **state)
{
    static const struct {
        enum http_error_code code;
        int status;
        const char *name;
    } rows[] = {
        {HTTP_ERROR_VALIDATION, 400, "validation_error"},
        {HTTP_ERROR_UNAUTHENTICATED, 401, "unauthenticated"},
        {HTTP_ERROR_PERMISSION_DENIED, 403, "permission_denied"},
        {HTTP_ERROR_NOT_FOUND, 404, "not_found"},
        {HTTP_ERROR_METHOD_NOT_ALLOWED, 405, "method_not_allowed"},
        {HTTP_ERROR_REQUEST_TIMEOUT, 408, "request_timeout"},
        {HTTP_ERROR_LENGTH_REQUIRED, 411, "length_required"},
        {HTTP_ERROR_PAYLOAD_TOO_LARGE, 413, "payload_too_large"},
        {HTTP_ERROR_URI_TOO_LONG, 414, "uri_too_long"},
        {HTTP_ERROR_UNSUPPORTED_MEDIA_TYPE, 415, "unsupported_media_type"},
        {HTTP_ERROR_EXPECTATION_FAILED, 417, "expectation_failed"},
        {HTTP_ERROR_TOO_MANY_REQUESTS, 429, "too_many_requests"},
        {HTTP_ERROR_HEADERS_TOO_LARGE, 431, "headers_too_large"},
        {HTTP_ERROR_INTERNAL, 500, "internal_error"},
        {HTTP_ERROR_NOT_IMPLEMENTED, 501, "not_implemented"},
        {HTTP_ERROR_SERVICE_UNAVAILABLE, 503, "service_unavailable"},
        {HTTP_ERROR_VERSION_NOT_SUPPORTED, 505, "version_not_supported"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(http_error_status(rows[i].code), rows[i].status);
        assert_string_equal(http_error_name(rows[i].code), rows[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_flat_shape),
        cmocka_unit_test(writes_the_field_that_is_wrong),
        cmocka_unit_test(takes_details_that_are_json_already),
        cmocka_unit_test(every_code_has_its_name_and_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
