/* A TZif file's bytes. A version 1 file holds 32-bit times; later ones hold the same again with 64 bits behind it, and a rule. */
#include "zone.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

enum { HEADER = 44, TYPE = 6, RULE_MAX = 128, OFFSET_MAX = 25 * 3600 };

/* The year 10000: later turns are nobody's. */
#define TURN_MAX INT64_C(253402300800)

/* The counts of a header. */
struct block {
        char version;
        uint32_t isut, isstd, leap, times, types, chars;
        size_t time_size; /* 4 or 8 */
};

struct reader {
        const uint8_t *at;
        size_t left;
};

static const uint8_t *take(struct reader *r, size_t n) {
        const uint8_t *at = r->at;

        if (r->left < n)
                return NULL;
        r->at += n;
        r->left -= n;
        return at;
}

static uint32_t get32(const uint8_t *p) {
        uint32_t n;

        memcpy(&n, p, sizeof(n));
        return be32toh(n);
}

static int64_t get_time(const uint8_t *p, size_t size) {
        uint64_t n;

        if (size == 4)
                return (int32_t)get32(p);
        memcpy(&n, p, sizeof(n));
        return (int64_t)be64toh(n);
}

static int read_header(struct reader *r, size_t time_size, struct block *ret) {
        const uint8_t *p = take(r, HEADER);

        if (!p || memcmp(p, "TZif", 4) != 0)
                return -EBADMSG;
        *ret = (struct block){
                .version = (char)p[4],
                .isut = get32(p + 20),
                .isstd = get32(p + 24),
                .leap = get32(p + 28),
                .times = get32(p + 32),
                .types = get32(p + 36),
                .chars = get32(p + 40),
                .time_size = time_size,
        };
        /* Counts beyond this cannot be in a file that is read at all, and sums of them do not overflow. */
        const uint32_t counts[] = { ret->isut, ret->isstd, ret->leap, ret->times, ret->types, ret->chars };
        for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
                if (counts[i] > ZONE_FILE_MAX)
                        return -EBADMSG;
        return ret->types == 0 ? -EBADMSG : 0;
}

/* What lies behind the types. */
static size_t tail_size(const struct block *b) {
        return b->chars + b->leap * (b->time_size + 4) + b->isstd + b->isut;
}

static int skip_block(struct reader *r, const struct block *b) {
        return take(r, b->times * (b->time_size + 1) + (size_t)b->types * TYPE + tail_size(b)) ? 0 : -EBADMSG;
}

static int read_block(struct reader *r, const struct block *b, struct zone *z) {
        const uint8_t *times = take(r, b->times * b->time_size), *kinds = take(r, b->times);
        const uint8_t *types = take(r, (size_t)b->types * TYPE);
        int64_t before = INT64_MIN;

        if (!times || !kinds || !types || !take(r, tail_size(b)))
                return -EBADMSG;
        if (b->leap > 0)
                return -EOPNOTSUPP;
        for (uint32_t i = 0; i < b->types; i++) {
                int32_t offset = (int32_t)get32(types + (size_t)i * TYPE);
                if (offset <= -OFFSET_MAX || offset >= OFFSET_MAX)
                        return -EBADMSG;
        }
        z->offset = (int32_t)get32(types);
        for (uint32_t i = 0; i < b->times; i++) {
                int64_t at = get_time(times + i * b->time_size, b->time_size);

                if (at < before || at > TURN_MAX || kinds[i] >= b->types)
                        return -EBADMSG;
                before = at;
                int32_t offset = (int32_t)get32(types + (size_t)kinds[i] * TYPE);
                if (at < 0)
                        z->offset = offset;
                else if (z->n == ZONE_TURNS_MAX)
                        return -EBADMSG;
                else
                        z->turns[z->n++] = (struct zone_turn){ .at = at, .offset = offset };
        }
        return 0;
}

/* "\n", the rule, "\n"; it may be empty. */
static int read_rule(struct reader *r, struct zone *z) {
        char text[RULE_MAX];
        const uint8_t *begin = take(r, 1), *end = r->left > 0 ? memchr(r->at, '\n', r->left) : NULL;

        if (!begin || *begin != '\n' || !end || (size_t)(end - r->at) >= sizeof(text))
                return -EBADMSG;
        size_t len = (size_t)(end - r->at);
        memcpy(text, r->at, len);
        text[len] = '\0';
        return len > 0 ? zone_rule_parse(text, &z->rule) : 0;
}

int zone_parse(const void *data, size_t len, struct zone *ret) {
        struct reader r = { .at = data, .left = len };
        struct block b;
        int rc;

        ret->n = 0;
        ret->rule = (struct zone_rule){ 0 };
        rc = read_header(&r, 4, &b);
        if (rc < 0)
                return rc;
        if (b.version == '\0')
                return read_block(&r, &b, ret);
        rc = skip_block(&r, &b);
        if (rc == 0)
                rc = read_header(&r, 8, &b);
        if (rc == 0)
                rc = read_block(&r, &b, ret);
        return rc == 0 ? read_rule(&r, ret) : rc;
}

struct zone_span zone_span(const struct zone *z, int64_t at) {
        size_t n = 0;

        while (n < z->n && z->turns[n].at <= at)
                n++;
        if (n < z->n)
                return (struct zone_span){ .offset = n > 0 ? z->turns[n - 1].offset : z->offset, .end = z->turns[n].at };
        if (z->rule.present)
                return zone_rule_span(&z->rule, at);
        return (struct zone_span){ .offset = n > 0 ? z->turns[n - 1].offset : z->offset, .end = INT64_MAX };
}
