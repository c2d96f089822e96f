#include "scheduleview.h"

#include <ctrsup/base/num.h>
#include <ctrsup/calendar/calendar.h>

enum { SHOWN = 3 };

void scheduleview_warn(struct document *d, uint64_t now_usec) {
        const struct spec *spec = d->stack.spec;

        for (size_t n = 0; n < spec->n_containers; n++) {
                const struct spec_container *c = &spec->containers[n];
                char path[128];
                uint64_t next;

                (void)snprintf(path, sizeof(path), "containers.%.63s.schedule.on_calendar", c->name);
                if (!spec_is_scheduled(c) || calendar_next(c->schedule.on_calendar.value, now_usec, &next, NULL) != CALENDAR_E_NEVER)
                        continue;
                struct diag *w = diag_warn(&d->diags, DIAG_BAD_CALENDAR, spec_mark(spec, path), path, "\"%s\" is past: it does not elapse any more",
                                           c->schedule.on_calendar.text);
                diag_hint(&d->diags, w, "the job runs when it is started by hand only: ctrsup start %s/%s", spec->name, c->name);
        }
}

static void put_runs(const struct spec_container *c, uint64_t now_usec, struct buf *out) {
        const struct spec_schedule *s = &c->schedule;
        const char *zone = s->on_calendar.value->zone;
        struct err err = { 0 };
        char words[NUM_TEXT_MAX];
        int r = 0;

        buf_printf(out, "    %s: \"%s\"%s%s%s", c->name, s->on_calendar.text, *zone ? "" : ", in the host's time zone",
                   s->randomized_delay_usec ? ", later by up to " : "",
                   s->randomized_delay_usec ? num_format_duration(words, s->randomized_delay_usec) : "");
        for (int i = 0; i < SHOWN && r == 0; i++) {
                r = calendar_next(s->on_calendar.value, now_usec, &now_usec, &err);
                if (r != 0)
                        break;
                buf_puts(out, "\n        ");
                r = calendar_put_time(s->on_calendar.value, now_usec, out, &err);
                if (r == 0 && *zone)
                        buf_printf(out, " %s", zone);
        }
        if (r < 0)
                buf_printf(out, "\n        %s", err.text);
        buf_putc(out, '\n');
}

void scheduleview_put(const struct document *d, uint64_t now_usec, struct buf *out) {
        for (size_t n = 0; n < d->stack.spec->n_containers; n++)
                if (spec_is_scheduled(&d->stack.spec->containers[n]))
                        put_runs(&d->stack.spec->containers[n], now_usec, out);
}
