/* What system calls a process makes while something is asked of it, and putting a signal or an error at one of them. */
#pragma once

#include "rig.h"

struct trace_point {
        char call[32];         /* strace's name; "*": any of a child of the keeper */
        unsigned ordinal;      /* its when-th, counted from the attachment */
        char error[16];        /* "": SIGKILL */
};

struct trace_points {
        struct trace_point *items;
        size_t n, size;
};

void trace_points_add(struct trace_points *t, const char *call, unsigned ordinal, const char *error);
/* Each call that strace wrote to path: once for the signal, and once for each error that may come of it. */
void trace_points_read(struct trace_points *t, const char *path);

/* strace's arguments for the point (NULL: record all), as the rest of them: "-p PID", or a command. Static memory. */
const char *const *trace_command(const char *output, const struct trace_point *p, pid_t attach_to);
/* Attached, or false when the process or strace ended first. */
bool trace_wait_attached(pid_t pid);
/* Whether strace wrote that it injected. */
bool trace_injected(const char *output);
/* An error was put where the kernel has none: to take a file out of an epoll set needs no memory, and sd-event cannot do without. */
bool trace_is_impossible(const char *output);

/* The children of a process: each is stopped at its system calls until its execve, and the call that is the point's by its ordinal
 * among all of them fails, or its caller is killed. p NULL: none, they are counted. */
struct trace_children;
struct trace_children *trace_children_start(pid_t parent, const struct trace_point *p);
unsigned trace_children_end(struct trace_children *t, bool *ret_hit); /* returns the count */
void trace_children_free(struct trace_children *t);
/* The number of the nth call, from 1; -1: not known. */
long trace_children_call(const struct trace_children *t, unsigned n);
/* The nth call of children: once for the signal, and once for each error that may come of it. */
void trace_points_add_child(struct trace_points *t, const struct trace_children *c, unsigned n);
