#include "common/io/kafka_envelope.h"

bool kafka_envelope_forward(const rd_kafka_message_t *message, struct envelope_forward *out_forward)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t length;

    return rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
           rd_kafka_header_get_last(headers, ENVELOPE_HEADER, &value, &length) ==
               RD_KAFKA_RESP_ERR_NO_ERROR &&
           envelope_forward_read(slice_of(value, length), out_forward);
}
