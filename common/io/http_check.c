#include "common/io/http_check.h"

#include "common/base/number.h"
#include "common/io/http_limits.h"

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* All bytes are letters, digits or among `others`. */
static bool consists_of(struct slice text, const char *others)
{
    for (size_t i = 0; i < text.length; i++)
        if (!is_alnum(text.data[i]) && (text.data[i] == '\0' || strchr(others, text.data[i]) == NULL))
            return false;
    return true;
}

bool http_check_name(struct slice name, size_t max_bytes)
{
    return name.length >= 1 && name.length <= max_bytes && consists_of(name, "._-");
}

static bool check_method(struct http_message *message)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    struct slice method = http_message_text(message, message->method);

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (slice_equals_text(method, methods[i]))
            return true;
    return http_message_refuse(message, HTTP_ERROR_NOT_IMPLEMENTED, "this method is not served");
}

static bool check_version(struct http_message *message)
{
    struct slice version = http_message_text(message, message->version);

    if (slice_equals(version, SLICE("1.1")) || slice_equals(version, SLICE("1.0")))
        return true;
    if (slice_is_empty(version) || version.data[0] == '0')
        return http_message_refuse(message, HTTP_ERROR_VALIDATION, "HTTP/0.9 is not served; use HTTP/1.1");
    return http_message_refuse(message, HTTP_ERROR_VERSION_NOT_SUPPORTED,
                               "only HTTP/1.1 and HTTP/1.0 are served");
}

/* scheme://authority of the target, compared with Host; the rest stays in the target. */
static bool strip_authority(struct http_message *message, struct slice *target)
{
    struct slice rest = *target;
    size_t scheme_length = slice_starts_with(rest, SLICE("http://")) ? 7 : 8;
    size_t length = 0;

    if (scheme_length == 8 && !slice_starts_with(rest, SLICE("https://")))
        return http_message_refuse(message, HTTP_ERROR_VALIDATION, "the request target must begin with /");
    rest = slice_from_index(rest, scheme_length);
    while (length < rest.length && rest.data[length] != '/' && rest.data[length] != '?')
        length++;
    if (!slice_equals_ignoring_case(slice_of(rest.data, length), http_message_header(message, "host", NULL)))
        return http_message_refuse(message, HTTP_ERROR_VALIDATION,
                                   "the host of the request target and the Host header differ");
    *target = slice_from_index(rest, length);
    return true;
}

static struct http_text text_at(const struct http_message *message, struct slice part)
{
    return (struct http_text){(uint32_t)(part.data - message->head.data), (uint32_t)part.length};
}

static bool check_target(struct http_message *message)
{
    struct slice target = http_message_text(message, message->target);

    if (target.length > 0 && memchr(target.data, '#', target.length) != NULL)
        return http_message_refuse(message, HTTP_ERROR_VALIDATION, "the request target must not contain #");
    for (size_t i = 0; i < target.length; i++)
        if (target.data[i] < 0x21 || target.data[i] > 0x7e)
            return http_message_refuse(message, HTTP_ERROR_VALIDATION,
                                       "the request target contains bytes that must be percent-encoded");
    if (target.length > 0 && target.data[0] != '/' && !slice_equals(target, SLICE("*")) &&
        !strip_authority(message, &target))
        return false;
    const char *mark = target.length == 0 ? NULL : memchr(target.data, '?', target.length);
    size_t path_length = mark == NULL ? target.length : (size_t)(mark - target.data);
    message->path = text_at(message, slice_of(target.data, path_length));
    if (mark != NULL)
        message->query = text_at(message, slice_from_index(target, path_length + 1));
    return true;
}

static bool check_host(struct http_message *message)
{
    uint32_t count;
    struct slice host = http_message_header(message, "host", &count);

    if (count > 1)
        return http_message_refuse(message, HTTP_ERROR_VALIDATION, "more than one Host header");
    if (count == 0 && !http_message_is_1_0(message))
        return http_message_refuse(message, HTTP_ERROR_VALIDATION, "the Host header is missing");
    if (!consists_of(host, ".-_~!$&'()*+;=:%[]"))
        return http_message_refuse(message, HTTP_ERROR_VALIDATION, "the Host header is not a host");
    return true;
}

static bool check_transfer_encoding(struct http_message *message, struct slice encoding, uint32_t count)
{
    if (http_message_is_1_0(message))
        return http_message_refuse(message, HTTP_ERROR_VALIDATION,
                                   "Transfer-Encoding in an HTTP/1.0 request");
    if (count > 1 || !slice_equals_ignoring_case(encoding, SLICE("chunked")))
        return http_message_refuse(message, HTTP_ERROR_NOT_IMPLEMENTED,
                                   "the only Transfer-Encoding served is chunked, once");
    message->is_chunked = true;
    return true;
}

