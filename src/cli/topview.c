#include "topview.h"

#include <ctrsup/base/num.h>

#include <assert.h>
#include <string.h>

static const json_t *get(const json_t *object, const char *key) {
        return json_object_get(object, key);
}

/* How much the counter grew a second; below 0: not known. */
static double rate_of(const json_t *use, const json_t *earlier, const char *key) {
        json_int_t usec = json_integer_value(get(use, "at_usec")) - json_integer_value(get(earlier, "at_usec"));
        json_int_t grown = json_integer_value(get(use, key)) - json_integer_value(get(earlier, key));

        if (!json_is_integer(get(use, key)) || !json_is_integer(get(earlier, key)) || usec <= 0 || grown < 0)
                return -1;
        return (double)grown * (double)USEC_PER_SEC / (double)usec;
}

static json_t *percent_json(double usec_per_second) {
        return usec_per_second < 0 ? json_null() : json_real((double)(int64_t)(usec_per_second / 100 + 0.5) / 100);
}

static json_t *bytes_json(double per_second) {
        return per_second < 0 ? json_null() : json_integer((json_int_t)(per_second + 0.5));
}

static json_t *make_row(const char *target, const json_t *use, const json_t *earlier) {
        static const char *const same[] = { "stack",      "container", "replica", "cpus",     "memory",    "memory_peak",
                                            "memory_max", "swap",      "pids",    "pids_max", "oom_kills", "pressure" };
        json_t *row = json_object();

        (void)json_object_set_new(row, "target", json_string(target));
        for (size_t n = 0; n < ARRAY_SIZE(same); n++)
                (void)json_object_set_new(row, same[n], get(use, same[n]) ? json_deep_copy(get(use, same[n])) : json_null());
        (void)json_object_set_new(row, "cpu", percent_json(rate_of(use, earlier, "cpu_usec")));
        (void)json_object_set_new(row, "throttled", percent_json(rate_of(use, earlier, "throttled_usec")));
        (void)json_object_set_new(row, "io_read", bytes_json(rate_of(use, earlier, "io_read")));
        (void)json_object_set_new(row, "io_written", bytes_json(rate_of(use, earlier, "io_written")));
        return row;
}

static int busier(const void *a, const void *b) {
        const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
        double of_x = json_number_value(get(x, "cpu")), of_y = json_number_value(get(y, "cpu"));

        if (of_x > of_y || of_x < of_y)
                return of_x > of_y ? -1 : 1;
        return strcmp(json_string_value(get(x, "target")), json_string_value(get(y, "target")));
}

json_t *topview_rows(const json_t *sample, const json_t *earlier) {
        size_t n = 0, size = json_object_size(sample);
        json_t **list = calloc(size + 1, sizeof(*list)), *rows = json_array(), *use;
        const char *target;

        if (list) {
                json_object_foreach ((json_t *)(uintptr_t)sample, target, use)
                        list[n++] = make_row(target, use, get(earlier, target));
                qsort(list, n, sizeof(*list), busier);
        }
        for (size_t i = 0; i < n; i++)
                (void)json_array_append_new(rows, list[i]);
        free(list);
        return rows;
}

static void put_percent(const json_t *row, const char *key, struct buf *out) {
        if (json_is_number(get(row, key)))
                buf_printf(out, "%.1f%%", json_number_value(get(row, key)));
        else
                buf_puts(out, "-");
}

static void put_size(const json_t *row, const char *key, struct buf *out) {
        char words[NUM_TEXT_MAX];

        buf_puts(out, json_is_integer(get(row, key)) ? num_human_size(words, (uint64_t)json_integer_value(get(row, key))) : "-");
}

static void put_pressure(const json_t *row, struct buf *out) {
        static const char *const of[] = { "cpu", "memory", "io" };

        for (size_t n = 0; n < ARRAY_SIZE(of); n++) {
                const json_t *share = get(get(row, "pressure"), of[n]);

                if (n > 0)
                        buf_putc(out, ' ');
                if (json_is_number(share))
                        buf_printf(out, "%.1f", json_number_value(share));
                else
                        buf_putc(out, '-');
        }
}

void topview_put_cell(const json_t *row, enum topview_cell cell, struct buf *out) {
        switch (cell) {
        case TOPVIEW_CONTAINER:
                buf_puts(out, json_string_value(get(row, "target")));
                break;
        case TOPVIEW_CPU:
                put_percent(row, "cpu", out);
                if (json_is_number(get(row, "cpus")))
                        buf_printf(out, " / %.0f%%", json_number_value(get(row, "cpus")) * 100);
                break;
        case TOPVIEW_THROTTLED:
                put_percent(row, "throttled", out);
                break;
        case TOPVIEW_MEMORY:
                put_size(row, "memory", out);
                if (json_is_integer(get(row, "memory_max"))) {
                        buf_puts(out, " / ");
                        put_size(row, "memory_max", out);
                }
                break;
        case TOPVIEW_PEAK:
                put_size(row, "memory_peak", out);
                break;
        case TOPVIEW_SWAP:
                put_size(row, "swap", out);
                break;
        case TOPVIEW_READ:
                put_size(row, "io_read", out);
                break;
        case TOPVIEW_WRITTEN:
                put_size(row, "io_written", out);
                break;
        case TOPVIEW_PIDS:
                if (json_is_integer(get(row, "pids")))
                        buf_printf(out, "%lld", (long long)json_integer_value(get(row, "pids")));
                else
                        buf_putc(out, '-');
                if (json_is_integer(get(row, "pids_max")))
                        buf_printf(out, " / %lld", (long long)json_integer_value(get(row, "pids_max")));
                break;
        case TOPVIEW_PRESSURE:
                put_pressure(row, out);
                break;
        case _TOPVIEW_MAX:
                break;
        }
}

bool topview_is_tight(const json_t *row) {
        const json_t *used = get(row, "memory"), *limit = get(row, "memory_max");

        return json_is_integer(used) && json_is_integer(limit) && json_integer_value(used) >= json_integer_value(limit) / 10 * 9;
}

void topview_put_summary(const json_t *rows, struct buf *out) {
        char words[NUM_TEXT_MAX];
        uint64_t memory = 0;
        double cpu = 0;
        size_t n;
        json_t *row;

        json_array_foreach (rows, n, row) {
                cpu += json_number_value(get(row, "cpu"));
                memory += (uint64_t)json_integer_value(get(row, "memory"));
        }
        buf_printf(out, "%zu container%s, CPU %.1f%%, memory %s", json_array_size(rows), json_array_size(rows) == 1 ? "" : "s",
                   cpu, num_human_size(words, memory));
}
