/* One container's log on disk: <logs>/<stack>/<container>.<n>.log, records of base/logline.h, rotated by size into .1 to .N.
 *
 * Only below the logs directory, never through a symbolic link; root:adm 0640. A write that fails loses whole records, never
 * halves; it is counted, tried again after a second, and told in the log itself once it works. */
#pragma once

#include <ctrsup/base/logline.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { LOGFILE_BUFFER = 128 * 1024 + LOGLINE_MAX + LOGLINE_HEAD_MAX, LOGFILE_RETRY_USEC = 1000000 };

struct logfile {
        int logs_fd; /* not owned */
        gid_t group;
        char *stack, *name; /* "web.1.log" */
        uint64_t max_size, max_files;
        int dir_fd, fd;
        uint64_t size;
        uint64_t retry_usec; /* no write before, monotonic; 0: fine */
        uint64_t lost;       /* records since the last good write */
        int lost_code;
};

/* Records on their way to one file; one for all, as they are written out before another's turn. */
struct logfile_batch {
        char data[LOGFILE_BUFFER];
        size_t len, records;
};

int logfile_init(struct logfile *f, int logs_fd, gid_t group, const char *stack, const char *container, uint32_t replica);
void logfile_done(struct logfile *f);
/* Returns how many records were lost now. */
size_t logfile_put(struct logfile *f, struct logfile_batch *b, const char *head, size_t head_len, const char *text, size_t len,
                   uint64_t now_usec);
size_t logfile_flush(struct logfile *f, struct logfile_batch *b, uint64_t now_usec);
