/* What instances say on their notify sockets goes into the state machine, into their health and into what is shown of them.
 *
 * Read as long as an instance runs or is on its way down; what it says before the keeper's word that it started waits in the socket. A
 * sender has to be in the instance's cgroup; one that has ended by the time it is looked at is known by its pidfd, or by an id that
 * nobody but this container can have. What is refused is said once a start. Whoever floods its socket is read a bounded number of
 * messages at a time and waits in between; the pump and everybody else come first.
 *
 * A message is taken off its queue when what it says is on record: a supervisor that is killed meanwhile reads it once more.
 */
#pragma once

#include "manager.h"

#include <ctrsup/store/runs.h>

struct member_notify {
        sd_event_source *source;
        char status[RUN_STATUS_SIZE]; /* STATUS=; "": none */
        bool reloading, stopping;     /* as it says; nothing is done about it */
        bool news;                    /* its status or its deadline is another one than was told to who waits */
        unsigned refused;             /* enum refusal: was said */
};

/* After every event of b: begins when it has come up, ends when it is down. */
void notify_socket_follow(struct member *b);
/* All that waits in its queue, before a deadline is taken for missed. */
void notify_socket_hear(struct member *b);
/* Only what is in memory. */
void notify_socket_free(struct member *b);
/* The socket of a start that an earlier supervisor made; fd as act_notify_adopt() takes it. */
void notify_socket_adopt(struct member *b, int fd);
/* What is on record of starts that nobody has goes, after adoption. */
void notify_socket_sweep(struct manager *m);
/* A keeper that has nothing is there. */
void notify_socket_hold_all(struct manager *m);
/* {"status", "reloading", "stopping"}; null: it has no notify socket, or does not run. */
json_t *notify_socket_describe(const struct member *b);
