/* The keeper's whole state as one flat buffer, in a sealed memfd: what one program hands to the next in execve(2).
 *
 * Native byte order, offsets from the start. A reader knows every version up to its own; a record that grows does so at its
 * end, in a new version. The writer trusts the table, the reader trusts nothing: what resume_open() lets through can be
 * followed without looking again, whoever wrote it. Nothing here makes a system call or allocates.
 */
#pragma once

#include "keeper.h"

#define RESUME_MAGIC UINT64_C(0x31656d757365726b) /* "kresume1" */

enum {
        RESUME_VERSION = 1,
        RESUME_SIZE_MAX = 8 << 20,
        RESUME_FD_MAX = 1 << 20, /* a higher number is not believed */
};

enum resume_flag { RESUME_ENDING = 1 << 0, RESUME_LISTING = 1 << 1, _RESUME_FLAGS_ALL = (1 << 2) - 1 };

/* Of an entry, the bools of struct entry. */
enum resume_entry_flag {
        RESUME_READY = 1 << 0,
        RESUME_FAILED = 1 << 1,
        RESUME_KILLED = 1 << 2,
        RESUME_TELL_STARTED = 1 << 3,
        RESUME_TELL_END = 1 << 4,
        RESUME_FORGOTTEN = 1 << 5,
        _RESUME_ENTRY_FLAGS_ALL = (1 << 6) - 1,
};

/* fds are numbers, which stay the same over execve; -1: none. No number occurs twice. */
struct resume_header {
        uint64_t magic;
        uint32_t version, size;
        uint32_t protocol;          /* KEEPER_VERSION of the writer: what the client was greeted with */
        uint32_t flags, list_at;
        int32_t lock, listen, client, runtime, host_mounts, own_mounts, init;
        uint32_t n_entries, entries;
        uint32_t n_held, held;
        uint32_t n_replies, replies; /* struct keeper_message */
};

struct resume_entry {
        uint32_t index, flags;      /* index: ascending */
        uint32_t state, kind;
        int32_t preparer, payload, pid;
        int32_t preparer_fd, payload_fd, report_fd, kill_fd;
        uint8_t id[KEEPER_ID_SIZE];
        char label[KEEPER_LABEL_MAX];
        struct keeper_failure failure;
        struct keeper_exit exit;
};

struct resume_held {
        uint32_t index;             /* ascending */
        int32_t fd;
        char name[KEEPER_NAME_MAX];
};

size_t resume_size(const struct keeper *k);
/* data: 8-aligned, of resume_size() bytes. */
void resume_write(const struct keeper *k, void *data);

struct resume_view {
        const struct resume_header *header;
        const struct resume_entry *entries;
        const struct resume_held *held;
        const struct keeper_message *replies;
};

/* data: 8-aligned, must not change while the view is used. -EBADMSG. */
int resume_open(const void *data, size_t size, struct resume_view *ret);
/* Into a keeper that is all zero. Nothing is watched yet. */
void resume_load(const struct resume_view *v, struct keeper *k);
