#include <ctrsup/act/log.h>

#include <ctrsup/base/enumtab.h>
#include <ctrsup/logger/client.h>

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <syslog.h>

static const char *const names[] = {
        [ACT_LOG_NONE] = "none",     [ACT_LOG_JOURNALD] = "journald", [ACT_LOG_FILE] = "file",
        [ACT_LOG_DIRECT] = "direct", [ACT_LOG_CALLER] = "caller",
};
static_assert(ARRAY_SIZE(names) == _ACT_LOG_MAX, "every kind of log has a name");

const char *act_log_name(enum act_log log) {
        return enumtab_name(names, ARRAY_SIZE(names), (int)log);
}

enum act_log act_log_choose(const struct act_host *h, const struct spec_container *c) {
        switch (c->logging.driver) {
        case LOG_DRIVER_JOURNALD:
                return ACT_LOG_JOURNALD;
        case LOG_DRIVER_FILE:
                return ACT_LOG_FILE;
        case LOG_DRIVER_DIRECT:
                return ACT_LOG_DIRECT;
        case LOG_DRIVER_NONE:
                return ACT_LOG_NONE;
        case LOG_DRIVER_AUTO:
        case _LOG_DRIVER_MAX:
                break;
        }
        return h->journal ? ACT_LOG_JOURNALD : ACT_LOG_FILE;
}

static const char held_prefix[] = "log.";

void act_log_name_held(char buf[KEEPER_NAME_MAX], const struct act_instance *i, bool is_err) {
        (void)snprintf(buf, KEEPER_NAME_MAX, "%s%s.%s", held_prefix, i->id_text, is_err ? "err" : "out");
}

int act_log_parse_held(const char *name, char id_text[ACT_ID_TEXT_SIZE], bool *ret_is_err) {
        const size_t prefix = sizeof(held_prefix) - 1, id = ACT_ID_TEXT_SIZE - 1;

        if (strncmp(name, held_prefix, prefix) != 0 || strlen(name) != prefix + id + strlen(".out"))
                return -EINVAL;
        const char *end = name + prefix + id;
        if (strcmp(end, ".out") != 0 && strcmp(end, ".err") != 0)
                return -EINVAL;
        memcpy(id_text, name + prefix, id);
        id_text[id] = '\0';
        *ret_is_err = end[1] == 'e';
        return 0;
}

uint64_t act_log_stream_id(const struct act_instance *i) {
        uint64_t id;

        memcpy(&id, i->id, sizeof(id));
        return id;
}

static void fill_stream(const struct act_instance *i, const struct spec_container *c, char *tag, size_t tag_size,
                        struct logger_stream *ret) {
        const struct spec_logging *l = &c->logging;

        if (!l->tag)
                (void)snprintf(tag, tag_size, "%s/%s", i->stack, c->name);
        *ret = (struct logger_stream){
                .id = act_log_stream_id(i),
                .stack = i->stack,
                .container = c->name,
                .replica = i->replica,
                .instance = i->id_text,
                .tag = l->tag ? l->tag : tag,
                .driver = i->log == ACT_LOG_JOURNALD ? LOGGER_JOURNALD : LOGGER_FILE,
                .rate_interval_usec = l->rate_interval_usec,
                .rate_burst = l->rate_burst,
                .file_max_size = l->file_max_size,
                .file_max_files = l->file_max_files,
                .level_prefix = true,
        };
}

int act_log_add(struct act_host *h, struct act_instance *i, const struct spec_container *c, int out_fd, int err_fd,
                struct err *err) {
        char tag[LOGGER_TAG_MAX];
        struct logger_stream s;

        if (h->logger < 0)
                return err_set(err, ENOTCONN, "the logger is down");
        fill_stream(i, c, tag, sizeof(tag), &s);
        int r = logger_add(h->logger, &s, out_fd, err_fd, err);
        i->log_added = r >= 0;
        return r;
}

int act_log_update(struct act_host *h, struct act_instance *i, const struct spec_container *c, struct err *err) {
        char tag[LOGGER_TAG_MAX];
        struct logger_stream s;

        if (!i->log_added || h->logger < 0)
                return 0;
        fill_stream(i, c, tag, sizeof(tag), &s);
        return logger_update(h->logger, &s, err);
}

int act_log_end(struct act_host *h, const struct act_instance *i, struct err *err) {
        return logger_remove(h->logger, act_log_stream_id(i), err);
}

int act_log_hold(struct act_host *h, struct act_instance *i) {
        char name[KEEPER_NAME_MAX];
        int r = 0;

        for (int e = 0; e < 2 && r >= 0; e++) {
                if (i->log_fds[e] < 0)
                        continue;
                act_log_name_held(name, i, e);
                r = act_hold(h, name, i->log_fds[e]);
        }
        return r;
}

void act_log_release(struct act_host *h, struct act_instance *i) {
        char name[KEEPER_NAME_MAX];

        for (int e = 0; e < 2; e++)
                i->log_fds[e] = close_fd(i->log_fds[e]);
        for (int e = 0; e < 2 && i->log_held && h->keeper; e++) {
                act_log_name_held(name, i, e);
                (void)keeper_client_release(h->keeper, name);
        }
        i->log_held = false;
}

