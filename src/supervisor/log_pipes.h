/* The read ends of log pipes, from a start to the end of what it wrote: the keeper holds them, and systemd's store, until a logger says
 * that it has read all, whoever dies meanwhile. A start that is over leaves its pipes here; the next one has pipes of its own. */
#pragma once

#include "manager.h"

/* Pipes that no logger has are given to it; false: not all yet. */
bool log_pipes_hear(struct manager *m);
/* The start is over, and nothing of it is left to write. */
void log_pipes_leave(struct member *b);
/* On record there was a start, and it was over before we came: what stands for its pipes, as if somebody held them. NULL: out of memory. */
struct act_instance *log_pipes_recall(struct member *b);
/* The logger has read all of that stream. */
void log_pipes_ended(struct manager *m, uint64_t stream_id);
/* It could not take it: the next turn tries again. */
void log_pipes_refused(struct manager *m, uint64_t stream_id);
/* Another logger comes, which has none. */
void log_pipes_forget_logger(struct manager *m);
/* Another keeper, which holds none. */
void log_pipes_keeper_is_new(struct manager *m);
/* Some could not be given to it. */
void log_pipes_hold_again(struct manager *m);
/* The keeper holds that one; whose start nobody knows is let go. */
void log_pipes_listed(struct manager *m, const char *name);
/* It gave one back, or does not have it. */
void log_pipes_taken(struct manager *m, const char *name, struct keeper_event *e);
void log_pipes_done(struct manager *m);
