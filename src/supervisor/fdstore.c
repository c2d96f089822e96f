#include "fdstore.h"

#include <string.h>
#include <systemd/sd-daemon.h>

static const char *const prefixes[] = { "pid.", "out.", "err.", "ntf." };
enum { PREFIX_PID, PREFIX_OUT, PREFIX_ERR, PREFIX_NOTIFY };

static bool is_ours(const char *name) {
        for (size_t p = 0; p < ARRAY_SIZE(prefixes); p++)
                if (strncmp(name, prefixes[p], strlen(prefixes[p])) == 0 &&
                    strlen(name) == strlen(prefixes[p]) + ACT_ID_TEXT_SIZE - 1)
                        return true;
        return false;
}

int fdstore_load(struct manager *m, struct err *err) {
        char **names = NULL;

        m->passed_socket = -EBADF;
        if (m->options->mode != MODE_SERVICE)
                return 0;
        m->fdstore = getenv("NOTIFY_SOCKET") != NULL;
        int n = sd_listen_fds_with_names(1, &names);
        if (n <= 0)
                return 0;
        m->passed = calloc((size_t)n, sizeof(*m->passed));
        for (int i = 0; i < n; i++) {
                int fd = SD_LISTEN_FDS_START + i;

                if (m->passed && is_ours(names[i])) {
                        struct passed_fd *p = &m->passed[m->n_passed++];

                        (void)snprintf(p->name, sizeof(p->name), "%s", names[i]);
                        p->fd = fd;
                } else if (m->passed_socket < 0 && sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) > 0)
                        m->passed_socket = fd;
                else
                        (void)close(fd);
                free(names[i]);
        }
        free(names);
        return m->passed ? 0 : err_oom(err);
}

int fdstore_take(struct manager *m, const char *prefix, const char *id_text) {
        char name[PASSED_NAME_SIZE];

        (void)snprintf(name, sizeof(name), "%s.%s", prefix, id_text);
        for (size_t n = 0; n < m->n_passed; n++)
                if (m->passed[n].fd >= 0 && strcmp(m->passed[n].name, name) == 0)
                        return take_fd(&m->passed[n].fd);
        return -EBADF;
}

static bool was_passed(const struct manager *m, const char *name) {
        for (size_t n = 0; n < m->n_passed; n++)
                if (strcmp(m->passed[n].name, name) == 0)
                        return true;
        return false;
}

static void put(struct manager *m, int prefix, const char *id_text, int fd) {
        char name[PASSED_NAME_SIZE], text[PASSED_NAME_SIZE + 64];

        (void)snprintf(name, sizeof(name), "%s%s", prefixes[prefix], id_text);
        if (fd < 0 || was_passed(m, name))
                return;
        (void)snprintf(text, sizeof(text), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
        (void)sd_pid_notify_with_fds(0, 0, text, &fd, 1); /* a cache: not there is fine */
}

static void drop(struct manager *m, const char *name) {
        char text[PASSED_NAME_SIZE + 64];

        if (!m->fdstore)
                return;
        (void)snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
        (void)sd_notify(0, text);
}

static void drop_one(struct manager *m, int prefix, const char *id_text) {
        char name[PASSED_NAME_SIZE];

        (void)snprintf(name, sizeof(name), "%s%s", prefixes[prefix], id_text);
        drop(m, name);
}

void fdstore_put(struct manager *m, const struct member *b) {
        if (!m->fdstore || !b->host.id_text[0])
                return;
        put(m, PREFIX_PID, b->host.id_text, b->host.pidfd);
        put(m, PREFIX_OUT, b->host.id_text, b->host.log_fds[0]);
        put(m, PREFIX_ERR, b->host.id_text, b->host.log_fds[1]);
        put(m, PREFIX_NOTIFY, b->host.id_text, b->host.notify_fd);
}

void fdstore_drop_start(struct manager *m, const char *id_text) {
        if (!id_text[0])
                return;
        drop_one(m, PREFIX_PID, id_text);
        drop_one(m, PREFIX_NOTIFY, id_text);
}

void fdstore_drop_logs(struct manager *m, const char *id_text) {
        if (!id_text[0])
                return;
        drop_one(m, PREFIX_OUT, id_text);
        drop_one(m, PREFIX_ERR, id_text);
}

void fdstore_sweep(struct manager *m) {
        for (size_t n = 0; n < m->n_passed; n++)
                if (m->passed[n].fd >= 0) {
                        drop(m, m->passed[n].name);
                        m->passed[n].fd = close_fd(m->passed[n].fd);
                }
}

void fdstore_done(struct manager *m) {
        for (size_t n = 0; n < m->n_passed; n++)
                close_fd(m->passed[n].fd);
        free(m->passed);
        close_fd(m->passed_socket);
}
