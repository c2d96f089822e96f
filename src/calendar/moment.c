/* An instant as the clocks of an expression's zone show it. */
#include "civil.h"
#include "weekdays.h"
#include "zone.h"

#include <ctrsup/base/num.h>

#include <inttypes.h>
#include <stdlib.h>

int calendar_put_time(const struct calendar *c, uint64_t usec, struct buf *out, struct err *err) {
        int64_t at = (int64_t)(usec / USEC_PER_SEC);
        struct zone zone;

        int r = zone_read(c->zone, &zone, err);
        if (r < 0)
                return r;
        int32_t offset = zone_span(&zone, at).offset, minutes = abs(offset) / 60;
        int64_t days = floor_div(at + offset, SEC_PER_DAY);
        int32_t of_day = (int32_t)(at + offset - days * SEC_PER_DAY);
        struct civil date = civil_date(days);

        buf_printf(out, "%.3s %04" PRIi32 "-%02" PRIi32 "-%02" PRIi32 " %02" PRIi32 ":%02" PRIi32 ":%02" PRIi32,
                   weekday_names[civil_weekday(days)], date.year, date.month, date.day, of_day / 3600, of_day / 60 % 60, of_day % 60);
        buf_printf(out, " %c%02" PRIi32 ":%02" PRIi32, offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
        return 0;
}
