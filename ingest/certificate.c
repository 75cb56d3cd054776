#include "ingest/certificate.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/tls_context.h"
#include "common/service/metrics.h"
#include "common/service/service.h"
#include "common/service/settings_file.h"

#include <stdlib.h>
#include <unistd.h>

struct certificate {
    struct tls_context *context;
    struct metric *expires;
};

static int64_t now_s(void)
{
    return clock_wall_us() / 1000000;
}

static void show(const struct certificate *certificate, const char *what)
{
    int64_t expires_s = tls_context_expires_s(certificate->context);
    int64_t left_s = expires_s - now_s();

    metric_set(certificate->expires, (double)expires_s);
    if (left_s <= 0)
        log_warning("the certificate has expired: clients refuse it; replace it and send SIGHUP");
    else
        log_info("%s; it expires in %lld days", what, (long long)(left_s / 86400));
}

static struct tls_context *load(const struct ingest_config *config, struct err *err)
{
    AUTO_STRING certificate_file = settings_file_path(config->tls_certificate_file, environ);
    AUTO_STRING key_file = settings_file_path(config->tls_key_file, environ);
    const struct tls_context_settings settings = {
        .certificate_file = certificate_file,
        .key_file = key_file,
        .minimum_version = (enum tls_version)config->tls_minimum_version,
    };

    return tls_context_new(&settings, err);
}

bool certificate_start(struct service *service, struct certificate **out_certificate, struct err *err)
{
    const struct ingest_config *config = &service_config(service)->ingest;
    struct certificate *certificate;

    if (config->tls_certificate_file[0] == '\0') {
        *out_certificate = NULL;
        return true;
    }
    struct tls_context *context = load(config, err);
    if (context == NULL) {
        err_prefix(err, "ingest.tls_certificate_file and ingest.tls_key_file");
        return false;
    }
    certificate = xcalloc(1, sizeof(*certificate));
    certificate->context = context;
    certificate->expires =
        metrics_gauge(service_metrics(service), "millrace_certificate_expires_timestamp_seconds", "",
                      "Until when the certificate of the API is valid, in seconds since 1970.");
    show(certificate, "speaks TLS with its certificate");
    *out_certificate = certificate;
    return true;
}

void certificate_free(struct certificate **certificate)
{
    if (*certificate == NULL)
        return;
    tls_context_free(&(*certificate)->context);
    free(*certificate);
    *certificate = NULL;
}

struct tls_context *certificate_context(const struct certificate *certificate)
{
    return certificate->context;
}

void certificate_reload(struct certificate *certificate)
{
    struct err err;

    if (tls_context_reload(certificate->context, now_s(), &err))
        show(certificate, "new connections get the certificate that was read again");
    else
        log_error("the certificate stays the old one: %s", err.text);
}
