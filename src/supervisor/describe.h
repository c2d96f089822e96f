/* Members and the daemon as the control interface's JSON types. New references; NULL: out of memory. */
#pragma once

#include "manager.h"

json_t *describe_container(const struct member *b);               /* Container */
json_t *describe_transition(const struct member *b, enum phase from); /* Transition */
json_t *describe_failure(const struct member *b);                 /* Failure */
json_t *describe_exit(const struct exit_info *e);                 /* ?Exit */
json_t *describe_daemon(const struct manager *m);                 /* Daemon */
/* "" and NULL: null. Words are cut at the ends of their arrays, in the middle of a character perhaps: that one goes, not all of them. */
json_t *describe_text(const char *text);
/* usec of CLOCK_REALTIME as RFC 3339; 0: null. */
json_t *describe_time(uint64_t usec);
