/*
 * assignment.h - this worker as a member of the consumer group, and the partitions that the group has given
 * it: begun where their positions are committed, given back when their commits are answered, and, when the
 * group has given them to others meanwhile, dropped for a new membership. One insert runs at a time, and
 * partitions take turns. Loop thread; nothing blocks.
 */
#ifndef MILLRACE_ASSIGNMENT_H
#define MILLRACE_ASSIGNMENT_H

#include "common/base/err.h"

#include <stdbool.h>

struct assignment;
struct batch_context;
struct service;
struct stage_view;

/* Joins the group; the context's consumer is this one's from now on. The three: keeps. A failure that comes
 * later ends the service. */
bool assignment_start(struct service *service, struct batch_context *context, struct stage_view *view,
                      struct assignment **out_assignment, struct err *err);

/* Does what can be done now; called in every turn of the stage. */
void assignment_step(struct assignment *assignment);

/* Takes nothing new, and closes its partitions. */
void assignment_close(struct assignment *assignment);

/* After assignment_close: nothing is left to wait for. */
bool assignment_is_closed(const struct assignment *assignment);

/* The end in two steps, since the last reports of what is being forwarded come when the producer ends:
 * abandon, end of the producer, stop. */
void assignment_abandon(struct assignment *assignment);
void assignment_stop(struct assignment **assignment);

#endif
