#include "progress.h"

#include "cli.h"
#include "duration.h"
#include "target.h"

#include <ctrsup/base/num.h>

#include <assert.h>
#include <string.h>
#include <wchar.h>

static const struct {
        const char *unicode, *ascii, *color;
} marks[] = {
        [MARK_WAITS] = { "⠋", "-", "33" },
        [MARK_FINE] = { "✓", "+", "32" },
        [MARK_BAD] = { "✗", "x", "31" },
        [MARK_RESTS] = { "·", ".", "2" },
};
static_assert(ARRAY_SIZE(marks) == _MARK_MAX, "every mark has its looks");

static const char *const spinner[] = { "⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏" };
static const char *const ascii_spinner[] = { "-", "\\", "|", "/" };
#define SPIN_USEC UINT64_C(100000)
#define WAITS "waits " /* how the supervisor's words of one that waits begin */

void progress_done(struct progress *p) {
        for (size_t i = 0; i < p->n; i++) {
                free(p->rows[i].name);
                free(p->rows[i].state);
                free(p->rows[i].message);
        }
        free(p->rows);
        *p = PROGRESS_NULL;
}

enum progress_mark progress_mark(const char *state) {
        static const struct {
                const char *state;
                enum progress_mark mark;
        } known[] = {
                { "ready", MARK_FINE },    { "completed", MARK_FINE }, { "failed", MARK_BAD },
                { "backoff", MARK_BAD },   { "unhealthy", MARK_BAD },  { "stopped", MARK_RESTS },
                { "removed", MARK_RESTS }, { "waiting", MARK_RESTS },  { "pending", MARK_RESTS },
                { "scheduled", MARK_RESTS },
        };

        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (strcmp(known[i].state, state) == 0)
                        return known[i].mark;
        return MARK_WAITS;
}

static struct progress_row *row_of(struct progress *p, const char *name) {
        for (size_t i = 0; i < p->n; i++)
                if (strcmp(p->rows[i].name, name) == 0)
                        return &p->rows[i];
        if (p->n == p->size) {
                size_t size = p->size ? p->size * 2 : 16;
                struct progress_row *rows = reallocarray(p->rows, size, sizeof(*rows));

                if (!rows)
                        return NULL;
                p->rows = rows;
                p->size = size;
        }
        char *copy = strdup(name);
        if (!copy)
                return NULL;
        p->rows[p->n] = (struct progress_row){ .name = copy, .seconds = -1, .within = -1 };
        return &p->rows[p->n++];
}

/* NULL: out of memory. */
static struct progress_row *set_row(struct progress *p, const char *name, const char *state, const char *message,
                                    uint64_t now_usec) {
        struct progress_row *row = row_of(p, name);
        char *new_state = strdup(state), *new_message = message ? strdup(message) : NULL;

        if (!row || !new_state || (message && !new_message)) {
                p->failed = true;
                free(new_state);
                free(new_message);
                if (row && !row->state) /* a new one: every row has a state */
                        free(p->rows[--p->n].name);
                return NULL;
        }
        free(row->state);
        free(row->message);
        row->state = new_state;
        row->message = new_message;
        row->since_usec = now_usec;
        row->seconds = row->within = -1;
        return row;
}

void progress_expect(struct progress *p, const char *container, uint64_t now_usec) {
        (void)set_row(p, container, "waiting", NULL, now_usec);
}

static const char *text_of(const json_t *object, const char *key) {
        return json_string_value(json_object_get(object, key));
}

/* NULL when it only says the state again, as an event's words may. */
static const char *message_of(const json_t *transition) {
        const char *message = text_of(transition, "message"), *to = text_of(transition, "to");

        return message && to && strcmp(message, to) == 0 ? NULL : message;
}

/* "api", or "api.2" of several. */
static void row_name(const json_t *t, char buf[TARGET_TEXT_SIZE]) {
        json_int_t replica = json_integer_value(json_object_get(t, "replica"));
        const char *container = text_of(t, "container");

        if (replica > 1 || json_is_true(json_object_get(t, "several")))
                (void)snprintf(buf, TARGET_TEXT_SIZE, "%s.%lld", container ? container : "", (long long)replica);
        else
                (void)snprintf(buf, TARGET_TEXT_SIZE, "%s", container ? container : "");
}

static double seconds_of(const json_t *object, const char *key) {
        const json_t *value = json_object_get(object, key);

        return json_is_number(value) ? json_number_value(value) : -1;
}

static struct progress_row *find_row(struct progress *p, const char *name, const char *state) {
        for (size_t i = 0; i < p->n; i++)
                if (strcmp(p->rows[i].name, name) == 0 && strcmp(p->rows[i].state, state) == 0)
                        return &p->rows[i];
        return NULL;
}

