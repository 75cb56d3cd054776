#include "ctl/command.h"

#include "common/base/log.h"
#include "common/base/number.h"
#include "common/base/version.h"

#include <stdio.h>
#include <unistd.h>

static const struct command_option common_options[] = {
    {"config", "FILE", "instead of $MILLRACE_CONFIG or /etc/millrace/config.yaml"},
    {"json", NULL, "print JSON"},
    {"help", NULL, "print this"},
    {0},
};

/* ---- help ---- */

static void print_options(FILE *out, const struct command_option *options)
{
    for (; options != NULL && options->name != NULL; options++) {
        char left[48];
        (void)snprintf(left, sizeof(left), "--%s%s%s", options->name, options->value_name != NULL ? " " : "",
                       options->value_name != NULL ? options->value_name : "");
        (void)fprintf(out, "  %-24s %s\n", left, options->help);
    }
}

static void print_command_help(FILE *out, const struct command *command)
{
    (void)fprintf(out, "usage: millrace %s %s [OPTION]...%s%s\n\n%s\n%s\n\n", command->group, command->verb,
                  command->argument_name != NULL ? " " : "",
                  command->argument_name != NULL ? command->argument_name : "", command->summary,
                  command->details);
    print_options(out, command->options);
    print_options(out, common_options);
    (void)fprintf(out, "\nExit code: 0 done, 1 failed or not as it should be, 2 unusable arguments,\n"
                       "78 unusable configuration.\n");
}

/* group NULL: all. False when there is no such group. */
static bool print_overview(FILE *out, const struct command *commands, const char *group)
{
    bool has_any = false;

    for (const struct command *c = commands; c->group != NULL; c++) {
        if (group != NULL && strcmp(c->group, group) != 0)
            continue;
        if (!has_any)
            (void)fprintf(out, "usage: millrace COMMAND [OPTION]...\n\n");
        has_any = true;
        (void)fprintf(out, "  %-8s %-8s %s\n", c->group, c->verb, c->summary);
    }
    if (has_any)
        (void)fprintf(out, "\n`millrace COMMAND --help` tells its options.\n");
    return has_any;
}

/* ---- arguments ---- */

static const struct command_option *find_option(const struct command_option *options, struct slice name)
{
    for (; options != NULL && options->name != NULL; options++)
        if (slice_equals_text(name, options->name))
            return options;
    return NULL;
}

/* One option at argv[*index]; moves the index over its value. */
static bool parse_option(const struct command *command, struct command_call *call, char **argv, int *index,
                         struct err *err)
{
    struct slice rest = slice_from(argv[*index] + 2);
    struct slice name;
    bool has_equals = slice_cut(&rest, '=', &name);
    const struct command_option *option = find_option(command->options, name);

    if (option == NULL)
        option = find_option(common_options, name);
    if (option == NULL || call->value_count == COMMAND_VALUES_MAX) {
        err_set(err, ERR_REJECT, option == NULL ? "there is no option --%.*s" : "too many options at --%.*s",
                SLICE_ARG(name));
        return false;
    }
    if (has_equals && option->value_name == NULL) {
        err_set(err, ERR_REJECT, "--%s takes no value", option->name);
        return false;
    }
    const char *text = option->value_name == NULL ? "" : has_equals ? rest.data : argv[++*index];
    if (text == NULL || (option->value_name != NULL && text[0] == '\0')) {
        err_set(err, ERR_REJECT, "--%s needs a value: %s", option->name, option->value_name);
        return false;
    }
    call->values[call->value_count++] = (struct command_value){option, text};
    return true;
}

static bool parse_arguments(const struct command *command, char **argv, struct command_call *call,
                            struct err *err)
{
    for (int i = 0; argv[i] != NULL; i++) {
        if (strncmp(argv[i], "--", 2) == 0) {
            if (!parse_option(command, call, argv, &i, err))
                return false;
        } else if (command->argument_name == NULL || call->argument != NULL || argv[i][0] == '\0') {
            err_set(err, ERR_REJECT, "unexpected argument \"%.100s\"", argv[i]);
            return false;
        } else {
            call->argument = argv[i];
        }
    }
    call->as_json = command_value(call, "json") != NULL;
    if (command->argument_name == NULL || call->argument != NULL || command_value(call, "help") != NULL)
        return true;
    err_set(err, ERR_REJECT, "%s is missing", command->argument_name);
    return false;
}

