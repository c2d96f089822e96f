/* The normal form. */
#include "weekdays.h"

#include <ctrsup/base/num.h>

#include <assert.h>
#include <inttypes.h>

const char *const weekday_names[] = { "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday" };
static_assert(ARRAY_SIZE(weekday_names) == WEEKDAYS, "a week");

void weekdays_print(uint8_t weekdays, struct buf *out) {
        const char *comma = "";

        if (weekdays == (1u << WEEKDAYS) - 1)
                return;
        for (unsigned day = 0; day < WEEKDAYS; day++) {
                unsigned last = day;

                if (!(weekdays & 1u << day))
                        continue;
                while (last + 1 < WEEKDAYS && weekdays & 1u << (last + 1))
                        last++;
                buf_printf(out, "%s%.3s", comma, weekday_names[day]);
                if (last > day)
                        buf_printf(out, "%s%.3s", last > day + 1 ? ".." : ",", weekday_names[last]);
                comma = ",";
                day = last;
        }
}

static void put_value(enum calendar_unit unit, int32_t value, int width, struct buf *out) {
        if (unit != CALENDAR_USEC) {
                buf_printf(out, "%0*" PRIi32, width, value);
                return;
        }
        buf_printf(out, "%0*" PRIi32, width, value / (int32_t)USEC_PER_SEC);
        if (value % (int32_t)USEC_PER_SEC > 0)
                buf_printf(out, ".%06" PRIi32, value % (int32_t)USEC_PER_SEC);
}

static bool is_every_second(const struct calendar *c, const struct calendar_list *list) {
        const struct calendar_part *part = c->parts + list->at;

        return list->n == 1 && part->first == 0 && part->last < 0 && part->step == (int32_t)USEC_PER_SEC;
}

static void put_list(const struct calendar *c, enum calendar_unit unit, struct buf *out) {
        const struct calendar_list *list = &c->lists[unit];
        const struct calendar_part *parts = c->parts + list->at;
        int32_t one = unit == CALENDAR_USEC ? (int32_t)USEC_PER_SEC : 1;
        int width = unit == CALENDAR_YEAR ? 4 : 2;

        if (list->n == 0 || is_every_second(c, list)) {
                buf_putc(out, '*');
                return;
        }
        for (size_t i = 0; i < list->n; i++) {
                if (i > 0)
                        buf_putc(out, ',');
                put_value(unit, parts[i].first, width, out);
                if (parts[i].last >= 0) {
                        buf_puts(out, "..");
                        put_value(unit, parts[i].last, width, out);
                }
                if (parts[i].step > 0 && !(parts[i].last >= 0 && parts[i].step == one)) {
                        buf_putc(out, '/');
                        put_value(unit, parts[i].step, 1, out);
                }
        }
}

void calendar_print(const struct calendar *c, struct buf *out) {
        if (c->weekdays) {
                weekdays_print(c->weekdays, out);
                buf_putc(out, ' ');
        }
        put_list(c, CALENDAR_YEAR, out);
        buf_putc(out, '-');
        put_list(c, CALENDAR_MONTH, out);
        buf_putc(out, c->from_month_end ? '~' : '-');
        put_list(c, CALENDAR_DAY, out);
        buf_putc(out, ' ');
        put_list(c, CALENDAR_HOUR, out);
        buf_putc(out, ':');
        put_list(c, CALENDAR_MINUTE, out);
        buf_putc(out, ':');
        put_list(c, CALENDAR_USEC, out);
        if (*c->zone)
                buf_printf(out, " %s", c->zone);
}
