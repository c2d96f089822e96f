#include <ctrsup/observe/probe.h>

#include <ctrsup/base/buf.h>
#include <ctrsup/base/num.h>
#include <ctrsup/kernel/netns_socket.h>

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { DISCARD_MAX = 65536 };

struct probe {
        sd_event *event;
        sd_event_source *io, *timer;
        int pidfd;  /* borrowed */
        int family; /* AF_INET, then AF_INET6 */
        int fd;
        uint64_t port, timeout_usec;
        bool http, connected;
        char *status; /* accepted codes */
        struct buf request;
        size_t sent;
        char reply[PROBE_REPLY_MAX];
        size_t n;
        probe_done_fn *done;
        void *userdata;
};

static void connect_next(struct probe *p);

static void finish(struct probe *p, bool good, const char *words) {
        char line[PROBE_WORDS_MAX];

        (void)snprintf(line, sizeof(line), "%s", words);
        if (p->connected && p->http) /* what is there already: a server does not like to be hung up on with data unread */
                (void)recv(p->fd, NULL, DISCARD_MAX, MSG_TRUNC | MSG_DONTWAIT);
        p->io = sd_event_source_disable_unref(p->io);
        p->timer = sd_event_source_disable_unref(p->timer);
        p->fd = close_fd(p->fd);
        p->done(good, line, p->userdata); /* may free it */
}

static void fail_sys(struct probe *p, const char *what, int code) {
        char words[PROBE_WORDS_MAX];

        (void)snprintf(words, sizeof(words), "%s: %s", what, strerror(code));
        finish(p, false, words);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        struct probe *p = userdata;
        char words[PROBE_WORDS_MAX], time[NUM_TEXT_MAX];

        (void)source;
        (void)usec;
        (void)snprintf(words, sizeof(words), "%s within %s", p->connected ? "no answer" : "no connection",
                       num_human_duration(time, p->timeout_usec));
        finish(p, false, words);
        return 0;
}

/* ---- http ---- */

int probe_parse_status(const char *reply, size_t size, unsigned *ret_code) {
        static const char form[] = "HTTP/1.d ddd"; /* d: a digit */
        unsigned code = 0;

        for (size_t i = 0; i < strlen(form); i++) {
                if (i >= size)
                        return 0;
                if (form[i] == 'd' ? !isdigit((unsigned char)reply[i]) : reply[i] != form[i])
                        return -EBADMSG;
                if (i >= strlen(form) - 3)
                        code = code * 10 + (unsigned)(reply[i] - '0');
        }
        if (size == strlen(form))
                return 0;
        if (!memchr(" \r\n", reply[strlen(form)], 3))
                return -EBADMSG;
        *ret_code = code;
        return memchr(reply, '\n', size) ? 1 : 0;
}

void probe_clean_text(const char *text, size_t len, bool one_line, char *buf, size_t size) {
        size_t n = 0;

        for (; n < len && n + 1 < size; n++) {
                bool layout = text[n] == '\n' || text[n] == '\t';

                buf[n] = isprint((unsigned char)text[n]) || (layout && !one_line) ? text[n]
                         : layout || text[n] == '\r'                              ? ' '
                                                                                  : '?';
        }
        while (n > 0 && isspace((unsigned char)buf[n - 1]))
                n--;
        buf[n] = '\0';
}

static void not_http(struct probe *p) {
        char start[48], words[PROBE_WORDS_MAX];

        probe_clean_text(p->reply, p->n, true, start, sizeof(start));
        (void)snprintf(words, sizeof(words), "the answer is not HTTP: %s", start);
        finish(p, false, words);
}

static void read_reply(struct probe *p) {
        ssize_t n = recv(p->fd, p->reply + p->n, sizeof(p->reply) - p->n, MSG_DONTWAIT);
        unsigned code = 0;
        char words[32];

        if (n < 0) {
                if (errno != EAGAIN && errno != EINTR)
                        fail_sys(p, "read the answer", errno);
                return;
        }
        if (n == 0) {
                finish(p, false,
                       p->n == 0 ? "it closed the connection without an answer"
                                 : "it closed the connection within the status line");
                return;
        }
        p->n += (size_t)n;
        int r = probe_parse_status(p->reply, p->n, &code);
        if (r < 0)
                not_http(p);
        else if (r > 0) {
                (void)snprintf(words, sizeof(words), "HTTP %u", code);
                finish(p, spec_http_accepts(p->status, code), words);
        } else if (p->n == sizeof(p->reply))
                finish(p, false, "its status line has no end");
}

/* What a server that answers early does not take of the request is no failure: the answer tells. */
static void write_request(struct probe *p) {
        while (p->sent < p->request.len) {
                ssize_t n = send(p->fd, buf_text(&p->request) + p->sent, p->request.len - p->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n < 0 && errno == EAGAIN)
                        return;
                p->sent = n < 0 ? p->request.len : p->sent + (size_t)n;
        }
        (void)sd_event_source_set_io_events(p->io, EPOLLIN);
}

