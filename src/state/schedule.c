#include <ctrsup/state/schedule.h>

#include <ctrsup/base/buf.h>
#include <ctrsup/calendar/calendar.h>

#include <string.h>

/* FNV-1a, with its last bits mixed in: the low ones are what is used. */
static uint64_t hash(uint64_t h, const char *text) {
        for (; *text; text++)
                h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
        return h;
}

static uint64_t hash_end(uint64_t h) {
        h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
        h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
        return h ^ h >> 33;
}

#define HASH_BEGIN UINT64_C(14695981039346656037)

uint64_t schedule_id(const struct spec_schedule *s) {
        _cleanup_buf_ struct buf text = BUF_NULL;

        if (!s->on_calendar.value)
                return 0;
        calendar_print(s->on_calendar.value, &text);
        uint64_t h = hash_end(hash(HASH_BEGIN, buf_failed(&text) ? s->on_calendar.text : buf_text(&text))) >> 11; /* what every reader of JSON can count */
        return h ? h : 1;
}

uint64_t schedule_delay(const struct spec_schedule *s, const char *machine_id, const char *stack, const char *container) {
        uint64_t h = hash(hash(hash(hash(HASH_BEGIN, machine_id), stack), "/"), container);

        return s->randomized_delay_usec == 0 ? 0 : hash_end(h) % (s->randomized_delay_usec + 1);
}

uint64_t schedule_since(uint64_t taken_usec, uint64_t now_usec) {
        return taken_usec > now_usec && taken_usec - now_usec > SCHEDULE_BACK_USEC ? now_usec : taken_usec;
}

int schedule_next(const struct spec_schedule *s, uint64_t taken_usec, uint64_t delay_usec, uint64_t *ret, struct err *err) {
        uint64_t next;
        int r = calendar_next(s->on_calendar.value, taken_usec, &next, err);

        if (r < 0)
                return r;
        *ret = r == CALENDAR_E_NEVER ? USEC_INFINITY : next + delay_usec;
        return 0;
}

bool schedule_is_resting(const struct instance *i) {
        return phase_is_settled(i->phase) ? !phase_is_up(i->phase) : i->phase == PHASE_PENDING && !i->waiting;
}

enum schedule_verdict schedule_judge(const struct spec_schedule *s, const struct instance *i, bool missed) {
        if (missed && !s->persistent)
                return SCHEDULE_MISSED;
        if (schedule_is_resting(i))
                return SCHEDULE_START;
        switch (s->overlap) {
        case OVERLAP_QUEUE:
                return SCHEDULE_QUEUE;
        case OVERLAP_REPLACE:
                return i->phase == PHASE_PENDING ? SCHEDULE_WAITS : SCHEDULE_REPLACE;
        case OVERLAP_SKIP:
        case _OVERLAP_MAX:
                break;
        }
        return SCHEDULE_BUSY;
}
