/* The keeper program's parts: launch.c clones and follows a launch to its end, server.c speaks with the supervisor, main.c
 * prepares the process and turns the loop.
 */
#pragma once

#include "table.h"

#include <stdbool.h>

enum { REPLIES_MAX = 16 };

/* What an epoll event is about: kind, and the entry's index above it. */
enum source { SOURCE_LISTEN, SOURCE_CLIENT, SOURCE_REPORT, SOURCE_PREPARER, SOURCE_PAYLOAD };

struct keeper {
        int epoll, listen, client;
        int runtime;                  /* the runtime directory, for the socket's name */
        int host_mounts, own_mounts, init;
        bool ephemeral, ending;
        struct table table;

        /* what the client has yet to get, besides the bits in the table */
        bool hello, blocked;          /* blocked: the socket is full, wait for EPOLLOUT */
        struct keeper_message replies[REPLIES_MAX];
        uint32_t n_replies;
        bool listing;
        uint32_t list_at;             /* entries first, then held fds */
        int fds[RECIPE_FDS_MAX + 1];  /* of the message being handled */
};

/* -- launch.c -- */
struct launch {
        const struct keeper_message *message;
        const int *fds; /* the recipe, then what it names; the caller closes them */
        size_t n_fds;
};
/* On failure *ret tells why; nothing is left then. */
int launch_begin(struct keeper *k, const struct launch *launch, struct keeper_failure *ret);
void launch_on_event(struct keeper *k, enum source source, uint32_t index);
void launch_kill_all(struct keeper *k);
int keeper_watch(struct keeper *k, int fd, enum source source, uint32_t index, uint32_t events);

/* -- server.c -- */
void server_on_listen(struct keeper *k);
void server_on_client(struct keeper *k, uint32_t events);
void server_flush(struct keeper *k); /* sends what is unsent as far as the socket takes it */

/* -- confine.c -- */
int confine(const char *dir); /* into a small mount namespace; dir: any directory, covered for a moment */
