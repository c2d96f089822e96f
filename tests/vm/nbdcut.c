/* nbdcut SOCKET FILE SEED: serves FILE over NBD to one QEMU, as a disk with a volatile write cache (cutdisk.h). A client that
 * says goodbye leaves a clean disk; one that vanishes (SIGKILL) has had its power cut. Says at the end what was lost.
 *
 * The protocol: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md, fixed newstyle; numbers are big-endian. */

#include "cutdisk.h"

#include <endian.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#define NBD_OPTION_MAGIC UINT64_C(0x49484156454f5054) /* IHAVEOPT */
#define NBD_REPLY_MAGIC UINT64_C(0x0003e889045565a9)

enum {
        NBD_FLAG_FIXED_NEWSTYLE = 1,
        NBD_FLAG_NO_ZEROES = 2,
        NBD_OPT_EXPORT_NAME = 1,
        NBD_OPT_INFO = 6,
        NBD_OPT_GO = 7,
        NBD_REP_ACK = 1,
        NBD_REP_INFO = 3,
        NBD_INFO_EXPORT = 0,
        NBD_HAS_FLAGS = 1,
        NBD_SEND_FLUSH = 4,
        NBD_SEND_FUA = 8,
        NBD_CMD_READ = 0,
        NBD_CMD_WRITE = 1,
        NBD_CMD_DISC = 2,
        NBD_CMD_FLUSH = 3,
        NBD_CMD_FLAG_FUA = 1,
        NBD_EINVAL = 22,
        REQUEST_MAX = 64 << 20,
};
#define NBD_REP_ERR_UNSUP UINT32_C(0x80000001)
#define NBD_REQUEST_MAGIC UINT32_C(0x25609513)
#define NBD_SIMPLE_REPLY_MAGIC UINT32_C(0x67446698)

struct nbd_request {
        uint32_t magic;
        uint16_t flags, type;
        uint64_t cookie, offset;
        uint32_t length;
} __attribute__((packed));

