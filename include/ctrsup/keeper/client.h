/* The supervisor's end of the keeper: spawns or finds one, sends, and hands out what comes back as events.
 *
 * Nothing here blocks once connected. Requests are sent at once (-EAGAIN when the keeper does not read: try at the next
 * round); answers and news come through keeper_client_read() when keeper_client_fd() is readable.
 */
#pragma once

#include <ctrsup/base/err.h>
#include <ctrsup/keeper/protocol.h>
#include <ctrsup/keeper/recipe.h>

#include <stdbool.h>

struct keeper_client;

struct keeper_spawn {
        const char *program;  /* path of ctrsup-keeper */
        const char *init;     /* path of ctrsup-init; NULL: beside the program */
        const char *runtime;  /* an existing directory of ours */
        bool ephemeral;       /* the keeper kills what it has and ends when the connection closes */
        int cgroup_fd;        /* the keeper's own leaf, or -EBADF: stay in ours */
};

/* To a living keeper. -ENOENT or -ECONNREFUSED: there is none. Waits for its HELLO (2 s at most). */
int keeper_client_connect(const char *runtime, struct keeper_client **ret, struct err *err);
/* Starts one and connects to it. An ephemeral one dies with this connection. */
int keeper_client_spawn(const struct keeper_spawn *spawn, struct keeper_client **ret, struct err *err);
struct keeper_client *keeper_client_free(struct keeper_client *c); /* returns NULL; takes NULL */
static inline void keeper_client_freep(struct keeper_client **c) { *c = keeper_client_free(*c); }
#define _cleanup_keeper_client_ _cleanup_(keeper_client_freep)

int keeper_client_fd(const struct keeper_client *c);   /* poll for reading; borrowed */
pid_t keeper_client_pid(const struct keeper_client *c); /* of the keeper */

/* All return 0 or -errno (-EAGAIN: later). The fds the recipe names are duplicated by the kernel: close yours when you like. */
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

/* 1: *ret is the next event; 0: nothing now; -ECONNRESET: the keeper is gone (or a newer connection took over); -EBADMSG. */
int keeper_client_read(struct keeper_client *c, struct keeper_event *ret);
