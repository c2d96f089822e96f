#include "describe.h"

#include <ctrsup/base/num.h>

#include <inttypes.h>
#include <string.h>

void describe_type(const struct field *f, struct buf *out) {
        buf_puts(out, f->type->name);
        if (f->type->units)
                buf_printf(out, " (%s)", f->type->units);
        if (f->flags & FIELD_MAX)
                buf_puts(out, ", or max");
        if (f->flags & FIELD_INFINITE)
                buf_puts(out, ", or infinity");
        if (f->flags & FIELD_SIGNED)
                buf_puts(out, ", may be negative");
}

void describe_preset(const struct field *f, struct buf *out) {
        if (f->type == &type_mode && f->preset)
                buf_printf(out, "\"%s\"", f->preset);
        else
                buf_puts(out, f->flags & FIELD_REQUIRED ? "required"
                              : f->preset_words         ? f->preset_words
                              : f->preset               ? f->preset
                                                        : "");
}

static void put_bound(const struct field *f, int64_t bound, struct buf *out) {
        char text[NUM_TEXT_MAX];

        if (f->type == &type_size)
                buf_puts(out, num_format_size(text, (uint64_t)bound));
        else if (f->type == &type_duration)
                buf_puts(out, num_format_duration(text, (uint64_t)bound));
        else if (f->type == &type_cpus)
                buf_puts(out, num_format_milli(text, (uint64_t)bound));
        else if (f->type == &type_mode)
                buf_printf(out, "\"%04o\"", (unsigned)bound);
        else
                buf_printf(out, "%" PRId64, bound);
}

void describe_allowed(const struct field *f, struct buf *out) {
        for (size_t i = 0; i < f->n_words; i++)
                if (f->words[i])
                        buf_printf(out, "%s%s", out->len ? ", " : "", f->words[i]);
        if (!f->min && !f->max)
                return;
        if (f->max == INT64_MAX || f->max == 0) {
                buf_puts(out, "at least ");
                put_bound(f, f->min, out);
        } else {
                put_bound(f, f->min, out);
                buf_puts(out, " to ");
                put_bound(f, f->max, out);
        }
        if (f->type == &type_list || f->type == &type_map)
                buf_puts(out, " entries");
}

const char *describe_change(enum change_class c) {
        static const char *const words[] = {
                [CHANGE_META] = "meta: the running container is not touched",
                [CHANGE_LIVE] = "live: takes effect without a restart",
                [CHANGE_REPLACE] = "replace: the container is started anew",
                [CHANGE_IMMUTABLE] = "immutable: remove it first",
        };

        return words[c];
}

const char *describe_step(const struct field *f) {
        return f->type == &type_map ? ".<name>" : f->type == &type_list ? "[]" : "";
}

bool describe_descends(const struct field *f) {
        return f->sub && !(f->flags & FIELD_CLIENT && f->type == &type_group);
}
