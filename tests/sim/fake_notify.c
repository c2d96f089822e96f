/* The notify sockets of kernel/notify_socket.h, and what processes say on them. A socket lives as long as somebody has it open: the
 * supervisor, the keeper, or a request on its way to the keeper; what nobody reads any more is lost with it. Senders wait while the
 * queue is full, as sd_notify(3) does.
 */
#include "sim.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/notify_socket.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { QUEUE_MAX = 10 /* net.unix.max_dgram_qlen */, TEXT_MAX = 64, ID_TEXT = 2 * KEEPER_ID_SIZE };
#define PING_USEC (5 * USEC_PER_SEC)

struct notify {
        char id[ID_TEXT + 1];
        struct {
                struct proc *from;
                char text[TEXT_MAX];
        } queue[QUEUE_MAX];
        size_t n;
};

static struct notify *sockets[4096]; /* one a process, as the world */
static size_t n_sockets;

/* The one that is bound there now. */
static struct notify *find(const struct proc *p) {
        char id[ID_TEXT + 1];

        for (size_t n = 0; n < KEEPER_ID_SIZE; n++)
                (void)snprintf(id + 2 * n, 3, "%02x", p->id[n]);
        for (size_t n = n_sockets; n-- > 0;)
                if (strcmp(sockets[n]->id, id) == 0)
                        return sockets[n];
        return NULL;
}

static bool is_open(const struct notify *s) {
        for (size_t n = 0; n < WORLD_FDS_MAX; n++)
                if (world.fds[n].kind == FD_NOTIFY && world.fds[n].object == s)
                        return true;
        return keeper_has(s);
}

bool notify_is_readable(const void *socket) {
        return ((const struct notify *)socket)->n > 0;
}

/* --- the supervisor's end --- */

int notify_socket_bind(int dir_fd, const char *name, int *ret_fd, struct err *err) {
        char link[64], path[256];

        (void)unlinkat(dir_fd, name, 0);
        int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666); /* its name is there, so that it has to be removed */
        if (fd < 0)
                return err_set(err, EIO, "killed");
        (void)close(fd);
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", dir_fd);
        ssize_t len = readlink(link, path, sizeof(path) - 1);
        path[len > 0 ? len : 0] = '\0';
        if (n_sockets == ARRAY_SIZE(sockets) || !strrchr(path, '/'))
                violation("%zu notify sockets, the last one in \"%s\"", n_sockets, path);
        struct notify *s = calloc(1, sizeof(*s));
        (void)snprintf(s->id, sizeof(s->id), "%s", strrchr(path, '/') + 1);
        for (size_t n = 0; n < n_sockets; n++)
                if (strcmp(sockets[n]->id, s->id) == 0 && is_open(sockets[n]))
                        violation("the notify socket of start %s is bound anew, and somebody has it", s->id);
        sockets[n_sockets++] = s;
        *ret_fd = world_fd(FD_NOTIFY, s);
        return 0;
}

int notify_socket_peek(int fd, struct notify_datagram *ret) {
        const struct notify *s = world_fd_of(fd).object;

        if (world_fd_of(fd).kind != FD_NOTIFY)
                violation("fd %d is read as a notify socket", fd);
        if (s->n == 0)
                return 0;
        *ret = (struct notify_datagram){
                .pid = s->queue[0].from->pid, .uid = (uid_t)-1, .pidfd = -EBADF, .size = strlen(s->queue[0].text)
        };
        memcpy(ret->data, s->queue[0].text, ret->size);
        return 1;
}

void notify_socket_drop(int fd) {
        struct notify *s = world_fd_of(fd).object;

        if (!world_seam() || s->n == 0)
                return;
        if (strstr(s->queue[0].text, "READY=1"))
                s->queue[0].from->ready_heard = true;
        memmove(s->queue, s->queue + 1, --s->n * sizeof(s->queue[0]));
}

/* --- the processes' --- */

static const char *const words[] = {
        "READY=1",
        "WATCHDOG=1",
        "STATUS=a",
        "STATUS=b\nREADY=1",
        "EXTEND_TIMEOUT_USEC=3000000",
        "STOPPING=1",
        "MAINPID=7",
        "RELOADING=1",
        "WATCHDOG=trigger",
        "FDSTORE=1\nFDNAME=x",
        "WATCHDOG_USEC=9000000",
        "nonsense",
        "EXTEND_TIMEOUT_USEC=99999999999999999",
};
enum { SAYS_READY = 0, SAYS_ALIVE = 1 };

static void says(void *object, uint64_t word) {
        struct proc *p = object;
        struct notify *s = find(p);

        if (p->state != PROC_RUNNING || !s || !is_open(s))
                return;
        if (s->n == QUEUE_MAX) {
                world_at(world.mono_usec + 10 * USEC_PER_MSEC, says, p, word);
                return;
        }
        s->queue[s->n].from = p;
        (void)snprintf(s->queue[s->n++].text, TEXT_MAX, "%s", words[word]);
        trace("%s: pid %d says %s", p->label, p->pid, words[word]);
}

static void pings(void *object, uint64_t word) {
        struct proc *p = object;

        if (p->state != PROC_RUNNING)
                return;
        says(p, word);
        world_at(world.mono_usec + PING_USEC, pings, p, SAYS_ALIVE);
}

void notify_live(struct proc *p) {
        struct chance *c = &world.chance;

        if (!p->notifies)
                return;
        if (world.calm) {
                world_at(world.mono_usec + 1000, says, p, SAYS_READY);
                if (!p->pings)
                        world_at(world.mono_usec + 2000, pings, p, SAYS_ALIVE);
                p->pings = true;
                return;
        }
        if (!chance_one_in(c, 4))
                world_at(world.mono_usec + chance_below(c, 3 * USEC_PER_SEC), says, p, SAYS_READY);
        p->pings = chance_one_in(c, 2);
        if (p->pings)
                world_at(world.mono_usec + chance_below(c, PING_USEC), pings, p, SAYS_ALIVE);
        for (uint64_t n = chance_below(c, 5); n > 0; n--)
                world_at(world.mono_usec + chance_below(c, 20 * USEC_PER_SEC), says, p, chance_below(c, ARRAY_SIZE(words)));
}

void notify_calm(void) {
        for (size_t n = 0; n < world.n_procs; n++)
                if (world.procs[n]->main && world.procs[n]->state == PROC_RUNNING)
                        notify_live(world.procs[n]);
}

void notify_check(const struct proc *p, int fd, bool hold_due) {
        const struct notify *s = find(p);

        if (fd < 0 || world_fd_of(fd).object != s)
                violation("%s: pid %d speaks to a socket that nobody reads", p->label, p->pid);
        if (keeper_is_alive() && keeper_is_connected() && !hold_due && !keeper_has(s))
                violation("%s: the keeper does not have the notify socket of pid %d", p->label, p->pid);
        if (s->n > 0)
                violation("%s: pid %d has said %s, and nobody has heard it", p->label, p->pid, s->queue[0].text);
}
