/* journald's own doors: the stdout stream protocol, and whether the native socket is there. systemd documents both in
 * "Native Journal Protocol" and sd_journal_stream_fd(3). */
#include <ctrsup/base/cleanup.h>
#include <ctrsup/logger/client.h>

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

bool logger_journal_is_there(void) {
        return access("/run/systemd/journal/socket", W_OK) == 0;
}

int logger_direct_stream(const char *tag, int priority, bool level_prefix, int *ret_fd, struct err *err) {
        const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/stdout" };
        char header[LOGGER_TAG_MAX + 32];
        _cleanup_fd_ int fd = -EBADF;

        if (strlen(tag) > LOGGER_TAG_MAX || strpbrk(tag, "\n") || priority < 0 || priority > 7)
                return err_set(err, EINVAL, "open a journal stream: no such tag or priority");
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return err_sys(err, errno, "open a journal stream");
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return err_sys(err, errno, "open a journal stream at %s", address.sun_path);
        (void)shutdown(fd, SHUT_RD);
        /* tag, unit (ours to leave empty), priority, level prefix; then forward to syslog, kmsg, console: no. */
        int n = snprintf(header, sizeof(header), "%s\n\n%d\n%d\n0\n0\n0\n", tag, priority, level_prefix);
        if (send(fd, header, (size_t)n, MSG_NOSIGNAL) != n)
                return err_sys(err, errno, "open a journal stream: send its header");
        *ret_fd = take_fd(&fd);
        return 0;
}
