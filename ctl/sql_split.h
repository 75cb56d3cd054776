/*
 * sql_split.h - the statements of an SQL file, for a server that takes one at a time. A statement ends
 * with ';' at the end of a line, outside quotes and comments. Pure.
 */
#ifndef MILLRACE_SQL_SPLIT_H
#define MILLRACE_SQL_SPLIT_H

#include "common/base/slice.h"

/* Takes the next statement off the front of `rest`: without its ';' and with the comments before it.
 * False when only blanks and comments are left. A last statement needs no ';'. Borrows from rest. */
bool sql_split_next(struct slice *rest, struct slice *out_statement);

#endif
