/* Containers' lines in the journal, by CTRSUP_STACK, CTRSUP_CONTAINER and CTRSUP_REPLICA. The supervisor's own entries about a
 * container have these too; lines of the container have CONTAINER_NAME besides. */
#include "logread_source.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/base/num.h>

#include <inttypes.h>
#include <string.h>
#include <systemd/sd-journal.h>

struct journal {
        struct logread_source source;
        const struct logread_options *options;
        sd_journal *journal;
        char *stack, *container;
        bool started; /* the first entry is where the head stands already */
};

static struct logread_source *journal_free(struct logread_source *s) {
        struct journal *j = (struct journal *)s;

        if (!j)
                return NULL;
        sd_journal_close(j->journal);
        free(j->stack);
        free(j->container);
        free(j);
        return NULL;
}

static void journal_freep(struct journal **j) {
        (void)journal_free(*j ? &(*j)->source : NULL);
}

static int fail(int code, const char *what, struct err *err) {
        return err_sys(err, -code, "%s", what);
}

static int match(struct journal *j, const char *field, const char *value) {
        char text[512];
        int n = snprintf(text, sizeof(text), "%s=%s", field, value);

        return n >= (int)sizeof(text) ? -ENAMETOOLONG : sd_journal_add_match(j->journal, text, (size_t)n);
}

/* (stack and container and replica) or (…) …, and of a priority that is wanted. */
static int add_matches(struct journal *j, const struct logread_target *targets, size_t n) {
        char number[16];
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++) {
                if (targets[i].driver != LOGREAD_JOURNAL)
                        continue;
                r = match(j, "CTRSUP_STACK", targets[i].stack);
                if (r >= 0)
                        r = match(j, "CTRSUP_CONTAINER", targets[i].container);
                (void)snprintf(number, sizeof(number), "%" PRIu32, targets[i].replica);
                if (r >= 0 && targets[i].replica != 0)
                        r = match(j, "CTRSUP_REPLICA", number);
                if (r >= 0)
                        r = sd_journal_add_disjunction(j->journal);
        }
        if (j->options->max_priority >= 7 || r < 0)
                return r;
        r = sd_journal_add_conjunction(j->journal);
        for (int p = 0; r >= 0 && p <= j->options->max_priority; p++) {
                (void)snprintf(number, sizeof(number), "%d", p);
                r = match(j, "PRIORITY", number);
        }
        return r;
}

/* The field's value, not NUL-terminated; NULL: the entry has none. */
static const char *field(struct journal *j, const char *name, size_t *ret_len) {
        const void *data;
        size_t len, skip = strlen(name) + 1;

        if (sd_journal_get_data(j->journal, name, &data, &len) < 0 || len < skip)
                return NULL;
        *ret_len = len - skip;
        return (const char *)data + skip;
}

static bool is_payload(struct journal *j) {
        size_t len;

        return field(j, "CONTAINER_NAME", &len) != NULL;
}

/* Before the first entry to be given. */
static int seek(struct journal *j) {
        const struct logread_options *o = j->options;
        int r;

        if (o->tail == LOGREAD_ALL)
                return o->since_usec > 0 ? sd_journal_seek_realtime_usec(j->journal, o->since_usec)
                                         : sd_journal_seek_head(j->journal);
        r = o->until_usec == UINT64_MAX ? sd_journal_seek_tail(j->journal)
                                        : sd_journal_seek_realtime_usec(j->journal, o->until_usec + 1);
        if (r >= 0 && o->tail == 0) { /* sd_journal_seek_tail(3): it must be followed by going back */
                r = sd_journal_previous(j->journal);
                return r < 0 ? r : 0;
        }
        for (uint64_t n = 0; r >= 0 && n < o->tail;) {
                uint64_t usec;

                r = sd_journal_previous(j->journal);
                if (r == 0) { /* fewer than that: all */
                        return sd_journal_seek_head(j->journal);
                }
                if (r > 0 && sd_journal_get_realtime_usec(j->journal, &usec) >= 0 && usec < o->since_usec)
                        return 0; /* it stands before the first one */
                if (r > 0 && is_payload(j))
                        j->started = ++n == o->tail;
        }
        return r < 0 ? r : 0;
}