/* It stays as it is, and says something, or has got more time: its clock goes on. */
static void take_on(struct progress_row *row, const json_t *transition, uint64_t since_usec, uint64_t now_usec) {
        double within = seconds_of(transition, "within");

        row->since_usec = since_usec;
        row->within = within >= 0 ? within + (double)(now_usec - since_usec) / USEC_PER_SEC : within;
}

bool progress_take(struct progress *p, const json_t *transition, uint64_t now_usec) {
        const char *from = text_of(transition, "from"), *to = text_of(transition, "to"), *message = message_of(transition);
        char name[TARGET_TEXT_SIZE];

        if (!to || !text_of(transition, "container"))
                return false;
        row_name(transition, name);
        struct progress_row *row = find_row(p, name, to);
        bool goes_on = row && from && strcmp(from, to) == 0;
        bool news = !row || strcmp(row->message ? row->message : "", message ? message : "") != 0;
        uint64_t since_usec = goes_on ? row->since_usec : now_usec;
        if (news) {
                row = set_row(p, name, to, message, now_usec);
                if (row)
                        row->seconds = seconds_of(transition, "duration");
        }
        if (row && (news || goes_on))
                take_on(row, transition, since_usec, now_usec);
        return news;
}

bool progress_is_over(const struct progress *p, bool *ret_failed) {
        bool failed = false;

        for (size_t i = 0; i < p->n; i++) {
                const char *state = p->rows[i].state;

                if (strcmp(state, "failed") == 0)
                        failed = true;
                else if (strcmp(state, "completed") != 0 && strcmp(state, "stopped") != 0 && strcmp(state, "removed") != 0)
                        return false;
        }
        *ret_failed = failed;
        return p->n > 0;
}

/* It is tried again, and when is known. */
static bool counts_down(const struct progress_row *row) {
        return row->within >= 0 && strcmp(row->state, "backoff") == 0;
}

bool progress_moves(const struct progress *p) {
        for (size_t i = 0; i < p->n; i++)
                if (progress_mark(p->rows[i].state) == MARK_WAITS || counts_down(&p->rows[i]))
                        return true;
        return false;
}

unsigned progress_put_cut(struct buf *out, const char *text, unsigned columns) {
        mbstate_t state = { 0 };
        unsigned used = 0;

        while (*text && *text != '\n') {
                wchar_t wide;
                size_t len = mbrtowc(&wide, text, 16, &state);
                int width = 1;

                if (len == 0 || len > 16) { /* no character of this locale: one "?" a byte */
                        memset(&state, 0, sizeof(state));
                        len = 1;
                        wide = L'?';
                } else {
                        width = wcwidth(wide);
                }
                if (used + (unsigned)(width > 0 ? width : 0) > columns)
                        break;
                if (width < 0 || (len == 1 && wide == L'?')) {
                        buf_putc(out, '?');
                        used++;
                } else {
                        buf_put(out, text, len);
                        used += (unsigned)width;
                }
                text += len;
        }
        return used;
}

static unsigned width_of(const char *text) {
        _cleanup_buf_ struct buf scratch = BUF_NULL;

        return progress_put_cut(&scratch, text, UINT32_MAX);
}

static void put_padded(struct buf *out, const char *text, unsigned width, unsigned *left) {
        unsigned used = progress_put_cut(out, text, width < *left ? width : *left);

        for (; used < width && used < *left; used++)
                buf_putc(out, ' ');
        *left -= used;
}

static const char *mark_text(enum progress_mark mark, const struct progress_style *style, uint64_t now_usec) {
        if (mark == MARK_WAITS)
                return style->unicode ? spinner[now_usec / SPIN_USEC % ARRAY_SIZE(spinner)]
                                      : ascii_spinner[now_usec / SPIN_USEC % ARRAY_SIZE(ascii_spinner)];
        return style->unicode ? marks[mark].unicode : marks[mark].ascii;
}

enum { TIME_SIZE = 2 * NUM_TEXT_MAX + 8 };

/* Its time: of what goes on, so far and at most; of what is tried again, until then; else how long it took. "": not known. */
static const char *row_time(const struct progress_row *row, uint64_t now_usec, char buf[TIME_SIZE]) {
        uint64_t passed = now_usec - row->since_usec, within = duration_usec(row->within);
        char words[NUM_TEXT_MAX], most[NUM_TEXT_MAX];

        buf[0] = '\0';
        if (counts_down(row))
                (void)snprintf(buf, TIME_SIZE, "%s",
                               duration_watched(words, passed < within ? within - passed + USEC_PER_SEC - 1 : 0));
        else if (progress_mark(row->state) == MARK_WAITS)
                (void)snprintf(buf, TIME_SIZE, "%s%s%s", duration_watched(words, passed), row->within >= 0 ? " of " : "",
                               row->within >= 0 ? duration_watched(most, within + USEC_PER_SEC / 2) : "");
        else if (!row->message && row->seconds >= 0)
                (void)num_human_duration(buf, duration_usec(row->seconds));
        return buf;
}

