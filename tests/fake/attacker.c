/* Hostile clients, many kinds, against one control socket: attacker SOCKET PID UID GID MESSAGE_USEC STALL_USEC
 *
 * While each attack goes on a good client asks for the status again and again: it must be answered (99 of 100 within 50 ms where nobody else
 * wants a processor; two servers are attacked at once here, and others may compile: 200 ms). After each
 * the server's fds are back at what they were, and its memory has grown by no more than 16 MiB over all. One line for what held
 * ("ok - …") or did not ("not ok - …: …"). UID is somebody without rights, and with GID a reader; the socket's mode lets everybody
 * connect here, so that it is the server that refuses. MESSAGE_USEC and STALL_USEC are the server's deadlines.
 */
#include <ctrsup/control/client.h>
#include <ctrsup/control/server.h>

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

enum { MANY = 10000, SAMPLES = 4096, GOOD_PAUSE_USEC = 500 };
enum { ENOUGH = 100 }; /* answers: an attack that is shorter is made again, for a second at most */
#define GOOD_P99_USEC 200000u
#define MAX_GROWTH_KIB (16 * 1024)

struct attack {
        const char *path;
        pid_t server;
        uid_t stranger;
        gid_t readers;
        uint64_t message_usec, stall_usec;
};

static uint64_t now_usec(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static size_t count_fds(pid_t pid) {
        char path[64];
        size_t n = 0;

        (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
        DIR *dir = opendir(path);
        while (dir && readdir(dir))
                n++;
        if (dir)
                (void)closedir(dir);
        return n;
}

static long rss_kib(pid_t pid) {
        char path[64], line[256];
        long kib = -1;

        (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        _cleanup_file_ FILE *f = fopen(path, "re");
        while (f && fgets(line, sizeof(line), f))
                if (sscanf(line, "VmRSS: %ld", &kib) == 1)
                        break;
        return kib;
}

static int dial(const struct attack *a) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", a->path);
        return fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? fd : close_fd(fd);
}

/* Everything the server still says, until it hangs up: true; false after the time. */
static bool is_hung_up(int fd, int milliseconds) {
        uint64_t end = now_usec() + (uint64_t)milliseconds * 1000;
        char bytes[65536];

        while (now_usec() < end) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                ssize_t n = poll(&p, 1, 50) > 0 ? recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) : 1;

                if (n == 0 || (n < 0 && errno != EAGAIN))
                        return true;
        }
        return false;
}

/* --- the attacks: 0, or words about what did not hold --- */

static bool become(const struct attack *a, size_t n_groups) {
        return setgroups(n_groups, &a->readers) == 0 && setresgid(a->stranger, a->stranger, a->stranger) == 0 &&
               setresuid(a->stranger, a->stranger, a->stranger) == 0;
}

/* Ten thousand connects of somebody without rights: each is told so, or closed, before a byte of it is read. */
static const char *strangers(const struct attack *a) {
        if (!become(a, 0))
                return "cannot become a stranger";
        for (int i = 0; i < MANY; i++) {
                _cleanup_fd_ int fd = dial(a);
                char reply[512] = "";

                if (fd < 0)
                        return "cannot connect";
                (void)send(fd, "{\"method\":\"io.ctrsup.Manager.Status\"}", 38, MSG_NOSIGNAL);
                (void)recv(fd, reply, sizeof(reply) - 1, 0);
                if (!strstr(reply, "NotPermitted") && !strstr(reply, "Busy") && reply[0])
                        return "a stranger got an answer";
        }
        return NULL;
}

/* More connections than there are places, held: those beyond are turned away in words. */
static const char *crowd(const struct attack *a) {
        enum { N = 300 };
        int fds[N];
        size_t in = 0;

        for (size_t i = 0; i < N; i++)
                fds[i] = dial(a);
        for (size_t i = 0; i < N; i++) {
                struct pollfd p = { .fd = fds[i], .events = POLLIN };

                in += poll(&p, 1, i == 0 ? 300 : 0) == 0; /* nothing said and not closed: it has a place */
        }
        for (size_t i = 0; i < N; i++)
                fds[i] = close_fd(fds[i]);
        return in > CONTROL_MAX_CLIENTS ? "more than 64 have a place" : in < 8 ? "nobody has a place" : NULL;
}

