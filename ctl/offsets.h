/*
 * offsets.h - `millrace offsets`: where the batch stages stand, and a person's decision where one is needed.
 */
#ifndef MILLRACE_CTL_OFFSETS_H
#define MILLRACE_CTL_OFFSETS_H

#include "ctl/command.h"

extern const struct command_option offsets_show_options[];
extern const struct command_option offsets_accept_options[];

bool offsets_show(struct command_call *call, bool *out_is_good, struct err *err);
bool offsets_accept(struct command_call *call, bool *out_is_good, struct err *err);

#endif