static void draw_row(const struct progress_row *row, const struct progress_style *style, unsigned name_width, uint64_t now_usec,
                     struct buf *out) {
        enum progress_mark mark = progress_mark(row->state);
        unsigned left = style->columns > 4 ? style->columns - 4 : 1; /* the mark, and the last column, where terminals wrap */
        const char *state = row->state, *message = row->message;
        char words[TIME_SIZE];
        const char *took = row_time(row, now_usec, words);

        if (strcmp(state, "pending") == 0 && message && strncmp(message, WAITS, strlen(WAITS)) == 0) {
                state = "waiting";
                message += strlen(WAITS);
        }
        buf_putc(out, ' ');
        if (style->color)
                buf_printf(out, "\033[%sm", marks[mark].color);
        buf_puts(out, mark_text(mark, style, now_usec));
        if (style->color)
                buf_puts(out, "\033[0m");
        buf_putc(out, ' ');
        put_padded(out, row->name, name_width, &left);
        put_padded(out, "  ", 2, &left);
        if (message || *took) {
                put_padded(out, state, 10, &left);
                put_padded(out, " ", 1, &left);
        } else
                left -= progress_put_cut(out, state, left);
        left -= progress_put_cut(out, took, left);
        if (message && *took)
                put_padded(out, "  ", 2, &left);
        if (message)
                (void)progress_put_cut(out, message, left);
        buf_puts(out, "\033[K\n");
}

void progress_erase(struct progress *p, struct buf *out) {
        if (p->lines > 0)
                buf_printf(out, "\033[%uA\r\033[J", p->lines);
        p->lines = 0;
}

/* The rows that fit, the most telling marks first, each group in its order; returns how many. */
static size_t choose_rows(const struct progress *p, size_t room, bool *chosen) {
        static const enum progress_mark order[] = { MARK_BAD, MARK_WAITS, MARK_FINE, MARK_RESTS };
        size_t n = 0;

        for (size_t m = 0; m < ARRAY_SIZE(order); m++)
                for (size_t i = 0; i < p->n && n < room; i++)
                        if (progress_mark(p->rows[i].state) == order[m]) {
                                chosen[i] = true;
                                n++;
                        }
        return n;
}

void progress_draw(struct progress *p, const struct progress_style *style, uint64_t now_usec, struct buf *out) {
        unsigned name_width = 8, max = style->columns / 3, before = p->lines;
        size_t room = style->rows > 2 && p->n > style->rows - 1 ? style->rows - 2 : p->n;
        _cleanup_free_ bool *chosen = calloc(p->n + 1, sizeof(bool));

        if (!chosen)
                return; /* no picture this time */
        for (size_t i = 0; i < p->n; i++) {
                unsigned width = width_of(p->rows[i].name);

                if (width > name_width)
                        name_width = width;
        }
        if (name_width > max)
                name_width = max;
        /* Over the last picture, without clearing it first: that would flicker. */
        if (before > 0)
                buf_printf(out, "\033[%uA\r", before);
        size_t n = choose_rows(p, room, chosen);
        for (size_t i = 0; i < p->n; i++)
                if (chosen[i])
                        draw_row(&p->rows[i], style, name_width, now_usec, out);
        p->lines = (unsigned)n;
        if (n < p->n) {
                buf_printf(out, " %s %zu more\033[K\n", mark_text(MARK_RESTS, style, 0), p->n - n);
                p->lines++;
        }
        if (p->lines < before)
                buf_puts(out, "\033[J");
}

void progress_plain(const json_t *transition, struct buf *out) {
        const char *stack = text_of(transition, "stack"), *container = text_of(transition, "container"),
                   *to = text_of(transition, "to"), *message = message_of(transition);
        json_int_t replica = json_integer_value(json_object_get(transition, "replica"));
        double seconds = seconds_of(transition, "duration");
        char target[TARGET_TEXT_SIZE], words[NUM_TEXT_MAX];

        if (!to || !container || strcmp(to, "pending") == 0)
                return;
        buf_printf(out, "%s: %s", target_text(stack ? stack : "", container, replica, !json_is_true(json_object_get(transition, "several")), target), to);
        if (message)
                buf_printf(out, ": %s", message);
        else if (seconds >= 0 && (progress_mark(to) == MARK_FINE || progress_mark(to) == MARK_RESTS))
                buf_printf(out, " (%s)", num_human_duration(words, duration_usec(seconds)));
        buf_putc(out, '\n');
}

