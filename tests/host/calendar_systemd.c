/* Our calendar expressions beside systemd's own: what `systemd-analyze calendar` accepts, how it writes it, and the next three times,
 * for expressions written down here and for random ones (the same in each run), in UTC and in zones whose clocks are set.
 * not in a machine: the same arithmetic everywhere
 *
 * The offline half of systemd-analyze is all it takes: no PID 1. It shows whole seconds. */
#include "calendar/next.h"
#include "calendar_texts.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/base/num.h>

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum { TEXT = 160, TIMES = 3, BATCH = 1600, SHOWN = 15, N_RANDOM = 1200, BASES_MAX = 16 };

extern char **environ;

struct answer {
        bool valid, gave_up;
        char normal[512];
        size_t n;
        int64_t times[TIMES]; /* seconds */
};

static struct batch {
        size_t n;
        char texts[BATCH][TEXT];
        struct answer theirs[BATCH];
} batch;

static size_t n_compared, n_times, n_skipped, n_refused, n_gave_up, n_known, n_refused_lists;
static size_t wrong_valid, wrong_normal, wrong_times;

static void complain(size_t *counter, const char *format, ...) _printf_(2, 3);
static void complain(size_t *counter, const char *format, ...) {
        va_list ap;

        if (++*counter > SHOWN)
                return;
        printf("# ");
        va_start(ap, format);
        vprintf(format, ap);
        va_end(ap);
        putchar('\n');
}

static uint32_t random_state = 20260521;

static uint32_t pick(uint32_t n) {
        random_state ^= random_state << 13;
        random_state ^= random_state >> 17;
        random_state ^= random_state << 5;
        return random_state % n;
}

/* A list of one to three values of min..max, now and then one too many. */
static void put_list(struct buf *out, unsigned min, unsigned max, bool seconds) {
        unsigned n = pick(4) == 0 ? 1 + pick(3) : 1, beyond = pick(40) == 0 ? 3 : 0;

        if (pick(5) < 2) {
                buf_putc(out, '*');
                return;
        }
        for (unsigned i = 0; i < n; i++) {
                unsigned first = min + pick(max - min + 1 + beyond), span = max - min;

                buf_printf(out, i ? ",%u" : pick(2) ? "%u" : "%02u", first);
                if (seconds && pick(4) == 0)
                        buf_printf(out, ".%u", pick(1000));
                if (pick(4) == 0)
                        buf_printf(out, "..%u", first + pick(max + 2 - (first > max ? max : first)) - (pick(30) == 0));
                if (pick(4) == 0)
                        buf_printf(out, "/%u", pick(30) == 0 ? pick(span * 2) : 1 + pick(span / 3 + 1));
        }
}

static void put_weekdays(struct buf *out) {
        static const char *const names[] = { "Mon", "tue", "Wednesday", "THU", "Fri", "Saturday", "Sun" };

        for (unsigned i = 0, n = 1 + pick(3); i < n; i++) {
                unsigned first = pick(7);

                buf_printf(out, "%s%s", i ? "," : "", names[first]);
                if (pick(3) == 0)
                        buf_printf(out, "%s%s", pick(4) ? ".." : "-", names[first + pick(7 - first)]);
        }
        buf_putc(out, ' ');
}

static const char *const zones[] = {
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Europe/Dublin",       /* "daylight saving" in winter */
        "America/Havana",      /* midnight is skipped */
        "Australia/Lord_Howe", /* by half an hour */
        "Antarctica/Troll",    /* by two hours */
        "Africa/Casablanca",   /* during Ramadan */
        "Atlantic/Azores",
        "Asia/Beirut",
        "Asia/Gaza",
        "America/Nuuk", /* on the evening before */
        "America/Santiago",
        "Pacific/Chatham",
        "Africa/Cairo",
        "Asia/Kathmandu",
        "America/St_Johns",
        "Pacific/Apia",
        "America/Sao_Paulo",
        "Etc/GMT+5",
};

