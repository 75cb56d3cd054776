/*
 * config_check.h - what the table's ranges can't say: the shape of addresses, URLs and names, and limits
 * that belong together. Pure.
 */
#ifndef MILLRACE_CONFIG_CHECK_H
#define MILLRACE_CONFIG_CHECK_H

#include "common/service/config.h"

/* For single texts; each is a settings_check_text. */
bool config_check_listen(const char *text, struct err *err);
bool config_check_optional_listen(const char *text, struct err *err); /* "" too */
bool config_check_url(const char *text, struct err *err);
bool config_check_brokers(const char *text, struct err *err);
bool config_check_dsn(const char *text, struct err *err); /* shows nothing of it: it may hold a password */
bool config_check_topic(const char *text, struct err *err);

/* Between keys: appends a line for each problem, with `where` in front; true: there is none. */
bool config_check(const struct config *config, const char *where, struct buf *problems);

#endif
