/* Any packets at the keeper's socket, with and without an fd: answered or refused, and no fd is lost on the way. */
#include <ctrsup/base/cleanup.h>
#include <ctrsup/keeper/protocol.h>
#include <ctrsup/kernel/io.h>

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "keeper/keeper.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_fds(void) {
        size_t n = 0;

        for (int fd = 0; fd < 64; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

/* server.c reads what a client may send. LAUNCH without a sealed recipe ends in a refusal. */
static void to_keeper(const uint8_t *data, size_t size) {
        static struct keeper k;
        int ends[2];

        memset(&k, 0, offsetof(struct keeper, table));
        k.n_replies = 0;
        k.blocked = k.hello = k.listing = false;
        k.table.entries_end = 0;
        k.epoll = k.listen = k.runtime = k.host_mounts = k.own_mounts = k.init = -EBADF;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
                return;
        k.client = ends[0];
        for (size_t at = 0; at < size;) {
                struct keeper_message m = { 0 };
                size_t n = size - at < sizeof(m) ? size - at : sizeof(m);
                memcpy(&m, data + at, n);
                m.kind %= 9;
                int fd = data[at] & 0x80 ? ends[1] : -EBADF;
                (void)io_send(ends[1], &m, data[at] & 0x40 ? n : sizeof(m), &fd, fd >= 0);
                at += n;
        }
        for (int i = 0; i < 64 && k.client >= 0; i++) {
                char answer[sizeof(struct keeper_message)];
                server_on_client(&k, 4 /* EPOLLOUT */);
                while (recv(ends[1], answer, sizeof(answer), MSG_DONTWAIT) > 0)
                        ;
        }
        (void)close_fd(k.client);
        (void)close(ends[1]);
        while (k.table.held_end > 0)
                (void)held_drop(&k.table, k.table.held[k.table.held_end - 1].name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size == 0 || size > 16384)
                return 0;
        size_t before = count_fds();
        to_keeper(data, size);
        if (count_fds() != before)
                __builtin_trap();
        return 0;
}
