/* Where a piece of a line goes: the rate limit, the driver, the subscribers. */
#include "logger.h"

#include <ctrsup/base/buf.h>
#include <ctrsup/base/cleanup.h>
#include <ctrsup/base/num.h>

#include <inttypes.h>
#include <string.h>

enum { PRIORITY_OUT = 6, PRIORITY_ERR = 3, PRIORITY_NOTE = 4, SHORT_ID = 12 };

/* The journal's id of "log-suppressed"; the catalog and report/message_ids.h have the same. */
#define MESSAGE_ID_SUPPRESSED "c04739806c154e129a7e33cca325b1c6"

char *emit_make_fields(const struct wire_request *r) {
        const char *stack = r->strings[WIRE_STACK], *container = r->strings[WIRE_CONTAINER],
                   *instance = r->strings[WIRE_INSTANCE];
        const uint32_t replica = r->head.replica;
        _cleanup_buf_ struct buf b = BUF_NULL;

        buf_printf(&b, "SYSLOG_IDENTIFIER=%s\nCONTAINER_TAG=%s\n", r->strings[WIRE_TAG], r->strings[WIRE_TAG]);
        buf_printf(&b, "CONTAINER_NAME=%s-%s-%" PRIu32 "\n", stack, container, replica);
        buf_printf(&b, "CONTAINER_ID=%.*s\nCONTAINER_ID_FULL=%s\n", SHORT_ID, instance, instance);
        if (r->strings[WIRE_IMAGE])
                buf_printf(&b, "IMAGE_NAME=%s\n", r->strings[WIRE_IMAGE]);
        buf_printf(&b, "CTRSUP_STACK=%s\nCTRSUP_CONTAINER=%s\nCTRSUP_REPLICA=%" PRIu32 "\nCTRSUP_INSTANCE_ID=%s\n", stack,
                   container, replica, instance);
        return buf_take(&b);
}

/* What nobody has read yet of what was left out. */
static void keep_tally(struct stream *s) {
        if (s->tally)
                *s->tally = s->suppressed + s->telling;
}

/* Whether one more line fits into the window. A new window begins with the first line after the old one. */
static bool within_rate(struct logger *l, struct stream *s) {
        if (s->rate_interval_usec == 0)
                return true;
        if (l->now_usec - s->window_usec >= s->rate_interval_usec) {
                s->window_usec = l->now_usec;
                s->in_window = 0;
        }
        if (s->in_window < s->rate_burst) {
                s->in_window++;
                return true;
        }
        if (s->suppressed++ == 0)
                logger_care(l, s->window_usec + s->rate_interval_usec);
        s->stats.dropped_rate++;
        keep_tally(s);
        return false;
}

static int to_journal(struct logger *l, struct stream *s, const char *fields, size_t fields_len, int priority, bool partial,
                      const char *text, size_t len) {
        const struct journal_message m = { .owner = &s->owner,
                                           .fields = fields,
                                           .fields_len = fields_len,
                                           .priority = priority,
                                           .partial = partial,
                                           .text = text,
                                           .text_len = len };

        return journal_put(&l->journal, &m, l->now_usec);
}

static void to_subscribers(struct logger *l, struct stream *s, const char *head, size_t head_len, const char *text, size_t len) {
        for (size_t i = 0; i < SUBSCRIBERS_MAX; i++) {
                struct subscriber *sub = l->subscribers[i];

                if (!sub || sub->ended || !subscriber_wants(sub, s->stack, s->container))
                        continue;
                uint64_t before = sub->missed_total;
                subscriber_put(sub, s->names, head, head_len, text, len);
                s->stats.dropped_subscriber += sub->missed_total - before;
        }
}

static void make_head(struct logger *l, enum logline_stream which, bool partial) {
        if (l->head_len > 0 && l->head_usec == l->realtime_usec && l->head_stream == which && l->head_partial == partial)
                return;
        l->head_len = logline_format_head(l->head, l->realtime_usec, which, partial);
        l->head_usec = l->realtime_usec;
        l->head_stream = which;
        l->head_partial = partial;
}

