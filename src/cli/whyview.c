#include "whyview.h"

#include "duration.h"
#include "logread.h"
#include "statusview.h"

#include <string.h>

#define EARLY_USEC (50 * USEC_PER_MSEC)

static const char *text_of(const json_t *object, const char *key) {
        return json_string_value(json_object_get(object, key));
}

static const json_t *container_of(const json_t *explanation) {
        return json_object_get(explanation, "container");
}

static bool is_state(const json_t *explanation, const char *state) {
        const char *is = text_of(container_of(explanation), "state");

        return is && strcmp(is, state) == 0;
}

/* A job that runs never gets further; a service that does is not ready yet. */
static bool is_coming_up(const json_t *explanation) {
        return is_state(explanation, "running") && !json_is_true(json_object_get(explanation, "job"));
}

bool whyview_is_fine(const json_t *explanation) {
        return is_state(explanation, "ready") || is_state(explanation, "completed") ||
               (is_state(explanation, "running") && !is_coming_up(explanation));
}

/* ---- when ---- */

static void put_ago(uint64_t then, uint64_t now, struct buf *out) {
        char words[NUM_TEXT_MAX];

        if (then > 0 && then <= now)
                buf_printf(out, "%s", duration_whole(words, now - then));
        else
                buf_puts(out, "0s");
}

/* To the second: that is what people compare with other logs. */
static void put_moment(const json_t *time, struct buf *out) {
        const char *text = json_string_value(time);

        if (text)
                buf_printf(out, "%.*sZ", (int)strcspn(text, ".Z"), text);
}

static bool is_up(const json_t *explanation) {
        return statusview_is_running(container_of(explanation));
}

/* What is told of the same moment by two clocks, or by a process that was not heard at once. */
static uint64_t early(uint64_t usec) {
        return usec > EARLY_USEC ? usec - EARLY_USEC : 0;
}

bool whyview_span(const json_t *explanation, uint64_t *ret_since, uint64_t *ret_until) {
        const json_t *end = json_object_get(explanation, "end");
        uint64_t started = statusview_time(json_object_get(container_of(explanation), "started_at")),
                 launched = statusview_time(json_object_get(explanation, "launched_at")),
                 ended = statusview_time(json_object_get(end, "at")),
                 was_launched = statusview_time(json_object_get(end, "launched_at"));

        *ret_until = UINT64_MAX;
        if (is_up(explanation) && !whyview_is_fine(explanation)) {
                *ret_since = launched ? launched : early(started);
                return started > 0;
        }
        if (ended == 0 && is_state(explanation, "gone")) {
                *ret_since = launched;
                return launched > 0;
        }
        const char *step = text_of(end, "step");
        if (ended == 0 || (step && (strcmp(step, "pre_start") != 0 || was_launched == 0))) /* a hook has something to say */
                return false;
        *ret_since =
                was_launched ? was_launched : early(ended - duration_usec(json_number_value(json_object_get(end, "uptime"))));
        if (is_up(explanation) && launched > ended)
                *ret_until = launched;
        else if (is_up(explanation) && started > ended)
                *ret_until = started;
        return true;
}

/* ---- its rows ---- */

static void put_label(const char *label, struct buf *out) {
        buf_printf(out, "    %-10s ", label);
}

static void put_row(const char *label, const char *text, struct buf *out) {
        if (!text)
                return;
        put_label(label, out);
        buf_printf(out, "%s\n", text);
}

static const char *by_words(const char *by) {
        static const char *const words[][2] = {
                { "stop", "stopped by an operator" },
                { "restart", "restarted, by an operator or after what it depends on" },
                { "replace", "replaced, as an apply declared it anew" },
                { "hold", "taken down in order, for a plan or a shutdown" },
                { "remove", "removed, as it is not declared any more" },
                { "policy", "it does not keep to its declaration" },
        };

        for (size_t n = 0; by && n < ARRAY_SIZE(words); n++)
                if (strcmp(by, words[n][0]) == 0)
                        return words[n][1];
        return NULL;
}

static void put_why(const json_t *end, const char *label, struct buf *out) {
        const char *cause = text_of(end, "cause"), *words = text_of(end, "words"), *by = by_words(text_of(end, "by"));

        put_label(label, out);
        if (cause)
                buf_printf(out, "%s, and taken down (%s)\n", cause, words ? words : "?");
        else if (by)
                buf_printf(out, "%s (%s)\n", by, words ? words : "?");
        else
                buf_printf(out, "%s\n", words ? words : "?");
}

static void put_memory(const json_t *end, struct buf *out) {
        const json_t *peak = json_object_get(end, "memory_peak"), *max = json_object_get(end, "memory_max");
        bool shared = json_is_true(json_object_get(end, "memory_peak_shared"));
        char words[NUM_TEXT_MAX];

        if (!json_is_integer(peak))
                return;
        put_label("memory", out);
        buf_printf(out, "%s %s", shared ? "no more than" : "up to", num_human_size(words, (uint64_t)json_integer_value(peak)));
        if (json_is_integer(max))
                buf_printf(out, " of %s", num_human_size(words, (uint64_t)json_integer_value(max)));
        buf_putc(out, '\n');
}

