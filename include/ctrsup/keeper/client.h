/* The supervisor's end of the keeper: spawns or finds one, sends, and hands out what comes back as events.
 *
 * Nothing here blocks once connected, but keeper_client_upgrade(). Requests are sent at once, or kept in order until the keeper
 * reads again: poll for keeper_client_events() and call keeper_client_flush() on EPOLLOUT. Only a launch is not kept (-EAGAIN:
 * try at the next round). Answers and news come through keeper_client_read() when keeper_client_fd() is readable.
 */
#pragma once

#include <ctrsup/base/err.h>
#include <ctrsup/keeper/protocol.h>
#include <ctrsup/keeper/recipe.h>

#include <stdbool.h>

enum { KEEPER_CLIENT_QUEUE_MAX = 32768 }; /* more requests than a keeper has entries and fds */

struct keeper_client;

struct keeper_spawn {
        const char *program;  /* path of ctrsup-keeper */
        const char *init;     /* path of ctrsup-init; NULL: beside the program */
        const char *runtime;  /* an existing directory of ours */
        bool ephemeral;       /* the keeper kills what it has and ends when the connection closes */
        int cgroup_fd;        /* the keeper's own leaf, or -EBADF: stay in ours */
};

/* To a living keeper. -ENOENT or -ECONNREFUSED: there is none; only then may another be started. Waits for its HELLO (2 s at
 * most). One of another version of the protocol is upgraded (see below); -EPROTO and others: it cannot be, in words. */
int keeper_client_connect(const char *runtime, struct keeper_client **ret, struct err *err);
/* Over a connected socket, which it takes; no HELLO is waited for. For tests. */
int keeper_client_adopt(int sock, struct keeper_client **ret);
/* Starts one and connects to it. An ephemeral one dies with this connection. */
int keeper_client_spawn(const struct keeper_spawn *spawn, struct keeper_client **ret, struct err *err);
struct keeper_client *keeper_client_free(struct keeper_client *c); /* returns NULL; takes NULL */
static inline void keeper_client_freep(struct keeper_client **c) { *c = keeper_client_free(*c); }
#define _cleanup_keeper_client_ _cleanup_(keeper_client_freep)

int keeper_client_fd(const struct keeper_client *c);   /* poll for reading; borrowed */
pid_t keeper_client_pid(const struct keeper_client *c); /* of the keeper */

uint32_t keeper_client_events(const struct keeper_client *c); /* EPOLLIN, and EPOLLOUT when requests wait */
int keeper_client_flush(struct keeper_client *c);             /* as far as the socket takes them; -ECONNRESET */

const char *keeper_client_build(const struct keeper_client *c); /* "" of a keeper from before builds had names */
/* Whether it runs another file than the one at program (a path that an upgrade replaced). False when there is none there. */
bool keeper_client_is_outdated(const struct keeper_client *c, const char *program);
/* Lets the keeper execute the file at its own path, keeping all it has, and connects anew: what was unread is gone, ask LIST.
 * Waits (15 s at most). -ECONNRESET: the keeper is gone. Anything else: the connection goes on, and err tells why the keeper is
 * what it was. */
int keeper_client_upgrade(struct keeper_client *c, struct err *err);
/* The same words from a HELLO that came by itself; 0: it tells of no failure. */
int keeper_upgrade_explain(const struct keeper_message *hello, struct err *err);

/* All return 0 or -errno (launch: -EAGAIN, later; the others: -ENOBUFS when KEEPER_CLIENT_QUEUE_MAX wait). The fds the recipe names are duplicated by the kernel: close yours when you like. */
int keeper_client_launch(struct keeper_client *c, const uint8_t id[KEEPER_ID_SIZE], const char *label, const struct recipe *recipe, struct err *err);
int keeper_client_forget(struct keeper_client *c, const uint8_t id[KEEPER_ID_SIZE]);
int keeper_client_list(struct keeper_client *c);
int keeper_client_hold(struct keeper_client *c, const char *name, int fd);
int keeper_client_take(struct keeper_client *c, const char *name);
int keeper_client_release(struct keeper_client *c, const char *name);
int keeper_client_quit(struct keeper_client *c, bool kill);

/* A message with its fd (-EBADF: none). The caller owns the fd: take_fd() it or keeper_event_done(). */
struct keeper_event {
        struct keeper_message message;
        int fd;
};

#define KEEPER_EVENT_NULL ((struct keeper_event){ .fd = -EBADF })
static inline void keeper_event_done(struct keeper_event *e) { e->fd = close_fd(e->fd); }

/* 1: *ret is the next event, without its fd when this process may not have one more; 0: nothing now; -ECONNRESET: the keeper is gone
 * (or a newer connection took over); -EBADMSG. */
int keeper_client_read(struct keeper_client *c, struct keeper_event *ret);