/* One record to wherever it goes. raw: with the "<N>" that files keep and the journal has as PRIORITY. */
static int put(struct logger *l, struct stream *s, enum logline_stream which, bool partial, int priority, const char *raw,
               size_t raw_len, size_t level_len) {
        make_head(l, which, partial);
        switch (s->driver) {
        case LOGGER_JOURNALD: {
                int r = to_journal(l, s, s->fields, strlen(s->fields), priority, partial, raw + level_len, raw_len - level_len);
                if (r < 0)
                        return r;
                break;
        }
        case LOGGER_FILE:
                s->owner.dropped += logfile_put(&s->file, &l->batch, l->head, l->head_len, raw, raw_len, l->now_usec);
                break;
        case LOGGER_NONE:
        case _LOGGER_DRIVER_MAX:
                break;
        }
        to_subscribers(l, s, l->head, l->head_len, raw, raw_len);
        return 0;
}

int emit_piece(struct logger *l, struct pipe *p, const struct split_piece *piece) {
        struct stream *s = p->stream;
        size_t level_len = 0;

        if (s->driver == LOGGER_JOURNALD && l->journal.congested)
                return -EAGAIN;
        if (!p->continuing) {
                p->priority = p->which == LOGLINE_STDERR ? PRIORITY_ERR : PRIORITY_OUT;
                if (s->level_prefix)
                        level_len = logline_level(piece->text, piece->len, &p->priority);
        }
        if (s->suppressed > 0 && l->now_usec - s->window_usec >= s->rate_interval_usec && emit_suppressed(l, s) < 0)
                return -EAGAIN;
        if (within_rate(l, s)) {
                int r = put(l, s, p->which, piece->partial, p->priority, piece->text, piece->len, level_len);

                if (r < 0) { /* it comes again: it is counted then */
                        s->in_window -= s->rate_interval_usec != 0;
                        return r;
                }
        }
        p->continuing = piece->partial;
        s->stats.lines++;
        s->stats.bytes += piece->consumed;
        return 0;
}

void emit_flush(struct logger *l, struct stream *s) {
        if (s->driver == LOGGER_JOURNALD)
                journal_flush(&l->journal, l->now_usec);
        else if (s->driver == LOGGER_FILE)
                s->owner.dropped += logfile_flush(&s->file, &l->batch, l->now_usec);
        s->stats.dropped_sink = s->owner.dropped;
        if (s->telling > 0) {
                s->telling = 0;
                keep_tally(s);
        }
}

int emit_suppressed(struct logger *l, struct stream *s) {
        char text[256], span[NUM_TEXT_MAX];
        int r;

        if (s->suppressed == 0)
                return 0;
        int n = snprintf(text, sizeof(text), "%" PRIu64 " lines suppressed: more than %" PRIu64 " in %s", s->suppressed,
                         s->rate_burst, num_format_duration(span, s->rate_interval_usec));
        if (s->driver == LOGGER_JOURNALD) {
                _cleanup_buf_ struct buf fields = BUF_NULL;

                buf_printf(&fields, "%sMESSAGE_ID=" MESSAGE_ID_SUPPRESSED "\nN_DROPPED=%" PRIu64 "\n", s->fields, s->suppressed);
                r = to_journal(l, s, buf_text(&fields), fields.len, PRIORITY_NOTE, false, text, (size_t)n);
                if (r < 0)
                        return r;
                journal_flush(&l->journal, l->now_usec); /* before its fields go */
                s->suppressed = 0;
                keep_tally(s);
                return 0;
        }
        char note[sizeof(text) + 16];
        n = snprintf(note, sizeof(note), "<%d>ctrsup: %s", PRIORITY_NOTE, text);
        r = put(l, s, LOGLINE_STDERR, false, PRIORITY_NOTE, note, (size_t)n, 3);
        if (r >= 0) {
                s->telling += s->suppressed;
                s->suppressed = 0;
        }
        return r;
}
