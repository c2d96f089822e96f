#include "logsource.h"

#include "duration.h"
#include "statusview.h"
#include "target.h"

#include <string.h>
#include <time.h>

enum { LAST_LINES = 8 };
#define EARLY_USEC UINT64_C(50000)

void logsource_done(struct logsource *l) {
        free(l->items);
        json_decref(l->containers);
        *l = LOGSOURCE_NULL;
}

static const char *text_of(const json_t *object, const char *key) {
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "";
}

/* Whether its lines can be read back; else why not. */
static const char *read_source(const json_t *container, struct logread_target *ret) {
        const json_t *log = json_object_get(container, "log");
        const char *driver = text_of(log, "driver"), *path = text_of(log, "path");

        *ret = (struct logread_target){
                .stack = text_of(container, "stack"),
                .container = text_of(container, "container"),
                .replica = (uint32_t)json_integer_value(json_object_get(container, "replica")),
                .driver = LOGREAD_JOURNAL,
        };
        if (strcmp(driver, "journald") == 0)
                return NULL;
        if (strcmp(driver, "file") == 0 && *path) {
                ret->driver = LOGREAD_FILE;
                ret->path = path;
                return NULL;
        }
        if (strcmp(driver, "none") == 0)
                return "logging.driver is none: nothing is kept";
        return strcmp(driver, "direct") == 0 ? "it writes to the journal itself: journalctl -t TAG has its lines"
                                             : "its lines are kept nowhere we can read";
}

int logsource_make(json_t *containers, struct logsource *ret, struct buf *unread, struct err *err) {
        char target[TARGET_TEXT_SIZE];
        size_t i;
        json_t *container;

        *ret = (struct logsource){ .items = calloc(json_array_size(containers) + 1, sizeof(*ret->items)),
                                   .containers = json_incref(containers) };
        if (!ret->items)
                return err_oom(err);
        json_array_foreach (containers, i, container) {
                const char *why = read_source(container, &ret->items[ret->n]);

                if (!why)
                        ret->n++;
                else
                        buf_printf(unread, "%s: %s\n",
                                   target_text(text_of(container, "stack"), text_of(container, "container"),
                                               json_integer_value(json_object_get(container, "replica")),
                                               !json_is_true(json_object_get(container, "several")), target),
                                   why);
        }
        return 0;
}

static int keep_line(void *userdata, const struct logread_line *line) {
        /* Bytes that are no UTF-8 are no JSON string: such a line is left out of a failure's few. */
        json_t *text = json_stringn(line->text, line->len);

        if (text)
                (void)json_array_append_new(userdata, text);
        return 0;
}

const char *logsource_tail(const json_t *container, uint64_t n, uint64_t since_usec, uint64_t until_usec, json_t *lines) {
        struct logread_options options = LOGREAD_OPTIONS;
        struct logread_target source;
        struct err err = { 0 };
        const char *why = read_source(container, &source);

        if (why)
                return why;
        options.tail = n;
        options.since_usec = since_usec;
        options.until_usec = until_usec;
        int r = logread_run(&source, 1, &options, keep_line, lines, &err);
        return r == -EACCES || r == -EPERM ? "it may not be read by this user" : r < 0 ? "it cannot be read" : NULL;
}

/* When the work began whose result this is, a little early: a log may hold the lines of earlier runs too. */
static uint64_t beginning(const json_t *result) {
        uint64_t took = duration_usec(json_number_value(json_object_get(result, "duration"))) + EARLY_USEC;
        struct timespec t;

        (void)clock_gettime(CLOCK_REALTIME, &t);
        uint64_t now = (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000;
        return took < now ? now - took : 0;
}

void logsource_fill_failures(json_t *result) {
        json_t *failures = json_object_get(result, "failures"), *failure;
        size_t i;

        json_array_foreach (failures, i, failure) {
                json_t *lines = json_object_get(failure, "lines");

                uint64_t since = statusview_time(json_object_get(failure, "since"));

                if (json_is_object(json_object_get(failure, "log")) && json_is_array(lines) && json_array_size(lines) == 0)
                        (void)logsource_tail(failure, LAST_LINES, since ? since : beginning(result), UINT64_MAX, lines);
        }
}