static int make_request(struct probe *p, const struct spec_probe_http *h, struct err *err) {
        bool agent = false;

        buf_printf(&p->request, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nAccept: */*\r\n", h->path, h->host);
        for (size_t i = 0; i < h->headers.n; i++) {
                buf_printf(&p->request, "%s: %s\r\n", h->headers.items[i].key, h->headers.items[i].value);
                agent = agent || strcasecmp(h->headers.items[i].key, "User-Agent") == 0;
        }
        buf_printf(&p->request, "%s\r\n", agent ? "" : "User-Agent: ctrsup/" CTRSUP_VERSION "\r\n");
        p->status = strdup(h->status);
        return buf_failed(&p->request) || !p->status ? err_oom(err) : 0;
}

/* ---- the connection ---- */

/* A port of the range that connections take theirs from may be given to this very one: it then talks to itself (RFC 9293, 3.5). */
static bool is_own_echo(int fd) {
        struct sockaddr_storage here = { 0 }, there = { 0 };
        socklen_t here_size = sizeof(here), there_size = sizeof(there);

        return getsockname(fd, (struct sockaddr *)&here, &here_size) == 0 &&
               getpeername(fd, (struct sockaddr *)&there, &there_size) == 0 && here_size == there_size &&
               memcmp(&here, &there, here_size) == 0;
}

static void refused(struct probe *p, int code) {
        p->io = sd_event_source_disable_unref(p->io);
        p->fd = close_fd(p->fd);
        if (code == ECONNREFUSED && p->family == AF_INET) {
                p->family = AF_INET6;
                p->fd = netns_socket(p->pidfd, AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
        }
        if (p->fd >= 0) /* a kernel without IPv6 has none */
                connect_next(p);
        else
                fail_sys(p, "connect", code);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct probe *p = userdata;

        (void)source;
        if (!p->connected) {
                int code = 0;
                socklen_t size = sizeof(code);

                if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0)
                        code = errno;
                if (code == 0 && is_own_echo(fd))
                        code = ECONNREFUSED;
                if (code != 0) {
                        refused(p, code);
                        return 0;
                }
                p->connected = true;
                if (!p->http) {
                        finish(p, true, "connected");
                        return 0;
                }
        }
        if (revents & EPOLLOUT)
                write_request(p);
        if (revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
                read_reply(p);
        return 0;
}

/* Also where connect(2) succeeded or failed at once: the loop tells, so that done never runs within probe_new(). */
static void connect_next(struct probe *p) {
        struct sockaddr_in v4 = { .sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)p->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
                                   .sin6_port = htons((uint16_t)p->port),
                                   .sin6_addr = IN6ADDR_LOOPBACK_INIT };
        int r = p->family == AF_INET ? connect(p->fd, (struct sockaddr *)&v4, sizeof(v4))
                                     : connect(p->fd, (struct sockaddr *)&v6, sizeof(v6));
        int code = r < 0 ? errno : 0;

        if (code != 0 && code != EINPROGRESS) {
                refused(p, code);
                return;
        }
        r = sd_event_add_io(p->event, &p->io, p->fd, p->http ? EPOLLIN | EPOLLOUT : EPOLLOUT, on_io, p);
        if (r < 0)
                fail_sys(p, "watch the connection", -r);
}

static int on_start(sd_event_source *source, void *userdata) {
        struct probe *p = userdata;

        (void)source;
        p->io = sd_event_source_disable_unref(p->io);
        connect_next(p);
        return 0;
}

static int arm(struct probe *p, struct err *err) {
        uint64_t now;
        int r = sd_event_now(p->event, CLOCK_MONOTONIC, &now);

        if (r >= 0)
                r = sd_event_add_time(p->event, &p->timer, CLOCK_MONOTONIC, now + p->timeout_usec, 1000, on_timeout, p);
        if (r >= 0)
                r = sd_event_add_defer(p->event, &p->io, on_start, p);
        return r < 0 ? err_sys(err, -r, "watch a probe") : 0;
}

int probe_new(sd_event *event, int pidfd, const struct spec_healthcheck *c, probe_done_fn *done, void *userdata,
              struct probe **ret, struct err *err) {
        struct probe *p = calloc(1, sizeof(*p));

        if (!p)
                return err_oom(err);
        assert(c->kind == HEALTHCHECK_HTTP || c->kind == HEALTHCHECK_TCP);
        *p = (struct probe){ .event = sd_event_ref(event),
                             .pidfd = pidfd,
                             .family = AF_INET,
                             .fd = -EBADF,
                             .http = c->kind == HEALTHCHECK_HTTP,
                             .port = c->kind == HEALTHCHECK_HTTP ? c->http.port : c->tcp_port,
                             .timeout_usec = c->timeout_usec,
                             .request = BUF_NULL,
                             .done = done,
                             .userdata = userdata };
        int r = p->http ? make_request(p, &c->http, err) : 0;
        if (r >= 0) {
                p->fd = netns_socket(pidfd, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
                r = p->fd < 0 ? err_sys(err, -p->fd, "open a socket in the container's network") : arm(p, err);
        }
        if (r < 0)
                p = probe_free(p);
        else
                *ret = p;
        return r;
}

struct probe *probe_free(struct probe *p) {
        if (!p)
                return NULL;
        sd_event_source_disable_unref(p->io);
        sd_event_source_disable_unref(p->timer);
        close_fd(p->fd);
        free(p->status);
        buf_done(&p->request);
        sd_event_unref(p->event);
        free(p);
        return NULL;
}