/* One expression; of ten one has an error planted in it. */
static void make_random(char text[TEXT], bool with_zone) {
        _cleanup_buf_ struct buf out = BUF_NULL;
        unsigned date = pick(4);

        if (pick(3) == 0)
                put_weekdays(&out);
        if (date >= 2) {
                if (date == 3) {
                        put_list(&out, pick(2) ? 2020 : 20, pick(2) ? 2035 : 2026, false);
                        buf_putc(&out, '-');
                }
                put_list(&out, 1, 12, false);
                bool from_end = pick(5) == 0;
                buf_putc(&out, from_end ? '~' : '-');
                put_list(&out, 1, from_end ? 28 : 31, false);
                buf_putc(&out, ' ');
        }
        put_list(&out, 0, 23, false);
        buf_putc(&out, ':');
        put_list(&out, 0, 59, false);
        if (pick(2)) {
                buf_putc(&out, ':');
                put_list(&out, 0, 59, true);
        }
        if (with_zone)
                buf_printf(&out, " %s", zones[pick(ARRAY_SIZE(zones))]);
        if (pick(10) == 0)
                out.data[pick((uint32_t)out.len)] = "*/-~:., 0x"[pick(10)];
        (void)snprintf(text, TEXT, "%s", buf_text(&out));
}

/* ---- theirs */

/* The file's text, or NULL. */
static char *read_all(int fd) {
        off_t size = lseek(fd, 0, SEEK_END);
        char *text = size >= 0 ? calloc((size_t)size + 1, 1) : NULL;

        if (text && pread(fd, text, (size_t)size, 0) != size) {
                free(text);
                return NULL;
        }
        return text;
}