/* A pipe each for stdout and stderr: a journal stream as stdout would break programs that open /dev/stdout again (ENXIO). */
static int open_pipes(struct act_host *h, struct act_instance *i, const struct spec_container *c, struct act_log_ends *ret,
                      struct err *err) {
        int pipes[2][2] = { { -EBADF, -EBADF }, { -EBADF, -EBADF } }, r = 0;
        char name[KEEPER_NAME_MAX];

        for (int e = 0; e < 2 && r >= 0; e++) {
                if (pipe2(pipes[e], O_CLOEXEC) < 0) {
                        r = err_sys(err, errno, "make a log pipe");
                        break;
                }
                act_log_name_held(name, i, e);
                r = act_hold(h, name, pipes[e][0]);
                if (r < 0)
                        (void)err_sys(err, -r, "give a log pipe to the keeper");
                else
                        i->log_held = true;
        }
        if (r >= 0) {
                /* A logger that is down or behind is no reason not to start: the keeper has the pipes, they are added later. */
                (void)act_log_add(h, i, c, pipes[0][0], pipes[1][0], NULL);
                for (int e = 0; e < 2; e++)
                        i->log_fds[e] = take_fd(&pipes[e][0]);
                *ret = (struct act_log_ends){ take_fd(&pipes[0][1]), take_fd(&pipes[1][1]) };
        } else
                act_log_release(h, i);
        for (int e = 0; e < 2; e++) {
                close_fd(pipes[e][0]);
                close_fd(pipes[e][1]);
        }
        return r;
}

static int open_direct(const struct spec_container *c, const struct act_instance *i, struct act_log_ends *ret, struct err *err) {
        char made[LOGGER_TAG_MAX];
        const char *tag = c->logging.tag;

        if (!tag) {
                (void)snprintf(made, sizeof(made), "%s/%s", i->stack, c->name);
                tag = made;
        }
        _cleanup_fd_ int out = -EBADF;
        int r = logger_direct_stream(tag, LOG_INFO, true, &out, err);
        if (r >= 0)
                r = logger_direct_stream(tag, LOG_ERR, true, &ret->err, err);
        if (r < 0) {
                (void)err_wrap(err, "open a stream to the journal");
                return err_hint(err, "logging.driver: direct needs journald; journald or file work without");
        }
        ret->out = take_fd(&out);
        return 0;
}

int act_log_open(struct act_host *h, struct act_instance *i, const struct spec_container *c, struct act_log_ends *ret,
                 struct err *err) {
        struct act_log_ends ends = { -EBADF, -EBADF };
        int r = 0;

        i->log_added = i->log_held = i->log_lost[0] = i->log_lost[1] = false;
        switch (i->log) {
        case ACT_LOG_JOURNALD:
        case ACT_LOG_FILE:
                r = open_pipes(h, i, c, &ends, err);
                break;
        case ACT_LOG_DIRECT:
                r = open_direct(c, i, &ends, err);
                break;
        case ACT_LOG_NONE:
                ends.out = open("/dev/null", O_WRONLY | O_CLOEXEC);
                ends.err = ends.out < 0 ? -EBADF : fcntl(ends.out, F_DUPFD_CLOEXEC, 3);
                if (ends.err < 0) {
                        r = err_sys(err, errno, "open /dev/null");
                        close_fd(ends.out);
                }
                break;
        case ACT_LOG_CALLER:
        case _ACT_LOG_MAX:
                break;
        }
        if (r >= 0)
                *ret = ends;
        return r;
}

/* A pipe's read end leads to its write end. One that is lost has no reader either: then nobody hears it. */
static int join_pipe(int read_fd, bool lost, int *ret, struct err *err) {
        char path[32];

        if (read_fd < 0 && !lost)
                return -EAGAIN;
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", read_fd);
        *ret = lost ? -EBADF : open(path, O_WRONLY | O_CLOEXEC);
        if (*ret < 0)
                *ret = open("/dev/null", O_WRONLY | O_CLOEXEC);
        return *ret < 0 ? err_sys(err, errno, "open /dev/null") : 0;
}

int act_log_join(const struct act_instance *i, const struct spec_container *c, struct act_log_ends *ret, struct err *err) {
        bool piped = i->log == ACT_LOG_JOURNALD || i->log == ACT_LOG_FILE;
        _cleanup_fd_ int out = -EBADF, errors = -EBADF;

        if (i->log == ACT_LOG_DIRECT)
                return open_direct(c, i, ret, err);
        int r = join_pipe(i->log_fds[0], !piped || i->log_lost[0], &out, err);
        if (r >= 0)
                r = join_pipe(i->log_fds[1], !piped || i->log_lost[1], &errors, err);
        if (r < 0)
                return r;
        *ret = (struct act_log_ends){ take_fd(&out), take_fd(&errors) };
        return 0;
}
