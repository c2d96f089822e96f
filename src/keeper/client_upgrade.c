/* A keeper lives longer than the package it came from. What it runs is asked of the kernel, not of it; that it shall become
 * what is installed is said by a signal, which every version understands that can do it at all. */
#include "client_private.h"

#include <ctrsup/kernel/io.h>
#include <ctrsup/kernel/sys.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { UPGRADE_TIMEOUT_MSEC = 15000, STATUS_SIZE = 8192 };

bool keeper_client_is_outdated(const struct keeper_client *c, const char *program) {
        struct stat runs, installed;
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)c->hello.pid);
        if (stat(program, &installed) < 0)
                return false; /* nothing to become */
        return stat(path, &runs) < 0 || runs.st_dev != installed.st_dev || runs.st_ino != installed.st_ino;
}

/* SIGHUP ends a process that does not expect it, as keepers of before did not. */
static bool expects_hangup(pid_t pid) {
        char path[64], text[STATUS_SIZE];

        (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : io_read_full(fd, text, sizeof(text) - 1);
        text[n < 0 ? 0 : n] = '\0';
        const char *blocked = strstr(text, "\nSigBlk:");
        return blocked && (strtoull(blocked + strlen("\nSigBlk:"), NULL, 16) & UINT64_C(1) << (SIGHUP - 1)) != 0;
}

/* The process at the other end: the pid was its own when it began to listen, and as its end is still open after the pidfd was
 * made, the pidfd is of no other. */
static int open_peer(const struct keeper_client *c, struct err *err) {
        struct pollfd p = { .fd = c->sock, .events = POLLRDHUP };
        struct ucred peer;
        socklen_t size = sizeof(peer);

        if (getsockopt(c->sock, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return err_sys(err, errno, "ask who the keeper is");
        _cleanup_fd_ int pidfd = sys_pidfd_open(peer.pid);
        if (pidfd < 0 || peer.uid != 0 || peer.pid != c->hello.pid || !expects_hangup(peer.pid))
                return err_set(err, EOPNOTSUPP, "the keeper (pid %d) is of a build that cannot be upgraded in place",
                               (int)c->hello.pid);
        if (poll(&p, 1, 0) != 0)
                return err_set(err, ECONNRESET, "the keeper (pid %d) is gone", (int)peer.pid);
        return take_fd(&pidfd);
}

static const char *refusal(uint32_t status) {
        switch (status) {
        case EXIT_SUCCESS:
                return "the program is no keeper";
        case KEEPER_EXIT_USAGE:
                return "the program does not know how to take over";
        case KEEPER_EXIT_TABLE:
                return "the program does not understand the keeper's table; is it older?";
        case KEEPER_EXIT_INIT:
                return "ctrsup-init cannot be loaded";
        default:
                return NULL;
        }
}

int keeper_upgrade_explain(const struct keeper_message *hello, struct err *err) {
        int error = hello->error > 0 && hello->error < 4096 ? (int)hello->error : EIO;
        const char *words;

        switch ((enum keeper_upgrade)hello->state) {
        case KEEPER_UPGRADE_NONE:
                return 0;
        case KEEPER_UPGRADE_SAVE:
                (void)err_sys(err, error, "write down its table");
                break;
        case KEEPER_UPGRADE_EXECUTE:
                (void)err_sys(err, error, "execute its program");
                break;
        case KEEPER_UPGRADE_REFUSED:
                words = refusal(hello->error);
                if (words)
                        (void)err_set(err, ENOEXEC, "%s", words);
                else
                        (void)err_set(err, ENOEXEC, "the program exits with status %u", hello->error);
                break;
        case KEEPER_UPGRADE_DIED:
                (void)err_set(err, ENOEXEC, "the program dies of signal %u (%s)", hello->error, strsignal((int)hello->error));
                break;
        case KEEPER_UPGRADE_SLOW:
                (void)err_set(err, ETIMEDOUT, "the program does not answer");
                break;
        case _KEEPER_UPGRADE_MAX:
        default:
                (void)err_set(err, EIO, "for a reason of a later version");
        }
        return err_wrap(err, "the keeper (pid %d) goes on as it is", (int)hello->pid);
}

int client_upgrade(struct keeper_client *c, struct err *err) {
        _cleanup_fd_ int pidfd = open_peer(c, err);

        if (pidfd < 0)
                return pidfd;
        if (sys_pidfd_send_signal(pidfd, SIGHUP) < 0)
                return err_sys(err, errno, "tell the keeper to upgrade");
        int told = client_wait_hello(c, UPGRADE_TIMEOUT_MSEC);
        if (told == -ETIMEDOUT)
                return err_set(err, ETIMEDOUT, "the keeper (pid %d) does not answer", (int)c->hello.pid);
        struct keeper_message answer = c->hello;
        int r = client_open(c, err);
        if (r == -ECONNREFUSED || r == -ENOENT)
                return err_set(err, ECONNRESET, "the keeper (pid %d) is gone", (int)answer.pid);
        if (r < 0)
                return r;
        return told < 0 ? 0 : keeper_upgrade_explain(&answer, err);
}

int keeper_client_upgrade(struct keeper_client *c, struct err *err) {
        return client_upgrade(c, err);
}