static int scratch(void) {
        return open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/* Runs it over the batch, with the host's zone and the time given; what it said goes to *ret_out and *ret_err. */
static bool run_theirs(const char *zone, int64_t base, char **ret_out, char **ret_err) {
        static char *argv[BATCH + 8];
        char base_time[64], tz[96];
        char *envp[] = { tz, (char *)"LC_ALL=C.UTF-8", (char *)"PATH=/usr/bin:/bin", NULL };
        _cleanup_fd_ int out = scratch(), err = scratch();
        posix_spawn_file_actions_t actions;
        size_t n = 0;
        pid_t pid;
        int status = -1;

        (void)snprintf(base_time, sizeof(base_time), "--base-time=@%" PRId64, base);
        (void)snprintf(tz, sizeof(tz), "TZ=:%s", zone);
        argv[n++] = (char *)"systemd-analyze";
        argv[n++] = (char *)"calendar";
        argv[n++] = (char *)"--iterations=3";
        argv[n++] = base_time;
        argv[n++] = (char *)"--";
        for (size_t i = 0; i < batch.n; i++)
                argv[n++] = batch.texts[i];
        argv[n] = NULL;
        (void)posix_spawn_file_actions_init(&actions);
        (void)posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
        (void)posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
        int r = posix_spawnp(&pid, "systemd-analyze", &actions, NULL, argv, envp);
        (void)posix_spawn_file_actions_destroy(&actions);
        if (r != 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
                return false;
        *ret_out = read_all(out);
        *ret_err = read_all(err);
        return *ret_out && *ret_err;
}

/* "Mon 2024-01-01 00:05:00 UTC" */
static bool read_time(const char *text, int64_t *ret) {
        struct tm tm = { 0 };

        if (sscanf(text, "%*3s %d-%d-%d %d:%d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec) !=
            6)
                return false;
        tm.tm_year -= 1900;
        tm.tm_mon--;
        *ret = timegm(&tm);
        return true;
}

/* One line of a block. A time in the host's zone is followed by the same in UTC. */
static void read_line(const char *line, struct answer *a) {
        const char *value = strstr(line, ": ");

        if (!value)
                return;
        line += strspn(line, " ");
        if (strncmp(line, "Normalized form", 15) == 0)
                (void)snprintf(a->normal, sizeof(a->normal), "%s", value + 2);
        else if ((strncmp(line, "Next elapse", 11) == 0 || strncmp(line, "Iter. #", 7) == 0) && a->n < TIMES)
                a->n += read_time(value + 2, &a->times[a->n]);
        else if (strncmp(line, "(in UTC)", 8) == 0 && a->n > 0)
                (void)read_time(value + 2, &a->times[a->n - 1]);
}

/* Refusals are on stderr, in order: of the text, or of going on after a thousand rounds, which says nothing about the times. Each
 * of the others is a block on stdout with its normal form in it. */
static bool read_theirs(char *out, char *err) {
        static const char refused[] = "Failed to parse calendar specification '",
                          gave_up[] = "Failed to determine next elapse for '";
        char *line, *save = NULL;
        size_t i = 0;

        for (size_t k = 0; k < batch.n; k++)
                batch.theirs[k] = (struct answer){ .valid = true };
        for (line = strtok_r(err, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                bool invalid = strncmp(line, refused, sizeof(refused) - 1) == 0;
                const char *text = line + (invalid ? sizeof(refused) : sizeof(gave_up)) - 1;

                if (!invalid && strncmp(line, gave_up, sizeof(gave_up) - 1) != 0)
                        continue;
                while (i < batch.n && (strncmp(text, batch.texts[i], strlen(batch.texts[i])) != 0 ||
                                       strncmp(text + strlen(batch.texts[i]), "': ", 3) != 0))
                        i++;
                if (i == batch.n)
                        return false;
                batch.theirs[i].valid = !invalid;
                batch.theirs[i++].gave_up = !invalid;
        }
        i = SIZE_MAX;
        for (line = strtok_r(out, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                if (strncmp(line, "Normalized form: ", 17) == 0)
                        do
                                i++;
                        while (i < batch.n && (!batch.theirs[i].valid || batch.theirs[i].gave_up));
                if (i < batch.n)
                        read_line(line, &batch.theirs[i]);
        }
        return true;
}

/* ---- ours beside them */

/* What we do otherwise, and why. NULL: nothing. */
static const char *exception(const char *text) {
        const char *at = strchr(text, '@');

        if (at && (at[1] == '+' || at[1] == '-' || at[1] == ' '))
                return "252 reads what follows @ with strtoul(), which takes blanks and signs";
        if (at && strstr(at, " ") && strcasecmp(strstr(at, " "), " UTC") != 0)
                return "252 takes a zone behind @ and then ignores it";
        return NULL;
}

/* 252 holds the second part of a list of last days against 25, the third against 22 and so on, where the manual has 28 for all. */
static bool is_refused_list(const struct calendar *c) {
        const struct calendar_list *days = &c->lists[CALENDAR_DAY];

        for (size_t i = 1; c->from_month_end && i < days->n; i++) {
                const struct calendar_part *p = &c->parts[days->at + i];
                if (p->first > 28 - 3 * (int32_t)i || p->last > 28 - 3 * (int32_t)i)
                        return true;
        }
        return false;
}

/* 252 follows "3/9" beyond the end of its unit, and what is there (minute 66) becomes 6 of the next hour: it goes on from there, and
 * minute 3 is lost (later versions set the smaller units back). So where a step does not meet the end, it may be late. */
static bool is_late(const struct calendar *c) {
        static const int32_t ends[] = {
                [CALENDAR_MONTH] = 13, [CALENDAR_HOUR] = 24, [CALENDAR_MINUTE] = 60, [CALENDAR_USEC] = 60000000
        };

        for (size_t unit = CALENDAR_MONTH; unit < _CALENDAR_UNIT_MAX; unit++)
                for (size_t i = 0; i < c->lists[unit].n; i++) {
                        const struct calendar_part *p = &c->parts[c->lists[unit].at + i];
                        if (p->step > 0 && p->last < 0 && (unit == CALENDAR_DAY || (ends[unit] - p->first) % p->step != 0))
                                return true;
                }
        return false;
}

/* The clocks are set forward in (from, to]: 252 loses an hour or a day there, where more than an hour is skipped (02:00 of 01:00 to
 * 03:00 is taken for 04:00) and in Ireland, where it is winter that is "daylight saving time" (it refuses to go backward). */
static bool has_odd_skip(const char *zone_name, const struct zone *zone, int64_t from, int64_t to) {
        bool ireland = strcmp(zone_name, "Europe/Dublin") == 0;

        for (struct zone_span span = zone_span(zone, from); span.end <= to;) {
                struct zone_span next = zone_span(zone, span.end);
                if (next.offset - span.offset > (ireland ? 0 : 3600))
                        return true;
                span = next;
        }
        return false;
}

/* Whether a difference is one of the known faults of systemd 252. asked, theirs, ours: seconds, -1 for never. */
static bool is_known(const char *zone_name, const struct calendar *c, const struct zone *zone, int64_t asked, int64_t theirs,
                     int64_t ours) {
        /* In an hour that comes twice "~" brings it back to the first one: a time that is over. */
        if (c->from_month_end && theirs >= 0 && theirs < asked)
                return true;
        return ours >= 0 && theirs > ours && (is_late(c) || has_odd_skip(zone_name, zone, asked, theirs));
}

static void compare_times(const char *zone_name, const struct calendar *c, const struct zone *zone, int64_t base, size_t i) {
        const struct answer *theirs = &batch.theirs[i];
        uint64_t at = (uint64_t)base * USEC_PER_SEC;

        for (size_t k = 0; k < TIMES; k++) {
                int64_t asked = (int64_t)(at / USEC_PER_SEC);
                int r = calendar_next_in(c, zone, at, &at);
                int64_t wanted = k < theirs->n ? theirs->times[k] : -1, found = r == 0 ? (int64_t)(at / USEC_PER_SEC) : -1;

                n_times++;
                if (wanted != found && is_known(zone_name, c, zone, asked, wanted, found)) {
                        n_known++;
                        return;
                }
                if (wanted != found) {
                        complain(&wrong_times,
                                 "\"%s\" in %s after @%" PRId64 ", number %zu: systemd @%" PRId64 ", here @%" PRId64,
                                 batch.texts[i], zone_name, base, k + 1, wanted, found);
                        return;
                }
                if (r != 0)
                        return;
        }
}

static void compare_one(const char *zone_name, const struct zone *host, int64_t base, size_t i) {
        const struct answer *theirs = &batch.theirs[i];
        const char *text = batch.texts[i];
        _cleanup_buf_ struct buf normal = BUF_NULL;
        struct err err = { 0 };
        struct zone zone;
        struct calendar c;
        int r = calendar_parse(text, &c, NULL, &err);

        if (exception(text)) {
                n_skipped++;
                return;
        }
        n_compared++;
        n_refused += !theirs->valid;
        if (r == 0 && !theirs->valid && is_refused_list(&c)) {
                n_refused_lists++;
                return;
        }
        if ((r == 0) != theirs->valid) {
                complain(&wrong_valid, "\"%s\": systemd %s it, here: %s", text, theirs->valid ? "takes" : "refuses",
                         r == 0 ? "taken" : err.text);
                return;
        }
        if (r < 0)
                return;
        if (theirs->gave_up) {
                n_gave_up++;
                return;
        }
        calendar_print(&c, &normal);
        if (strcmp(buf_text(&normal), theirs->normal) != 0)
                complain(&wrong_normal, "\"%s\": systemd \"%s\", here \"%s\"", text, theirs->normal, buf_text(&normal));
        if (!*c.zone)
                compare_times(zone_name, &c, host, base, i);
        else if (zone_read(c.zone, &zone, &err) == 0)
                compare_times(c.zone, &c, &zone, base, i);
        else
                complain(&wrong_times, "\"%s\": %s", text, err.text);
}

static bool compare(const char *zone_name, int64_t base) {
        _cleanup_free_ char *out = NULL, *err = NULL;
        struct zone zone;

        if (zone_read(zone_name, &zone, NULL) < 0 || !run_theirs(zone_name, base, &out, &err) || !read_theirs(out, err)) {
                complain(&wrong_valid, "no answer in %s at @%" PRId64, zone_name, base);
                return false;
        }
        for (size_t i = 0; i < batch.n; i++)
                compare_one(zone_name, &zone, base, i);
        return true;
}

static void fill_written(void) {
        batch.n = 0;
        for (size_t i = 0; i < ARRAY_SIZE(written); i++)
                (void)snprintf(batch.texts[batch.n++], TEXT, "%s", written[i]);
}

static void fill_random(size_t n, bool with_zone) {
        for (batch.n = 0; batch.n < n; batch.n++)
                make_random(batch.texts[batch.n], with_zone);
}

/* Around the next two times after 2024-01-01 that the clocks are set: a day before, just before, within the hour that is skipped or
 * comes twice, and a month before. */
static size_t find_bases(const char *zone_name, int64_t bases[BASES_MAX]) {
        static const int64_t beside[] = { -30 * 86400, -86400, -1801, -1, 0, 600, 2400, 4200 };
        int64_t at = 1704067200;
        struct zone zone;
        size_t n = 0;

        if (zone_read(zone_name, &zone, NULL) < 0)
                return 0;
        bases[n++] = at;
        for (size_t turn = 0; turn < 2 && n + ARRAY_SIZE(beside) <= BASES_MAX; turn++) {
                struct zone_span span = zone_span(&zone, at);

                if (span.end == INT64_MAX)
                        break;
                for (size_t i = turn ? 1 : 0; i < ARRAY_SIZE(beside); i++)
                        bases[n++] = span.end + beside[i];
                at = span.end;
        }
        return n;
}

static int n_tests, n_failed;

static void result(bool good, const char *format, ...) _printf_(2, 3);
static void result(bool good, const char *format, ...) {
        va_list ap;

        n_failed += !good;
        printf("%sok %d - ", good ? "" : "not ", ++n_tests);
        va_start(ap, format);
        vprintf(format, ap);
        va_end(ap);
        putchar('\n');
}

int main(void) {
        static const int64_t bases[] = {
                0,          /* 1970 */
                951825599,  /* 2000-02-29 11:59:59 */
                1709164799, /* 2024-02-28 23:59:59 */
                2147483647, /* the last second of 32 bits */
                4107542400, /* 2100-02-29 would be that day: no leap year */
        };

        if (access("/usr/bin/systemd-analyze", X_OK) < 0) {
                puts("ok 1 - calendar expressions beside systemd's # SKIP no systemd-analyze\n1..1");
                return 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
                fill_written();
                (void)compare("UTC", bases[i]);
                fill_random(N_RANDOM, false);
                (void)compare("UTC", bases[i]);
        }
        for (size_t z = 1; z < ARRAY_SIZE(zones); z++) {
                int64_t around[BASES_MAX];
                size_t n = find_bases(zones[z], around);

                fill_random(200, false);
                for (size_t i = 0; i < n; i++)
                        (void)compare(zones[z], around[i]);
        }
        fill_random(300, true);
        (void)compare("UTC", 1711756800 /* 2024-03-30: the day before in Europe */);
        result(wrong_valid == 0, "%zu times an expression is taken or refused as by systemd-analyze, %zu times refused",
               n_compared, n_refused);
        result(wrong_normal == 0, "the same normal forms");
        result(wrong_times == 0, "the same %zu times", n_times);
        result(n_known * 200 < n_times, "no more than one of 200 is a known fault of systemd 252");
        printf("# by rule: %zu times, %zu lists of last days, %zu texts; systemd gave up on %zu\n1..%d\n", n_known,
               n_refused_lists, n_skipped, n_gave_up, n_tests);
        return n_failed > 0;
}
