/* How a process ended that is nobody's child of ours: its keeper was killed, so waitid(2) tells nobody here.
 *
 * Whoever inherits it reaps it at a time of its own. Before that, /proc/PID/stat of the zombie has the status; after that a pidfd
 * that was open before tells it (PIDFD_GET_INFO, Linux 6.15). On older kernels a zombie that was reaped first is gone without a word.
 */
#pragma once

#include <ctrsup/state/status.h>

/* pidfd: of the process; ticks: its start (observe/started.h). 1: *ret says how it ended. 0: not known yet, it runs or its end is being
 * told: ask again. -ENODATA: nobody will ever tell. */
int exit_peek(int pidfd, pid_t pid, uint64_t ticks, struct exit_info *ret);
