/* The client's parts: client.c speaks, client_queue.c keeps what the socket would not take, client_upgrade.c gets the keeper
 * to become another build. */
#pragma once

#include <ctrsup/keeper/client.h>

struct client_queued {
        struct keeper_message message;
        int fd;
};

struct keeper_client {
        int sock;
        char *runtime;                 /* NULL: of a test, which gave the socket */
        struct keeper_message hello;   /* the last one */
        struct client_queued *queue;   /* a ring */
        size_t queue_size, queue_first, n_queued;
};

/* What came of a send: -EAGAIN is worth another one later, -ECONNRESET is the keeper's end. */
int client_sent(int r);
/* Sends, or keeps it for when there is room: 0, -ENOBUFS, -ENOMEM, -ECONNRESET. fd: borrowed, -EBADF: none. */
int client_queue_send(struct keeper_client *c, const struct keeper_message *m, int fd);
void client_queue_done(struct keeper_client *c);

/* A new socket in place of c->sock, and its HELLO. -EPROTO: of another version (c->hello tells which). */
int client_open(struct keeper_client *c, struct err *err);
/* Waits for the next HELLO, in the shape of any version; other messages are thrown away. -ECONNRESET, -ETIMEDOUT. */
int client_wait_hello(struct keeper_client *c, int timeout_msec);
/* By SIGHUP, whatever it speaks; then a new connection as client_open(). -ECONNRESET: the keeper is gone. */
int client_upgrade(struct keeper_client *c, struct err *err);
