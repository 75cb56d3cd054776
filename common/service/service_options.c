#include "common/service/service_options.h"

#include "common/service/service.h"

#include <getopt.h>
#include <stdio.h>

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"instance", required_argument, NULL, 'i'},
    {"check-config", no_argument, NULL, 'k'},
    {"print-config-sample", no_argument, NULL, 's'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'v'},
    {NULL, 0, NULL, 0},
};

/* False for an option that there is none of; getopt has said which. */
static bool take_option(int option, const char *argument, struct service_options *options)
{
    switch (option) {
    case 'c':
        options->config_path = argument;
        return true;
    case 'i':
        options->instance = argument;
        return true;
    case 'k':
        options->action = SERVICE_CHECK_CONFIG;
        return true;
    case 's':
        options->action = SERVICE_PRINT_SAMPLE;
        return true;
    case 'h':
        options->action = SERVICE_HELP;
        return true;
    case 'v':
        options->action = SERVICE_VERSION;
        return true;
    default:
        return false;
    }
}

bool service_options_parse(int argc, char **argv, struct service_options *out_options)
{
    struct service_options options = {.action = SERVICE_RUN, .instance = "1"};
    int option;

    optind = 0; /* glibc: from the beginning */
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (!take_option(option, optarg, &options)) {
            (void)fprintf(stderr, "see %s --help\n", argv[0]);
            return false;
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "%s: takes no argument \"%s\": see --help\n", argv[0], argv[optind]);
        return false;
    }
    *out_options = options;
    return true;
}

void service_options_print_help(const struct service_description *description)
{
    AUTO_BUF keys = {0};

    settings_write_help(&config_schema, &keys);
    (void)printf(
        "millrace-%s: %s\n\n"
        "  --config FILE          configuration; else $MILLRACE_CONFIG, else /etc/millrace/config.yaml\n"
        "  --instance N           which worker of this stage it is on this machine, 1 to 9999 (1)\n"
        "  --check-config         say what is wrong with the configuration, and stop\n"
        "  --print-config-sample  print a configuration with every key, explained\n"
        "  --help, --version\n\n"
        "Keys of the configuration, with defaults; MILLRACE_ and the key in upper case, with dots as _,\n"
        "is the environment variable that overrides it:\n\n"
        "%s\n"
        "Stops on SIGTERM and SIGINT after finishing what is under way; at once on a second one.\n"
        "Exit codes: 0 stopped as asked, 1 failed, 2 unusable arguments, 78 unusable configuration.\n",
        description->name, description->summary, buf_text(&keys));
}
