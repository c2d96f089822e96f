#include "statusview.h"

#include "duration.h"

#include <string.h>
#include <time.h>

static const char *text_of(const json_t *object, const char *key) {
        return json_string_value(json_object_get(object, key));
}

uint64_t statusview_time(const json_t *text) {
        struct tm tm = { 0 };
        const char *rest = json_is_string(text) ? strptime(json_string_value(text), "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
        uint64_t usec = 0, unit = USEC_PER_SEC / 10;

        if (!rest)
                return 0;
        if (*rest == '.')
                for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
                        usec += (uint64_t)(*rest - '0') * unit;
        time_t seconds = timegm(&tm);
        return seconds < 0 || *rest != 'Z' ? 0 : (uint64_t)seconds * USEC_PER_SEC + usec;
}

static void put_exit(const json_t *exit, struct buf *out) {
        const json_t *code = json_object_get(exit, "code");
        const char *signal = text_of(exit, "signal"), *reason = text_of(exit, "reason");

        if (json_is_integer(code))
                buf_printf(out, " (exit %lld)", (long long)json_integer_value(code));
        else if (signal)
                buf_printf(out, " (%s%s)", reason && strcmp(reason, "oom") == 0 ? "oom, " : "", signal);
        else if (reason && *reason)
                buf_printf(out, " (%s)", reason);
}

/* A time to come, as it is said here and now: "Mon 03:30"; within a minute with its seconds, beyond six days with its date. */
static void put_moment(uint64_t usec, uint64_t now_usec, struct buf *out) {
        time_t at = (time_t)(usec / USEC_PER_SEC);
        uint64_t away = usec > now_usec ? usec - now_usec : 0;
        char text[64] = "?";
        struct tm tm = { 0 };

        (void)localtime_r(&at, &tm);
        if (away < 60 * USEC_PER_SEC)
                (void)strftime(text, sizeof(text), "%a %H:%M:%S", &tm);
        else if (away < 6 * 86400 * USEC_PER_SEC)
                (void)strftime(text, sizeof(text), "%a %H:%M", &tm);
        else
                (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm);
        buf_puts(out, text);
}

/* Of a job with a schedule that does not run now. */
static bool put_next_run(const json_t *container, const char *state, uint64_t now_usec, struct buf *out) {
        uint64_t next = statusview_time(json_object_get(container, "next_run_at"));
        bool rests = strcmp(state, "scheduled") == 0, failed = strcmp(state, "failed") == 0;

        if (!json_is_string(json_object_get(container, "schedule")) || !(rests || failed || strcmp(state, "completed") == 0) ||
            (next == 0 && !rests))
                return false;
        buf_puts(out, "next ");
        if (next > 0)
                put_moment(next, now_usec, out);
        else
                buf_puts(out, "never");
        if (failed)
                put_exit(json_object_get(container, "exit"), out);
        return true;
}

void statusview_state(const json_t *container, uint64_t now_usec, struct buf *out) {
        const char *state = text_of(container, "state");
        uint64_t next = statusview_time(json_object_get(container, "next_attempt_at"));
        char words[NUM_TEXT_MAX];

        if (!state)
                state = "?";
        if (put_next_run(container, state, now_usec, out))
                return;
        buf_puts(out, state);
        if (strcmp(state, "backoff") == 0 && next > now_usec)
                buf_printf(out, " %s", duration_until(words, next - now_usec));
        if (strcmp(state, "backoff") == 0 || strcmp(state, "failed") == 0 || strcmp(state, "gone") == 0)
                put_exit(json_object_get(container, "exit"), out);
}

const char *statusview_color(const char *state) {
        static const struct {
                const char *state, *color;
        } colors[] = {
                { "ready", "green" },   { "running", "green" },   { "failed", "red" },      { "backoff", "red" },
                { "unhealthy", "red" }, { "starting", "yellow" }, { "stopping", "yellow" }, { "pending", "yellow" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(colors); i++)
                if (strncmp(state, colors[i].state, strlen(colors[i].state)) == 0)
                        return colors[i].color;
        return NULL;
}

bool statusview_is_running(const json_t *container) {
        const char *state = text_of(container, "state");

        return state && (strcmp(state, "ready") == 0 || strcmp(state, "running") == 0 || strcmp(state, "unhealthy") == 0);
}

static uint64_t uptime(const json_t *container, uint64_t now_usec) {
        uint64_t started = statusview_time(json_object_get(container, "started_at"));

        return started > 0 && started < now_usec && json_is_integer(json_object_get(container, "pid")) ? now_usec - started : 0;
}

void statusview_uptime(const json_t *container, uint64_t now_usec, struct buf *out) {
        uint64_t usec = uptime(container, now_usec);
        char words[NUM_TEXT_MAX];

        buf_puts(out, usec ? duration_whole(words, usec) : "-");
}

void statusview_cpu(const json_t *container, const json_t *earlier, uint64_t since_usec, uint64_t now_usec, struct buf *out) {
        const json_t *used = json_object_get(json_object_get(container, "usage"), "cpu_usec");
        const json_t *before = json_object_get(json_object_get(earlier, "usage"), "cpu_usec");
        uint64_t over = uptime(container, now_usec);
        double cpu = json_number_value(used);

        if (!json_is_number(used) || over == 0) {
                buf_puts(out, "-");
                return;
        }
        if (json_is_number(before) && now_usec > since_usec &&
            json_equal(json_object_get(container, "pid"), json_object_get(earlier, "pid"))) {
                cpu -= json_number_value(before);
                over = now_usec - since_usec;
        }
        buf_printf(out, "%.1f%%", cpu < 0 ? 0 : cpu * 100 / (double)over);
}

void statusview_memory(const json_t *container, struct buf *out) {
        const json_t *used = json_object_get(json_object_get(container, "usage"), "memory");
        const json_t *limit = json_object_get(json_object_get(container, "limits"), "memory");
        char words[NUM_TEXT_MAX];

        buf_puts(out, json_is_integer(used) ? num_human_size(words, (uint64_t)json_integer_value(used)) : "-");
        if (json_is_integer(used) && json_is_integer(limit))
                buf_printf(out, " / %s", num_human_size(words, (uint64_t)json_integer_value(limit)));
}

static void put_value(const json_t *value, struct buf *out) {
        _cleanup_free_ char *text = NULL;

        if (json_is_string(value)) {
                buf_puts(out, json_string_value(value));
                return;
        }
        text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        buf_puts(out, text ? text : "?");
}

static bool is_worth_a_line(const char *key, const json_t *value) {
        static const char *const shown[] = { "stack", "container", "replica", "several", "state" };

        for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
                if (strcmp(key, shown[i]) == 0)
                        return false;
        return !json_is_null(value) && !(json_is_array(value) && json_array_size(value) == 0) &&
               !(json_is_object(value) && json_object_size(value) == 0);
}

static void put_start(const json_t *run, struct buf *out) {
        time_t at = (time_t)(statusview_time(json_object_get(run, "started_at")) / USEC_PER_SEC);
        char when[64] = "?";
        struct tm tm;

        if (localtime_r(&at, &tm))
                (void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
        buf_puts(out, when);
}

void statusview_run(const json_t *run, struct buf *out) {
        buf_puts(out, "ran ");
        put_start(run, out);
        put_exit(json_object_get(run, "exit"), out);
}

/* "2026-11-28 03:30:00  4.1s  exited with status 0", one a line. */
static void put_runs(const json_t *runs, struct buf *out) {
        size_t i;
        json_t *run;

        json_array_foreach (runs, i, run) {
                const char *message = text_of(run, "message");
                json_int_t attempts = json_integer_value(json_object_get(run, "attempts"));
                char took[NUM_TEXT_MAX];

                buf_printf(out, "    %-16s ", i == 0 ? "runs" : "");
                put_start(run, out);
                buf_printf(out, "  %s  %s",
                           num_human_duration(took, duration_usec(json_number_value(json_object_get(run, "duration")))), message ? message : "?");
                if (attempts > 1)
                        buf_printf(out, " (%lld attempts)", (long long)attempts);
                buf_putc(out, '\n');
        }
}

void statusview_block(const json_t *container, const char *target, uint64_t now_usec, struct buf *out) {
        const char *key, *inner;
        json_t *value, *part;

        buf_printf(out, "%s: ", target);
        statusview_state(container, now_usec, out);
        buf_putc(out, '\n');
        json_object_foreach ((json_t *)(uintptr_t)container, key, value) {
                if (!is_worth_a_line(key, value))
                        continue;
                if (strcmp(key, "runs") == 0) {
                        put_runs(value, out);
                        continue;
                }
                buf_printf(out, "    %-16s ", key);
                if (json_is_object(value)) {
                        const char *space = "";

                        json_object_foreach (value, inner, part) {
                                if (json_is_null(part))
                                        continue;
                                buf_printf(out, "%s%s=", space, inner);
                                put_value(part, out);
                                space = " ";
                        }
                } else {
                        put_value(value, out);
                }
                buf_putc(out, '\n');
        }
}
