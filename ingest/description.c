#include "ingest/description.h"

#include "common/base/embed.h"
#include "common/io/http_server.h"

EMBED_FILE(description_yaml, "openapi.yaml");

void description_answer(struct http_request *request)
{
    http_respond(request, 200, "application/yaml", slice_from(description_yaml));
}
