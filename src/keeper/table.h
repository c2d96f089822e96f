/* What the keeper knows: containers and execs from launch to FORGET, and the fds it holds for the supervisor. Fixed size, no
 * allocation: an entry lives in static memory that is touched only when used.
 *
 * An entry is STARTING from the clone until its report pipe ends, then RUNNING (execve happened) or NOT_STARTED; RUNNING
 * becomes ENDED when the payload was reaped. What the supervisor has not been told is a bit, not a queue: a supervisor that
 * does not read, or is not there, costs nothing.
 */
#pragma once

#include <ctrsup/keeper/protocol.h>
#include <ctrsup/keeper/recipe.h>

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct entry {
        bool used, ready, failed, killed;
        bool tell_started, tell_end;    /* not yet sent */
        bool forgotten;                 /* before its preparer was reaped */
        uint8_t state;                  /* enum keeper_state */
        uint8_t kind;                   /* enum recipe_kind */
        pid_t preparer, payload;        /* 0: none, or reaped */
        pid_t pid;                      /* the payload's, also after its end */
        int preparer_fd, payload_fd;    /* pidfds; payload_fd stays until FORGET */
        int report_fd, kill_fd;
        uint8_t id[KEEPER_ID_SIZE];
        char label[KEEPER_LABEL_MAX];
        struct keeper_failure failure;
        struct keeper_exit exit;
};

struct held {
        char name[KEEPER_NAME_MAX];     /* "": free */
        int fd;
};

struct table {
        struct entry entries[KEEPER_ENTRIES_MAX];
        struct held held[KEEPER_HELD_MAX];
        uint32_t entries_end, held_end; /* nothing is in use from there on */
        uint32_t n_live;                /* STARTING or RUNNING */
};

/* NULL: full. All fds are -EBADF, the rest zero. */
struct entry *entry_add(struct table *t, const uint8_t id[KEEPER_ID_SIZE]);
struct entry *entry_find(struct table *t, const uint8_t id[KEEPER_ID_SIZE]);
/* Closes what it holds. Only for one that is not alive. */
void entry_drop(struct table *t, struct entry *e);
static inline bool entry_is_alive(const struct entry *e) { return e->used && e->state <= KEEPER_RUNNING; }

struct held *held_find(struct table *t, const char *name);
int held_put(struct table *t, const char *name, int fd); /* consumes fd on success; -ENOSPC */
int held_drop(struct table *t, const char *name);        /* -ENOENT */
