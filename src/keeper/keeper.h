/* The keeper program's parts: launch.c clones and follows a launch to its end, server.c speaks with the supervisor, setup.c
 * prepares the process, upgrade.c lets a new program take over in it, main.c turns the loop.
 */
#pragma once

#include "table.h"

#include <limits.h>
#include <stdbool.h>

enum { REPLIES_MAX = 16, CGROUP_DIRS_MAX = 16 };

/* What an epoll event is about: kind, and the entry's index above it. */
enum source { SOURCE_LISTEN, SOURCE_CLIENT, SOURCE_REPORT, SOURCE_PREPARER, SOURCE_PAYLOAD, SOURCE_SIGNAL, SOURCE_TRIAL };

/* The trial of a new program, and what came of the last one. */
struct upgrade {
        pid_t pid;                    /* of the trial; 0: none */
        int pidfd, report;
        uint64_t deadline_usec;       /* CLOCK_BOOTTIME; UINT64_MAX: it was killed for it, or there is none */
        dev_t dev;                    /* the file that is tried */
        ino_t ino;
        uint32_t step, error;         /* enum keeper_upgrade */
};

struct keeper {
        int epoll, listen, client;
        int signals;                  /* signalfd: SIGHUP */
        int lock;                     /* flock: no other keeper serves here */
        int runtime;                  /* the runtime directory, for the socket's name */
        int host_mounts, own_mounts, init;
        bool ephemeral, ending;
        unsigned stray_looks; /* left, for children that nobody told of */
        struct table table;
        struct upgrade upgrade;
        char program[PATH_MAX], runtime_path[PATH_MAX], init_path[PATH_MAX]; /* absolute, in the host's mount namespace */

        /* what the client has yet to get, besides the bits in the table */
        bool hello, blocked;          /* blocked: the socket is full, wait for EPOLLOUT */
        bool deaf;                    /* out of fds: nobody is accepted for a moment */
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
int launch_timeout_msec(const struct keeper *k);
void launch_tick(struct keeper *k); /* after each wait */
int launch_watch_all(struct keeper *k); /* after an upgrade: everything that can still happen to what is in the table */
uint64_t keeper_now_usec(void);         /* CLOCK_BOOTTIME */
int keeper_watch(struct keeper *k, int fd, enum source source, uint32_t index, uint32_t events);

/* -- server.c -- */
void server_on_listen(struct keeper *k);
int server_timeout_msec(const struct keeper *k); /* for epoll_wait(2): when server_tick() has something to do */
void server_tick(struct keeper *k);
void server_on_client(struct keeper *k, uint32_t events);
void server_flush(struct keeper *k); /* sends what is unsent as far as the socket takes it */
/* After an upgrade: HELLO, and whatever the program before had not sent. protocol: what the client was greeted with. */
void server_resume(struct keeper *k, uint32_t protocol);

/* -- setup.c: each complains in one line on stderr and returns -errno -- */
struct options {
        const char *runtime, *init;
        const char *cgroup_dirs[CGROUP_DIRS_MAX];
        size_t n_cgroup_dirs;
        bool ephemeral, daemon;
        int resume, check; /* -EBADF: not asked for */
};
int setup_new(struct keeper *k, const struct options *o, const char *program);
int setup_resume(struct keeper *k, const struct options *o, const char *program);
int setup_check(const struct options *o); /* an exit status: could a keeper resume from that? */

/* -- upgrade.c -- */
int upgrade_watch(struct keeper *k); /* SIGHUP, which is blocked */
void upgrade_on_event(struct keeper *k, enum source source);
int upgrade_timeout_msec(const struct keeper *k); /* for epoll_wait(2): when upgrade_tick() has something to do */
void upgrade_tick(struct keeper *k);
int upgrade_inherit(const struct keeper *k, bool inherit); /* all that is kept over execve, as CLOEXEC or not */

/* -- reexec.c -- */
/* Executes the keeper again, from a read-only mount of its file. An image's script whose interpreter is /proc/self/exe makes the
 * payload execute the keeper within the container, and whoever holds /proc/PID/exe there could write to the file, once no keeper
 * runs (CVE-2019-5736). Returns 0 in the new program. */
int reexec_read_only(char **argv);

/* -- confine.c -- */
int confine(const char *dir); /* into a small mount namespace; dir: any directory, covered for a moment */