/* What a reader asks beyond its right is refused, whatever stands in it, and each of many times. */
static const char *ask_for_more(struct control_client *c) {
        static const char *const ours[] = { "Apply", "Plan", "Start", "Stop", "Restart", "Remove", "Exec", "Shutdown" };
        _cleanup_(json_decrefp) json_t *nonsense = json_pack("{s:i, s:[n], s:{}}", "target", 1, "targets", "document");

        for (size_t i = 0; i < 2000; i++) {
                _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
                char method[64];

                (void)snprintf(method, sizeof(method), CONTROL_INTERFACE ".%s", ours[i % ARRAY_SIZE(ours)]);
                const struct control_request request = { .method = method, .parameters = nonsense };
                if (control_client_call(c, &request, 5000000, &answer, NULL) < 0 || !answer.error)
                        return "a reader's call was not refused";
                if (strcmp(answer.error, CONTROL_METHOD("NotPermitted")) != 0)
                        return "a reader's parameters were looked at";
        }
        return NULL;
}

/* Somebody who may only look: has so many places, short messages, and no more than that. */
static const char *reader(const struct attack *a) {
        enum { N = CONTROL_MAX_PER_UID + 4 };
        static char text[CONTROL_READER_MAX_CALL + 4096];
        _cleanup_control_client_ struct control_client *c = NULL;
        int fds[N];
        size_t in = 0;

        if (!become(a, 1) || control_client_connect(a->path, &c, NULL) < 0)
                return "cannot become a reader";
        const char *wrong = ask_for_more(c);
        if (wrong)
                return wrong;
        c = control_client_free(c);
        (void)poll(NULL, 0, 50); /* its place is free */
        for (size_t i = 0; i < N; i++)
                fds[i] = dial(a);
        for (size_t i = 0; i < N; i++) {
                struct pollfd p = { .fd = fds[i], .events = POLLIN };

                in += poll(&p, 1, i == 0 ? 300 : 0) == 0;
        }
        memset(text, ' ', sizeof(text));
        (void)send(fds[0], text, sizeof(text), MSG_NOSIGNAL);
        bool gone = is_hung_up(fds[0], 2000);
        for (size_t i = 0; i < N; i++)
                fds[i] = close_fd(fds[i]);
        return in != CONTROL_MAX_PER_UID ? "it is not eight who have a place" : !gone ? "a reader's message was longer than it may be" : NULL;
}

/* One byte now and then, or none ever: the time for a message is that for the whole of it, and for the first one it has begun. */
static const char *drip(const struct attack *a) {
        enum { N = 36 };
        int fds[N];
        uint64_t start = now_usec();

        for (size_t i = 0; i < N; i++)
                fds[i] = dial(a);
        while (now_usec() - start < a->message_usec + 1000000) {
                for (size_t i = 0; i < N; i += 2)
                        (void)send(fds[i], " ", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
                (void)poll(NULL, 0, (int)(a->message_usec / 25000));
        }
        for (size_t i = 0; i < N; i++) {
                bool gone = is_hung_up(fds[i], 1000);

                fds[i] = close_fd(fds[i]);
                if (!gone)
                        return "a client that never finishes its message was kept";
        }
        return NULL;
}

/* A message of 128 MiB: hung up long before its end. */
static const char *flood(const struct attack *a) {
        static char piece[1024 * 1024];
        _cleanup_fd_ int fd = dial(a);
        size_t sent = 0;

        memset(piece, 'x', sizeof(piece));
        (void)send(fd, "{\"method\":\"", 11, MSG_NOSIGNAL);
        while (sent < (size_t)128 * sizeof(piece)) {
                ssize_t n = send(fd, piece, sizeof(piece), MSG_NOSIGNAL);

                if (n < 0)
                        break;
                sent += (size_t)n;
        }
        return sent > 4 * sizeof(piece) ? "it took more than 4 MiB of a message" : NULL;
}

/* A text that is short and whose tree is large; one that is deep; one that is no text at all. */
static const char *bombs(const struct attack *a) {
        static char text[1024 * 1024 - 1];
        static const char fills[] = { '[', '{', ',', '"', '\\', (char)0xff, ' ', '1' };

        for (size_t i = 0; i < ARRAY_SIZE(fills); i++) {
                _cleanup_fd_ int fd = dial(a);

                memset(text, fills[i], sizeof(text));
                for (size_t done = 0; done < sizeof(text);) {
                        ssize_t n = send(fd, text + done, sizeof(text) - done, MSG_NOSIGNAL);

                        if (n < 0)
                                break;
                        done += (size_t)n;
                }
                (void)send(fd, "", 1, MSG_NOSIGNAL);
                if (!is_hung_up(fd, 2000))
                        return "it did not hang up on nonsense";
        }
        for (size_t i = 0; i + 3 < sizeof(text); i += 3)
                memcpy(text + i, "[],", 3);
        _cleanup_fd_ int fd = dial(a);
        (void)send(fd, "[", 1, MSG_NOSIGNAL);
        for (size_t done = 0; done < sizeof(text) - 16;) {
                ssize_t n = send(fd, text + done, sizeof(text) - 16 - done, MSG_NOSIGNAL);

                if (n < 0)
                        break;
                done += (size_t)n;
        }
        (void)send(fd, "[]]", 4, MSG_NOSIGNAL);
        return is_hung_up(fd, 2000) ? NULL : "it did not hang up on a bomb";
}

static void send_fds(int to, size_t n) {
        char space[CMSG_SPACE(sizeof(int) * 253)] = { 0 }, byte = '{';
        struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
        struct msghdr header = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = CMSG_SPACE(sizeof(int) * n)
        };
        struct cmsghdr *c = CMSG_FIRSTHDR(&header);
        int fds[253];

        for (size_t i = 0; i < n; i++)
                fds[i] = to;
        *c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int) * n) };
        memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
        (void)sendmsg(to, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Fds by the hundred, in one piece and in many. */
static const char *fds(const struct attack *a) {
        static const size_t sizes[] = { 1, 4, 5, 64, 253 };

        for (int round = 0; round < 50; round++)
                for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                        _cleanup_fd_ int fd = dial(a);

                        for (int k = 0; k < 4; k++)
                                send_fds(fd, sizes[i]);
                        if (!is_hung_up(fd, 2000))
                                return "it kept a client that sends too many fds";
                }
        return NULL;
}

