#include <ctrsup/base/num.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

/* Digits at *text into *ret; moves *text behind them. Leading zeros are not a number here: 010 may mean 8 to its writer. */
static int eat_digits(const char **text, uint64_t *ret) {
        const char *p = *text;
        uint64_t n = 0;

        if (!is_digit(*p) || (p[0] == '0' && is_digit(p[1])))
                return -EINVAL;
        for (; is_digit(*p); p++)
                if (__builtin_mul_overflow(n, 10u, &n) || __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
                        return -ERANGE;
        *text = p;
        *ret = n;
        return 0;
}

int num_parse_u64(const char *text, uint64_t *ret) {
        uint64_t n;
        int r = eat_digits(&text, &n);

        if (r == -ERANGE)
                return text[strspn(text, "0123456789")] ? -EINVAL : -ERANGE;
        if (r < 0 || *text)
                return -EINVAL;
        *ret = n;
        return 0;
}

int num_parse_i64(const char *text, int64_t *ret) {
        bool negative = *text == '-';
        uint64_t n;
        int r = num_parse_u64(text + negative, &n);

        if (r < 0)
                return r;
        if (n > (uint64_t)INT64_MAX + negative)
                return -ERANGE;
        *ret = negative ? (int64_t)(0 - n) : (int64_t)n;
        return 0;
}

int num_parse_size(const char *text, uint64_t *ret_bytes) {
        static const char units[] = "KMGTP";
        uint64_t n;
        int r = eat_digits(&text, &n);

        if (r < 0)
                return r;
        if (*text) {
                const char *unit = strchr(units, *text);

                if (!unit || text[1])
                        return -EINVAL;
                unsigned shift = 10u * (unsigned)(unit - units + 1);
                if (n > UINT64_MAX >> shift)
                        return -ERANGE;
                n <<= shift;
        }
        if (n == SIZE_INFINITY)
                return -ERANGE;
        *ret_bytes = n;
        return 0;
}

static const struct unit {
        const char *name;
        uint64_t usec;
} units[] = {
        { "w", UINT64_C(604800000000) }, { "d", UINT64_C(86400000000) }, { "h", UINT64_C(3600000000) },
        { "m", UINT64_C(60000000) },     { "s", USEC_PER_SEC },          { "ms", USEC_PER_MSEC },
        { "us", 1 },
};
enum { N_UNITS = sizeof(units) / sizeof(units[0]) };

int num_parse_duration(const char *text, uint64_t *ret_usec) {
        uint64_t sum = 0;
        size_t next = 0;

        if (strcmp(text, "0") == 0) {
                *ret_usec = 0;
                return 0;
        }
        do {
                uint64_t n;
                int r = eat_digits(&text, &n);

                if (r < 0)
                        return r;
                size_t len = strcspn(text, "0123456789"), u = next;
                while (u < N_UNITS && !(strlen(units[u].name) == len && strncmp(units[u].name, text, len) == 0))
                        u++;
                if (u == N_UNITS)
                        return -EINVAL;
                if (__builtin_mul_overflow(n, units[u].usec, &n) || __builtin_add_overflow(sum, n, &sum))
                        return -ERANGE;
                text += len;
                next = u + 1;
        } while (*text);
        if (sum == USEC_INFINITY)
                return -ERANGE;
        *ret_usec = sum;
        return 0;
}

int num_parse_milli(const char *text, uint64_t *ret_milli) {
        uint64_t whole, part = 0;
        int r = eat_digits(&text, &whole);

        if (r < 0)
                return r;
        if (*text == '.') {
                unsigned places = 0;

                for (text++; is_digit(*text) && places < 3; text++, places++)
                        part = part * 10 + (uint64_t)(*text - '0');
                if (places == 0)
                        return -EINVAL;
                for (; places < 3; places++)
                        part *= 10;
        }
        if (*text)
                return -EINVAL;
        if (__builtin_mul_overflow(whole, 1000u, &whole) || __builtin_add_overflow(whole, part, &whole))
                return -ERANGE;
        *ret_milli = whole;
        return 0;
}

int num_parse_mode(const char *text, mode_t *ret) {
        if (strlen(text) != 4 || strspn(text, "01234567") != 4)
                return -EINVAL;
        mode_t mode = 0;
        for (; *text; text++)
                mode = mode * 8 + (mode_t)(*text - '0');
        *ret = mode;
        return 0;
}

const char *num_format_size(char buf[NUM_TEXT_MAX], uint64_t bytes) {
        static const char letters[] = "\0KMGTP";
        size_t u = 0;

        if (bytes == SIZE_INFINITY)
                return strcpy(buf, "max");
        while (bytes > 0 && bytes % 1024 == 0 && u < 5) {
                bytes /= 1024;
                u++;
        }
        (void)snprintf(buf, NUM_TEXT_MAX, u ? "%" PRIu64 "%c" : "%" PRIu64, bytes, letters[u]);
        return buf;
}

const char *num_format_duration(char buf[NUM_TEXT_MAX], uint64_t usec) {
        size_t at = 0;

        if (usec == USEC_INFINITY)
                return strcpy(buf, "infinity");
        if (usec == 0)
                return strcpy(buf, "0s");
        for (size_t u = 0; u < N_UNITS; u++) {
                uint64_t n = usec / units[u].usec;

                usec %= units[u].usec;
                if (n > 0)
                        at += (size_t)snprintf(buf + at, NUM_TEXT_MAX - at, "%" PRIu64 "%s", n, units[u].name);
        }
        return buf;
}

const char *num_human_duration(char buf[NUM_TEXT_MAX], uint64_t usec) {
        if (usec == USEC_INFINITY)
                return strcpy(buf, "infinity");
        if (usec < USEC_PER_SEC)
                (void)snprintf(buf, NUM_TEXT_MAX, "%" PRIu64 "ms", usec / USEC_PER_MSEC);
        else if (usec < 60 * USEC_PER_SEC)
                (void)snprintf(buf, NUM_TEXT_MAX, "%" PRIu64 ".%" PRIu64 "s", usec / USEC_PER_SEC, usec / 100000 % 10);
        else if (usec < 3600 * USEC_PER_SEC)
                (void)snprintf(buf, NUM_TEXT_MAX, "%" PRIu64 "m", usec / (60 * USEC_PER_SEC));
        else {
                uint64_t hours = usec / (3600 * USEC_PER_SEC);

                if (hours < 24)
                        (void)snprintf(buf, NUM_TEXT_MAX, "%" PRIu64 "h %" PRIu64 "m", hours, usec / (60 * USEC_PER_SEC) % 60);
                else
                        (void)snprintf(buf, NUM_TEXT_MAX, "%" PRIu64 "d %" PRIu64 "h", hours / 24, hours % 24);
        }
        return buf;
}

const char *num_human_size(char buf[NUM_TEXT_MAX], uint64_t bytes) {
        static const char letters[] = "BKMGTP";
        size_t u = 0;
        uint64_t whole = bytes, rest = 0;

        if (bytes == SIZE_INFINITY)
                return strcpy(buf, "max");
        for (; whole >= 1024 && u < 5; u++) {
                rest = whole % 1024;
                whole /= 1024;
        }
        uint64_t tenth = rest * 10 / 1024;
        if (u > 0 && whole < 10 && tenth > 0)
                (void)snprintf(buf, NUM_TEXT_MAX, "%" PRIu64 ".%" PRIu64 "%c", whole, tenth, letters[u]);
        else
                (void)snprintf(buf, NUM_TEXT_MAX, "%" PRIu64 "%c", whole, letters[u]);
        return buf;
}

const char *num_format_milli(char buf[NUM_TEXT_MAX], uint64_t milli) {
        int n = snprintf(buf, NUM_TEXT_MAX, "%" PRIu64 ".%03" PRIu64, milli / 1000, milli % 1000);

        while (n > 0 && buf[n - 1] == '0')
                buf[--n] = '\0';
        if (n > 0 && buf[n - 1] == '.')
                buf[n - 1] = '\0';
        return buf;
}
