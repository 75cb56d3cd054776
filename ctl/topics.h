/*
 * topics.h - `millrace topics`: the topics that Millrace needs, made or checked.
 */
#ifndef MILLRACE_CTL_TOPICS_H
#define MILLRACE_CTL_TOPICS_H

#include "ctl/command.h"

extern const struct command_option topics_init_options[];
extern const struct command_option topics_check_options[];

bool topics_init(struct command_call *call, bool *out_is_good, struct err *err);
bool topics_check(struct command_call *call, bool *out_is_good, struct err *err);

#endif