static int copy(char **to, const char *value, size_t len) {
        free(*to);
        *to = strndup(value, len);
        return *to ? 0 : -ENOMEM;
}

static int read_number(struct journal *j, const char *name, uint64_t fallback, uint64_t *ret) {
        char text[24];
        size_t len;
        const char *value = field(j, name, &len);

        *ret = fallback;
        if (!value || len >= sizeof(text))
                return 0;
        memcpy(text, value, len);
        text[len] = '\0';
        return num_parse_u64(text, ret) < 0 ? -EBADMSG : 0;
}

/* 1: a line of a container, 0: something else. The message comes last: it lives until the next field is asked for. */
static int read_entry(struct journal *j, struct logread_line *ret, struct err *err) {
        uint64_t replica, priority, usec;
        const char *value;
        size_t len;
        int r;

        if (!is_payload(j))
                return 0;
        r = sd_journal_get_realtime_usec(j->journal, &usec);
        if (r < 0)
                return fail(r, "read the journal", err);
        if (!(value = field(j, "CTRSUP_STACK", &len)))
                return 0;
        if (copy(&j->stack, value, len) < 0)
                return err_oom(err);
        if (!(value = field(j, "CTRSUP_CONTAINER", &len)))
                return 0;
        if (copy(&j->container, value, len) < 0)
                return err_oom(err);
        if (read_number(j, "CTRSUP_REPLICA", 1, &replica) < 0 || read_number(j, "PRIORITY", 6, &priority) < 0)
                return 0;
        bool partial = field(j, "CONTAINER_PARTIAL_MESSAGE", &len) != NULL;
        if (!(value = field(j, "MESSAGE", &len)))
                return 0;
        *ret = (struct logread_line){ .stack = j->stack,
                                      .container = j->container,
                                      .replica = (uint32_t)replica,
                                      .realtime_usec = usec,
                                      .priority = (int)priority,
                                      .partial = partial,
                                      .text = value,
                                      .len = len };
        return 1;
}

static int journal_next(struct logread_source *s, struct logread_line *ret, struct err *err) {
        struct journal *j = (struct journal *)s;

        for (;;) {
                int r = j->started ? 1 : sd_journal_next(j->journal);

                j->started = false;
                if (r < 0)
                        return fail(r, "read the journal", err);
                if (r == 0)
                        return 0;
                r = read_entry(j, ret, err);
                if (r < 0)
                        return r;
                if (r > 0 && ret->realtime_usec > j->options->until_usec)
                        return 0;
                if (r > 0 && ret->realtime_usec >= j->options->since_usec)
                        return 1;
        }
}

int logread_open_journal(struct logread_source **ret, const struct logread_target *targets, size_t n,
                         const struct logread_options *o, struct err *err) {
        _cleanup_(journal_freep) struct journal *j = calloc(1, sizeof(*j));
        int r;

        if (!j)
                return err_oom(err);
        j->source = (struct logread_source){ .next = journal_next, .free = journal_free };
        j->options = o;
        r = sd_journal_open(&j->journal, SD_JOURNAL_LOCAL_ONLY);
        if (r < 0)
                return fail(r, "open the journal", err);
        (void)sd_journal_set_data_threshold(j->journal, 0); /* whole messages */
        r = add_matches(j, targets, n);
        if (r >= 0 && o->follow)
                r = sd_journal_get_fd(j->journal); /* before seeking, or entries between would be missed */
        if (r >= 0)
                r = seek(j);
        if (r < 0)
                return fail(r, "search the journal", err);
        *ret = &take_ptr(j)->source;
        return 0;
}

int logread_journal_fd(struct logread_source *s) {
        int fd = sd_journal_get_fd(((struct journal *)s)->journal);

        return fd < 0 ? -1 : fd;
}

void logread_journal_process(struct logread_source *s) {
        (void)sd_journal_process(((struct journal *)s)->journal);
}
