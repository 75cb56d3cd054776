/*
 * certificate.h - the certificate of the API: read at the start and at each SIGHUP, with its expiry as a
 * metric. Loop thread.
 */
#ifndef MILLRACE_CERTIFICATE_H
#define MILLRACE_CERTIFICATE_H

#include "common/base/err.h"

#include <stdbool.h>

struct certificate;
struct service;
struct tls_context;

/* By ingest.tls_*. True with NULL when there is none: plain HTTP. ERR_REJECT naming the key of the
 * configuration, the file and what is wrong with it. An expired one is used, with a warning. */
bool certificate_start(struct service *service, struct certificate **out_certificate, struct err *err);
void certificate_free(struct certificate **certificate);

/* For the server, which is stopped before the certificate is freed. */
struct tls_context *certificate_context(const struct certificate *certificate);

/* Reads the files again, and logs what came of it. One that is bad or not valid now changes nothing. */
void certificate_reload(struct certificate *certificate);

#endif