/* Calls whose answers are not read: they wait in the sockets, and then the client is dropped. */
static const char *deaf(const struct attack *a) {
        static const char call[] =
                "{\"method\":\"org.varlink.service.GetInterfaceDescription\",\"parameters\":{\"interface\":\"io.ctrsup.Manager\"}}";
        enum { N = 20 };
        int clients[N];
        uint64_t start = now_usec();
        size_t kept = 0;

        for (size_t i = 0; i < N; i++)
                clients[i] = dial(a);
        while (now_usec() - start < a->stall_usec + 1500000)
                for (size_t i = 0; i < N; i++) {
                        for (int k = 0; k < 20; k++)
                                (void)send(clients[i], call, sizeof(call), MSG_NOSIGNAL | MSG_DONTWAIT);
                        (void)poll(NULL, 0, 5);
                }
        for (size_t i = 0; i < N; i++) {
                struct pollfd p = { .fd = clients[i], .events = 0 };

                kept += poll(&p, 1, 0) == 0;
                clients[i] = close_fd(clients[i]);
        }
        return kept > 0 ? "a client that never reads was kept" : NULL;
}

/* Both kinds at once: all they do is to take their time. */
static const char *slow(const struct attack *a) {
        int status;
        pid_t pid = fork();

        if (pid == 0)
                _exit(drip(a) != NULL);
        const char *wrong = deaf(a);
        if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
                return "a client that never finishes its message was kept";
        return wrong;
}

/* Gone in the middle: of a message, of a call, of its replies. */
static const char *flighty(const struct attack *a) {
        static const char *const calls[] = {
                "{\"meth",
                "{\"method\":\"io.ctrsup.Manager.Events\",\"more\":true,\"parameters\":{\"follow\":true}}",
                "{\"method\":\"io.ctrsup.Manager.Status\"}",
                "{\"method\":\"io.ctrsup.Manager.Attach\",\"more\":true}",
        };

        for (int i = 0; i < 4000; i++) {
                const char *call = calls[i % (int)ARRAY_SIZE(calls)];
                _cleanup_fd_ int fd = dial(a);
                char byte;

                (void)send(fd, call, strlen(call) + (i % 4 != 0), MSG_NOSIGNAL);
                if (i % 8 >= 4)
                        (void)recv(fd, &byte, 1, i % 4 == 2 ? 0 : MSG_DONTWAIT);
        }
        return NULL;
}

/* --- the good client --- */

static int compare(const void *x, const void *y) {
        uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

        return a < b ? -1 : a > b;
}

/* One round trip, in usec; UINT32_MAX: no answer. connected: the client stays from before, as a monitor would. */
static uint32_t ask(struct control_client *c) {
        _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
        uint64_t start = now_usec();
        int r = control_client_call(c, &(struct control_request){ .method = CONTROL_METHOD("Status") }, 5000000, &answer, NULL);

        return r < 0 || answer.error ? UINT32_MAX : (uint32_t)(now_usec() - start);
}

static bool settle(const struct attack *a, size_t baseline) {
        for (int i = 0; i < 100; i++) {
                if (count_fds(a->server) <= baseline)
                        return true;
                (void)poll(NULL, 0, 20);
        }
        return false;
}