static bool receive(int fd, void *buf, size_t len) {
        for (uint8_t *at = buf; len > 0;) {
                ssize_t n = read(fd, at, len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return false;
                at += n;
                len -= (size_t)n;
        }
        return true;
}

static bool reply(int fd, const void *buf, size_t len) {
        for (const uint8_t *at = buf; len > 0;) {
                ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return false;
                at += n;
                len -= (size_t)n;
        }
        return true;
}

static bool option_reply(int fd, uint32_t option, uint32_t type, const void *data, uint32_t len) {
        struct {
                uint64_t magic;
                uint32_t option, type, len;
        } __attribute__((packed)) r = { htobe64(NBD_REPLY_MAGIC), htobe32(option), htobe32(type), htobe32(len) };

        return reply(fd, &r, sizeof(r)) && reply(fd, data, len);
}

/* true when the export is open. */
static bool negotiate(int fd, uint64_t size) {
        static const uint8_t hello[] = "NBDMAGICIHAVEOPT\0\3"; /* and its NUL is not sent */
        const uint16_t transmission = htobe16(NBD_HAS_FLAGS | NBD_SEND_FLUSH | NBD_SEND_FUA);
        uint32_t client = 0;

        if (!reply(fd, hello, sizeof(hello) - 1) || !receive(fd, &client, sizeof(client)))
                return false;
        for (;;) {
                struct {
                        uint64_t magic;
                        uint32_t option, len;
                } __attribute__((packed)) o;
                uint8_t data[4096];

                if (!receive(fd, &o, sizeof(o)) || be64toh(o.magic) != NBD_OPTION_MAGIC || be32toh(o.len) > sizeof(data) ||
                    !receive(fd, data, be32toh(o.len)))
                        return false;
                uint32_t option = be32toh(o.option);
                struct {
                        uint16_t type;
                        uint64_t size;
                        uint16_t flags;
                } __attribute__((packed)) info = { htobe16(NBD_INFO_EXPORT), htobe64(size), transmission };
                bool ok = true;

                if (option == NBD_OPT_GO || option == NBD_OPT_INFO) {
                        ok = option_reply(fd, option, NBD_REP_INFO, &info, sizeof(info)) &&
                             option_reply(fd, option, NBD_REP_ACK, NULL, 0);
                } else if (option == NBD_OPT_EXPORT_NAME) {
                        static const uint8_t zeroes[124];

                        return reply(fd, &info.size, sizeof(info.size) + sizeof(info.flags)) &&
                               ((be32toh(client) & NBD_FLAG_NO_ZEROES) || reply(fd, zeroes, sizeof(zeroes)));
                } else {
                        ok = option_reply(fd, option, NBD_REP_ERR_UNSUP, NULL, 0);
                }
                if (!ok || option == NBD_OPT_GO)
                        return ok;
        }
}

static int do_request(struct cutdisk *d, const struct nbd_request *q, uint8_t *data) {
        uint64_t at = be64toh(q->offset);
        size_t len = be32toh(q->length);
        int r = 0;

        switch (be16toh(q->type)) {
        case NBD_CMD_READ:
                return cutdisk_read(d, data, len, at);
        case NBD_CMD_WRITE:
                r = cutdisk_write(d, data, len, at);
                return r == 0 && (be16toh(q->flags) & NBD_CMD_FLAG_FUA) ? cutdisk_write_through(d, at, len) : r;
        case NBD_CMD_FLUSH:
                return cutdisk_flush(d);
        default:
                return -EINVAL;
        }
}

/* One request after the other, so a flush covers every write that was answered before it. True when the client took its leave. */
static bool serve(struct cutdisk *d, int fd, uint8_t *data) {
        struct nbd_request q;

        while (receive(fd, &q, sizeof(q)) && be32toh(q.magic) == NBD_REQUEST_MAGIC && be32toh(q.length) <= REQUEST_MAX) {
                uint16_t type = be16toh(q.type);

                if (type == NBD_CMD_DISC)
                        return true;
                if (type == NBD_CMD_WRITE && !receive(fd, data, be32toh(q.length)))
                        return false;
                int r = do_request(d, &q, data);
                struct {
                        uint32_t magic, error;
                        uint64_t cookie;
                } __attribute__((packed)) a = { htobe32(NBD_SIMPLE_REPLY_MAGIC), htobe32(r < 0 ? NBD_EINVAL : 0), q.cookie };

                if (!reply(fd, &a, sizeof(a)) || (type == NBD_CMD_READ && r == 0 && !reply(fd, data, be32toh(q.length))))
                        return false;
        }
        return false;
}

static int listen_at(const char *path) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        (void)unlink(path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || (size_t)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path) >= sizeof(a.sun_path) ||
            bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0)
                return -1;
        return fd;
}

int main(int argc, char **argv) {
        struct cutdisk d = { .fd = -1 };

        if (argc != 4)
                return 64;
        int r = cutdisk_init(&d, argv[2], strtoull(argv[3], NULL, 0));
        if (r < 0)
                return fprintf(stderr, "nbdcut: %s: %s\n", argv[2], strerror(-r)), 1;
        uint8_t *data = malloc(REQUEST_MAX);
        int listening = listen_at(argv[1]);
        int fd = listening < 0 || !data ? -1 : accept(listening, NULL, NULL);
        if (fd < 0)
                return fprintf(stderr, "nbdcut: %s: %s\n", argv[1], strerror(errno)), 1;

        bool clean = negotiate(fd, d.size) && serve(&d, fd, data);
        r = clean ? cutdisk_flush(&d) : cutdisk_cut(&d);
        if (r < 0)
                return fprintf(stderr, "nbdcut: %s: %s\n", argv[2], strerror(-r)), 1;
        printf("nbdcut: %s after %llu writes and %llu flushes; %llu of %zu unflushed sectors are kept\n",
               clean ? "closed" : "power cut", (unsigned long long)d.n_writes, (unsigned long long)d.n_flushes,
               (unsigned long long)d.n_kept, d.n_dirty);
        cutdisk_done(&d);
        free(data);
        return 0;
}
