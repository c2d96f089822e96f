#include <ctrsup/report/journal.h>

#include <assert.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

int reporter_open_journal(struct reporter *r, const char *journal_path, struct err *err) {
        const char *path = journal_path ? journal_path : JOURNAL_SOCKET;
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        static_assert(sizeof(address.sun_path) == sizeof(r->journal_path), "a path for the one fits the other");
        _cleanup_fd_ int fd = -EBADF;

        if (strlen(path) >= sizeof(address.sun_path))
                return err_set(err, ENAMETOOLONG, "%s is too long for a socket's path", path);
        (void)strcpy(address.sun_path, path);
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return err_sys(err, errno, "make a socket");
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return err_sys(err, errno, "connect to %s", path);
        close_fd(r->journal_fd);
        r->journal_fd = take_fd(&fd);
        (void)strcpy(r->journal_path, path);
        return 0;
}

void reporter_done(struct reporter *r) {
        close_fd(r->journal_fd);
        *r = REPORTER_NULL;
}

/* journald that was restarted has another socket at the same path: once more, then it counts as lost. */
static bool send_entry(struct reporter *r, const struct report_event *e) {
        _cleanup_buf_ struct buf entry = BUF_NULL;

        report_journal_entry(e, &entry);
        if (buf_failed(&entry))
                return false;
        for (int tries = 0; tries < 2 && r->journal_fd >= 0; tries++) {
                if (send(r->journal_fd, entry.data, entry.len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)entry.len)
                        return true;
                if (errno != ECONNREFUSED && errno != ENOTCONN && errno != ECONNRESET)
                        return false;
                char path[sizeof(r->journal_path)];

                (void)strcpy(path, r->journal_path);
                if (reporter_open_journal(r, path, NULL) < 0)
                        return false;
        }
        return false;
}

/* A terminal that is stopped, or a pipe nobody reads, must not stop us: what does not fit at once is left out. */
static bool send_line(const struct reporter *r, const struct report_event *e) {
        struct pollfd p = { .fd = r->stderr_fd, .events = POLLOUT };
        _cleanup_buf_ struct buf line = BUF_NULL;

        if (r->stderr_fd < 0)
                return false;
        report_line(e, &line);
        if (buf_failed(&line) || poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
                return false;
        return write(r->stderr_fd, line.data, line.len < PIPE_BUF ? line.len : PIPE_BUF) >= 0; /* POLLOUT: a pipe takes that much */
}

/* Where entries go now: the journal when there is one. */
static bool emit(struct reporter *r, const struct report_event *e) {
        return r->journal_fd >= 0 ? send_entry(r, e) : send_line(r, e);
}

void reporter_send(struct reporter *r, const struct report_event *e) {
        if (report_priority(e) > r->level)
                return;
        if (!emit(r, e)) {
                r->dropped++;
                if (r->journal_fd >= 0)
                        (void)send_line(r, e);
                return;
        }
        if (r->dropped > 0) {
                char words[96];
                struct report_event lost = { .kind = REPORT_NOTICE, .priority = 4, .real_usec = e->real_usec, .message = words };

                (void)snprintf(words, sizeof(words), "%llu entr%s before this one did not reach %s", (unsigned long long)r->dropped,
                               r->dropped == 1 ? "y" : "ies", r->journal_fd >= 0 ? "the journal" : "its reader");
                if (emit(r, &lost))
                        r->dropped = 0;
        }
}
