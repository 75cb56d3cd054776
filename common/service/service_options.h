/*
 * service_options.h - the command line of a worker. Main thread, at start.
 */
#ifndef MILLRACE_SERVICE_OPTIONS_H
#define MILLRACE_SERVICE_OPTIONS_H

#include <stdbool.h>

struct service_description;

enum service_action {
    SERVICE_RUN,
    SERVICE_CHECK_CONFIG,
    SERVICE_PRINT_SAMPLE,
    SERVICE_HELP,
    SERVICE_VERSION,
};

struct service_options {
    enum service_action action;
    const char *config_path; /* NULL: not given; borrows from argv, like the next */
    const char *instance;    /* "1" when not given; not checked */
};

/* False, after a line on standard error, for arguments that can't be used. */
bool service_options_parse(int argc, char **argv, struct service_options *out_options);

/* --help, on standard output: the options, the keys of the configuration, the exit codes. */
void service_options_print_help(const struct service_description *description);

#endif