struct kind {
        const char *name;
        const char *(*run)(const struct attack *a);
};

struct timed {
        uint32_t samples[SAMPLES];
        size_t n;
        long peak_kib;
};

/* The attack in a process of its own, the good client here. "" or words about what did not hold. */
static void attack_once(const struct attack *a, const struct kind *k, struct control_client *good, struct timed *t, char words[256]) {
        int p[2], status;

        if (pipe2(p, O_CLOEXEC) < 0)
                exit(1);
        (void)fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
                const char *wrong = k->run(a);

                (void)!write(p[1], wrong ? wrong : "", wrong ? strlen(wrong) : 0);
                _exit(wrong != NULL);
        }
        (void)close_fd(p[1]);
        while (waitpid(pid, &status, WNOHANG) == 0) {
                uint32_t took = ask(good);
                long kib = rss_kib(a->server);

                t->samples[t->n++ % SAMPLES] = took;
                if (kib > t->peak_kib)
                        t->peak_kib = kib;
                (void)poll(NULL, 0, GOOD_PAUSE_USEC / 1000 + 1);
        }
        ssize_t n = read(p[0], words, 255);
        words[n > 0 ? n : 0] = '\0';
        if (!WIFEXITED(status) && !words[0])
                (void)snprintf(words, 256, "it was killed");
        (void)close_fd(p[0]);
}

static void try_one(const struct attack *a, const struct kind *k, size_t baseline, long *peak_kib) {
        static struct timed t;
        _cleanup_control_client_ struct control_client *good = NULL;
        char words[256] = "";

        if (control_client_connect(a->path, &good, NULL) < 0 || ask(good) == UINT32_MAX) {
                (void)printf("not ok - %s: the server does not answer before it\n", k->name);
                return;
        }
        t = (struct timed){ .peak_kib = *peak_kib };
        uint64_t start = now_usec();
        do
                attack_once(a, k, good, &t, words);
        while (!words[0] && t.n < ENOUGH && now_usec() - start < 1000000);
        *peak_kib = t.peak_kib;
        size_t n = t.n < SAMPLES ? t.n : SAMPLES;
        qsort(t.samples, n, sizeof(*t.samples), compare);
        uint32_t p99 = n > 0 ? t.samples[n * 99 / 100] : 0;
        good = control_client_free(good);
        bool settled = settle(a, baseline);
        (void)printf("%s - %s%s%s\n", words[0] ? "not ok" : "ok", k->name, words[0] ? ": " : "", words);
        (void)printf("%s - %s: a good client is answered meanwhile (99 of 100 within %.2f ms, %zu asked in %.1f s)\n",
                     p99 <= GOOD_P99_USEC ? "ok" : "not ok", k->name, p99 / 1000.0, n, (double)(now_usec() - start) / 1e6);
        (void)printf("%s - %s: no fd is left (%zu, before %zu)\n", settled ? "ok" : "not ok", k->name, count_fds(a->server),
                     baseline);
}

int main(int argc, char *argv[]) {
        static const struct kind kinds[] = {
                { "a byte now and then, or none, and answers never read", slow },
                { "10,000 connects of a stranger", strangers },
                { "300 connections held", crowd },
                { "a reader who wants more", reader },
                { "a message of 128 MiB", flood },
                { "bombs of 1 MiB", bombs },
                { "fds by the hundred", fds },
                { "gone in the middle", flighty },
        };

        if (argc != 7)
                return 64;
        const struct attack a = {
                .path = argv[1],
                .server = atoi(argv[2]),
                .stranger = (uid_t)atoi(argv[3]),
                .readers = (gid_t)atoi(argv[4]),
                .message_usec = strtoull(argv[5], NULL, 10),
                .stall_usec = strtoull(argv[6], NULL, 10),
        };
        size_t baseline = count_fds(a.server);
        /* The first requests bring in what stays: code, buffers, the timer. */
        for (int i = 0; i < 20; i++) {
                _cleanup_control_client_ struct control_client *c = NULL;

                if (control_client_connect(a.path, &c, NULL) == 0)
                        (void)ask(c);
        }
        (void)settle(&a, baseline);
        baseline = count_fds(a.server);
        long before = rss_kib(a.server), peak = before;
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                try_one(&a, &kinds[i], baseline, &peak);
        (void)printf("%s - memory grew by %ld KiB at most (from %ld)\n", peak - before <= MAX_GROWTH_KIB ? "ok" : "not ok",
                     peak - before, before);
        return 0;
}