void progress_json(const json_t *transition, struct buf *out) {
        _cleanup_free_ char *text = json_dumps(transition, JSON_COMPACT);

        if (text)
                buf_printf(out, "%s\n", text);
        else
                out->failed = true;
}

static void put_failure(const json_t *failure, const char *stack, const struct progress_style *style, struct buf *out) {
        const char *container = text_of(failure, "container"), *message = text_of(failure, "message"),
                   *hint = text_of(failure, "hint");
        json_int_t replica = json_integer_value(json_object_get(failure, "replica"));
        const json_t *lines = json_object_get(failure, "lines");
        char target[TARGET_TEXT_SIZE];
        size_t i;
        json_t *line;

        if (text_of(failure, "stack")) /* a daemon of before did not say it */
                stack = text_of(failure, "stack");
        if (container && *container)
                target_text(stack, container, replica, !json_is_true(json_object_get(failure, "several")), target);
        else
                (void)snprintf(target, sizeof(target), "%s", stack);
        buf_printf(out, "%s%s%s: %s%s\n", style->color ? "\033[31m" : "", target, style->color ? "\033[0m" : "",
                   message ? message : "failed", json_array_size(lines) > 0 ? "; last lines of its log:" : "");
        json_array_foreach (lines, i, line) {
                buf_puts(out, "    ");
                (void)progress_put_cut(out, json_string_value(line) ? json_string_value(line) : "", UINT32_MAX);
                buf_putc(out, '\n');
        }
        if (hint)
                buf_printf(out, "    hint: %s\n", hint);
        else
                buf_printf(out, "    see: ctrsup why %s, ctrsup logs %s -n 50\n", target, target);
}

enum outcome { OUTCOME_DONE, OUTCOME_FAILED, OUTCOME_RESTORED, OUTCOME_TIMEOUT, _OUTCOME_MAX, _OUTCOME_INVALID = -EINVAL };

static const struct {
        const char *name;
        int code;
} outcomes[] = {
        [OUTCOME_DONE] = { "done", EXIT_OK },
        [OUTCOME_FAILED] = { "failed", EXIT_NEGATIVE },
        [OUTCOME_RESTORED] = { "restored", EXIT_RESTORED },
        [OUTCOME_TIMEOUT] = { "timeout", EXIT_TRY_AGAIN },
};
static_assert(ARRAY_SIZE(outcomes) == _OUTCOME_MAX, "every outcome has a name");

static enum outcome outcome_of(const json_t *result) {
        const char *name = text_of(result, "outcome");

        for (enum outcome o = 0; name && o < _OUTCOME_MAX; o++)
                if (strcmp(outcomes[o].name, name) == 0)
                        return o;
        return _OUTCOME_INVALID;
}

void progress_result(const json_t *result, const char *asked, const struct progress_style *style, struct buf *out) {
        enum outcome outcome = outcome_of(result);
        const char *stack = text_of(result, "stack");
        json_int_t revision = json_integer_value(json_object_get(result, "revision"));
        double seconds = seconds_of(result, "duration");
        char words[NUM_TEXT_MAX];
        size_t i;
        json_t *failure;

        if (outcome == OUTCOME_RESTORED)
                buf_printf(out, "%s%s%s: rolled back to revision %lld\n", style->color ? "\033[31m" : "", stack ? stack : "ctrsup", style->color ? "\033[0m" : "",
                           (long long)json_integer_value(json_object_get(result, "running")));
        json_array_foreach (json_object_get(result, "failures"), i, failure)
                put_failure(failure, stack ? stack : "", style, out);
        if (outcome < 0 || (!stack && outcome == OUTCOME_DONE))
                return; /* of several targets: each has its line already */
        buf_printf(out, "%s: ", stack ? stack : "ctrsup");
        if (revision > 0)
                buf_printf(out, "revision %lld ", (long long)revision);
        switch (outcome) {
        case OUTCOME_DONE:
                buf_printf(out, "%s%s", revision > 0 ? "is " : "", asked);
                break;
        case OUTCOME_FAILED:
                buf_puts(out, "failed");
                break;
        case OUTCOME_RESTORED:
                buf_printf(out, "failed, revision %lld is running",
                           (long long)json_integer_value(json_object_get(result, "running")));
                break;
        case OUTCOME_TIMEOUT:
                buf_printf(out, "is not %s yet; the work goes on: ctrsup status%s%s", asked, stack ? " " : "",
                           stack ? stack : "");
                break;
        case _OUTCOME_MAX:
        case _OUTCOME_INVALID:
                break;
        }
        if (seconds >= 0)
                buf_printf(out, " (%s)", num_human_duration(words, duration_usec(seconds)));
        buf_putc(out, '\n');
}

int progress_exit_code(const json_t *result) {
        enum outcome outcome = outcome_of(result);

        return outcome < 0 ? EXIT_BUG : outcomes[outcome].code;
}