static void put_end(const json_t *end, const struct whyview *v, const char *label, struct buf *out) {
        uint64_t took = duration_usec(json_number_value(json_object_get(end, "uptime")));
        bool started = !json_is_string(json_object_get(end, "step"));
        char words[NUM_TEXT_MAX];

        put_why(end, label, out);
        put_row("probe", text_of(end, "probe"), out);
        put_row("step", text_of(end, "step"), out);
        put_row("hint", text_of(end, "hint"), out);
        put_label(started ? "ended" : "tried", out);
        put_moment(json_object_get(end, "at"), out);
        buf_puts(out, ", ");
        put_ago(statusview_time(json_object_get(end, "at")), v->now_usec, out);
        buf_puts(out, " ago");
        if (started)
                buf_printf(out, ", after %s", num_human_duration(words, took));
        buf_putc(out, '\n');
        put_memory(end, out);
}

/* Of one that is gone and was not down yet when the update failed. */
static void put_failed(const json_t *explanation, const struct whyview *v, struct buf *out) {
        const char *failed = text_of(explanation, "failed");
        size_t len = strlen(v->target);

        if (failed && strncmp(failed, v->target, len) == 0 && strncmp(failed + len, ": ", 2) == 0)
                failed += len + 2;
        put_row("why", failed, out);
        put_row("probe", text_of(container_of(explanation), "health_message"), out);
}

static void put_attempts(const json_t *explanation, const struct whyview *v, struct buf *out) {
        const json_t *attempts = json_object_get(explanation, "attempts"), *max = json_object_get(explanation, "max_attempts");
        const json_t *next_at = json_object_get(container_of(explanation), "next_attempt_at");
        uint64_t next = statusview_time(next_at);
        bool used_up = is_state(explanation, "failed") && json_is_integer(max) &&
                       json_integer_value(attempts) >= json_integer_value(max);
        char words[NUM_TEXT_MAX];

        if (json_integer_value(attempts) > 0) {
                put_label("attempt", out);
                buf_printf(out, "%lld", (long long)json_integer_value(attempts));
                if (json_is_integer(max))
                        buf_printf(out, " of %lld", (long long)json_integer_value(max));
                buf_puts(out, used_up ? ", the last: ctrsup start begins anew\n" : "\n");
        }
        if (!is_state(explanation, "backoff"))
                return;
        put_label("next try", out);
        if (next <= v->now_usec)
                buf_puts(out, "now\n");
        else {
                buf_printf(out, "in %s, at ", duration_until(words, next - v->now_usec));
                put_moment(next_at, out);
                buf_putc(out, '\n');
        }
}

static void put_lines(const struct whyview *v, struct buf *out) {
        size_t n;
        const json_t *line;

        put_row("log", v->no_lines, out);
        if (json_array_size(v->lines) > 0)
                buf_puts(out, "    the last lines of its log:\n");
        json_array_foreach (v->lines, n, line) {
                struct logread_line l = { .text = json_string_value(line), .len = json_string_length(line) };

                buf_puts(out, "        ");
                logread_format(out, &l, LOGREAD_CAT, false, v->for_terminal);
        }
}

static void put_head(const json_t *explanation, const struct whyview *v, struct buf *out) {
        const json_t *c = container_of(explanation), *started = json_object_get(c, "started_at");
        const char *state = text_of(c, "state");

        buf_printf(out, "%s: %s", v->target, is_coming_up(explanation) ? "not ready yet" : state ? state : "?");
        if (is_state(explanation, "gone"))
                buf_puts(out, ", with the update that it made fail");
        if (is_up(explanation) && json_is_string(started)) {
                buf_puts(out, ", runs since ");
                put_moment(started, out);
                buf_puts(out, " (");
                put_ago(statusview_time(started), v->now_usec, out);
                buf_puts(out, ")");
        }
        buf_putc(out, '\n');
}

void whyview_put(const json_t *explanation, const struct whyview *v, struct buf *out) {
        const json_t *c = container_of(explanation), *end = json_object_get(explanation, "end");

        put_head(explanation, v, out);
        put_row("why", by_words(text_of(explanation, "stopping")), out);
        if (is_state(explanation, "pending"))
                put_row("waits", text_of(c, "message"), out);
        if (is_up(explanation) && !whyview_is_fine(explanation))
                put_row("probe", text_of(c, "health_message"), out);
        if (json_is_object(end))
                put_end(end, v,
                        is_up(explanation) || is_state(explanation, "pending") || is_state(explanation, "starting") ? "before"
                                                                                                                    : "why",
                        out);
        else if (is_state(explanation, "gone"))
                put_failed(explanation, v, out);
        else if (is_state(explanation, "failed"))
                put_row("why", text_of(c, "message"), out);
        else if (is_state(explanation, "stopped"))
                put_row("why", "stopped by an operator", out);
        put_attempts(explanation, v, out);
        put_lines(v, out);
}