const char *command_value_at(const struct command_call *call, const char *name, int index)
{
    for (int i = 0; i < call->value_count; i++)
        if (strcmp(call->values[i].option->name, name) == 0 && index-- == 0)
            return call->values[i].text;
    return NULL;
}

const char *command_value(const struct command_call *call, const char *name)
{
    const char *last = NULL;
    const char *text;

    for (int i = 0; (text = command_value_at(call, name, i)) != NULL; i++)
        last = text;
    return last;
}

bool command_duration_ms(const struct command_call *call, const char *name, uint64_t otherwise_ms,
                         uint64_t *out_ms, struct err *err)
{
    const char *text = command_value(call, name);

    if (text == NULL) {
        *out_ms = otherwise_ms;
        return true;
    }
    if (number_duration_ms(slice_from(text), out_ms))
        return true;
    err_set(err, ERR_REJECT, "--%s: \"%.50s\" is no duration: write 500ms, 30s, 5min, 2h or 90d", name, text);
    return false;
}

/* ---- running ---- */

static int fail(const struct command *command, const struct err *err, int exit_code)
{
    (void)fprintf(stderr, "millrace %s %s: %s\n", command->group, command->verb, err->text);
    return exit_code;
}

static int run_with_config(const struct command *command, struct command_call *call)
{
    struct err err;
    bool is_good = true;

    if (!command->run(call, &is_good, &err))
        return fail(command, &err, err.kind == ERR_REJECT ? COMMAND_USAGE : COMMAND_FAILED);
    /* A key that is printed once must not be lost on a full disk without a word. */
    if (fflush(stdout) != 0) {
        err_set(&err, ERR_FATAL, "standard output could not be written");
        return fail(command, &err, COMMAND_FAILED);
    }
    return is_good ? COMMAND_DONE : COMMAND_FAILED;
}

static int run(const struct command *command, char **argv)
{
    struct command_call call = {0};
    struct err err;

    if (!parse_arguments(command, argv, &call, &err)) {
        (void)fail(command, &err, 0);
        (void)fprintf(stderr, "`millrace %s %s --help` tells its options.\n", command->group, command->verb);
        return COMMAND_USAGE;
    }
    if (command_value(&call, "help") != NULL) {
        print_command_help(stdout, command);
        return COMMAND_DONE;
    }
    const char *path = config_find_path(command_value(&call, "config"), environ);
    if (!config_load(path, environ, &call.config, &err))
        return fail(command, &err, COMMAND_CONFIG);
    int exit_code = run_with_config(command, &call);
    config_done(&call.config);
    return exit_code;
}

/* No command was named; the best that can be said instead. */
static int refuse(const struct command *commands, int argc, char **argv)
{
    if (argc == 2 && print_overview(stderr, commands, argv[1]))
        return COMMAND_USAGE;
    if (argc > 1)
        (void)fprintf(stderr, "millrace: there is no command \"%s%s%s\"\n", argv[1], argc > 2 ? " " : "",
                      argc > 2 ? argv[2] : "");
    (void)print_overview(stderr, commands, NULL);
    return COMMAND_USAGE;
}

int command_main(const struct command *commands, int argc, char **argv)
{
    log_open("millrace", LOG_LEVEL_WARNING, NULL);
    if (argc > 1 && strcmp(argv[1], "--version") == 0)
        return printf("millrace %s\n", MILLRACE_VERSION) > 0 ? COMMAND_DONE : COMMAND_FAILED;
    if (argc > 1 && strcmp(argv[1], "--help") == 0)
        return print_overview(stdout, commands, NULL) ? COMMAND_DONE : COMMAND_USAGE;
    for (const struct command *c = commands; argc > 2 && c->group != NULL; c++)
        if (strcmp(c->group, argv[1]) == 0 && strcmp(c->verb, argv[2]) == 0)
            return run(c, argv + 3);
    if (argc == 3 && strcmp(argv[2], "--help") == 0 && print_overview(stdout, commands, argv[1]))
        return COMMAND_DONE;
    return refuse(commands, argc, argv);
}