bool http_check_framing(struct http_message *message)
{
    uint32_t length_count, encoding_count;
    struct slice length = http_message_header(message, "content-length", &length_count);
    struct slice encoding = http_message_header(message, "transfer-encoding", &encoding_count);

    if (length_count > 0 && encoding_count > 0)
        return http_message_refuse(message, HTTP_ERROR_VALIDATION,
                                   "both Content-Length and Transfer-Encoding; send one");
    if (length_count > 1)
        return http_message_refuse(message, HTTP_ERROR_VALIDATION, "more than one Content-Length header");
    if (encoding_count > 0)
        return check_transfer_encoding(message, encoding, encoding_count);
    if (length_count == 1 && !number_u64(length, &message->content_length))
        return http_message_refuse(message, HTTP_ERROR_VALIDATION, "Content-Length is not a number of bytes");
    return true;
}

/* What needs a body says how long it is, even 0: a client that forgot would have its body read as requests.
 */
static bool check_length(struct http_message *message, const struct http_limits *limits)
{
    struct slice method = http_message_text(message, message->method);
    bool sends_body = slice_equals(method, SLICE("POST")) || slice_equals(method, SLICE("PUT")) ||
                      slice_equals(method, SLICE("PATCH"));

    if (message->content_length > limits->body_bytes)
        return http_message_refuse(message, HTTP_ERROR_PAYLOAD_TOO_LARGE, "the body is over %u bytes",
                                   limits->body_bytes);
    if (sends_body && !message->is_chunked &&
        http_message_header(message, "content-length", NULL).data == NULL)
        return http_message_decline(message, HTTP_ERROR_LENGTH_REQUIRED,
                                    "the Content-Length header is missing");
    return true;
}

static bool check_expect(struct http_message *message)
{
    uint32_t count;
    struct slice expect = http_message_header(message, "expect", &count);

    if (count == 0 || http_message_is_1_0(message))
        return true;
    if (count > 1 || !slice_equals_ignoring_case(expect, SLICE("100-continue")))
        return http_message_refuse(message, HTTP_ERROR_EXPECTATION_FAILED,
                                   "the only expectation served is 100-continue");
    message->expects_continue = http_message_has_body(message);
    return true;
}

bool http_check_head(struct http_message *message, const struct http_limits *limits)
{
    return check_version(message) && check_method(message) && check_host(message) && check_target(message) &&
           http_check_framing(message) && check_length(message, limits) && check_expect(message);
}

static bool charset_is_utf8(struct slice parameters)
{
    struct slice parameter;

    while (!slice_is_empty(parameters)) {
        struct slice name;
        (void)slice_cut(&parameters, ';', &parameter);
        (void)slice_cut(&parameter, '=', &name);
        if (!slice_equals_ignoring_case(slice_trim(name), SLICE("charset")))
            continue;
        struct slice value = slice_trim(parameter);
        if (value.length >= 2 && value.data[0] == '"' && value.data[value.length - 1] == '"')
            value = slice_of(value.data + 1, value.length - 2);
        if (!slice_equals_ignoring_case(value, SLICE("utf-8")))
            return false;
    }
    return true;
}

static bool refuse_media_type(struct http_message *message, const char *const *media_types)
{
    AUTO_BUF accepted = {0};

    for (size_t i = 0; media_types[i] != NULL; i++)
        buf_printf(&accepted, "%s%s", i > 0 ? " or " : "", media_types[i]);
    return http_message_decline(message, HTTP_ERROR_UNSUPPORTED_MEDIA_TYPE, "Content-Type must be %s",
                                buf_text(&accepted));
}

static bool check_encoding(struct http_message *message)
{
    uint32_t count;
    struct slice encoding = http_message_header(message, "content-encoding", &count);

    message->is_gzip = count == 1 && slice_equals_ignoring_case(encoding, SLICE("gzip"));
    if (message->is_gzip || count == 0 ||
        (count == 1 && slice_equals_ignoring_case(encoding, SLICE("identity"))))
        return true;
    return http_message_decline(message, HTTP_ERROR_UNSUPPORTED_MEDIA_TYPE,
                                "the only Content-Encoding served is gzip, once");
}

bool http_check_media_type(struct http_message *message, const char *const *media_types, uint32_t *out_index)
{
    uint32_t count;
    struct slice parameters = http_message_header(message, "content-type", &count);
    struct slice type;
    uint32_t index = 0;

    (void)slice_cut(&parameters, ';', &type);
    while (media_types[index] != NULL &&
           !slice_equals_ignoring_case(slice_trim(type), slice_from(media_types[index])))
        index++;
    if (count != 1 || media_types[index] == NULL)
        return refuse_media_type(message, media_types);
    if (!charset_is_utf8(parameters))
        return http_message_decline(message, HTTP_ERROR_UNSUPPORTED_MEDIA_TYPE, "the charset must be utf-8");
    if (!check_encoding(message))
        return false;
    *out_index = index;
    return true;
}
