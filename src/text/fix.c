#include "fix.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* A decimal at *text in thousandths; moves *text behind it and the blanks that follow. */
static bool eat_decimal(const char **text, uint64_t *ret) {
        size_t len = strspn(*text, "0123456789.");
        char digits[24];

        if (len == 0 || len >= sizeof(digits))
                return false;
        memcpy(digits, *text, len);
        digits[len] = '\0';
        *text += len;
        *text += strspn(*text, " ");
        return num_parse_milli(digits, ret) == 0;
}

bool fix_size(char ret[NUM_TEXT_MAX], const char *text) {
        static const char units[] = "KMGTP";
        uint64_t milli;

        if (!eat_decimal(&text, &milli))
                return false;
        const char *unit = *text ? strchr(units, toupper((unsigned char)*text)) : NULL;
        size_t power = unit ? (size_t)(unit - units) + 1 : 0;
        const char *rest = text + (power > 0);
        if (power > 0 && (*rest == 'i' || *rest == 'I'))
                rest++;
        if (*rest == 'b' || *rest == 'B')
                rest++;
        if (*rest || (power == 0 && milli % 1000))
                return false;
        if (milli % 1000 == 0) {
                (void)snprintf(ret, NUM_TEXT_MAX, "%llu%.*s", (unsigned long long)milli / 1000, power > 0,
                               power ? units + power - 1 : "");
                return true;
        }
        /* 1.5G is 1536M: one unit down, rounded. */
        (void)snprintf(ret, NUM_TEXT_MAX, "%llu%.*s", (unsigned long long)(milli * 1024 + 500) / 1000, power > 1,
                       power > 1 ? units + power - 2 : "");
        return true;
}

static const struct {
        const char *word;
        uint64_t usec;
} words[] = {
        { "us", 1 },
        { "usec", 1 },
        { "ms", 1000 },
        { "msec", 1000 },
        { "s", 1000000 },
        { "sec", 1000000 },
        { "secs", 1000000 },
        { "second", 1000000 },
        { "seconds", 1000000 },
        { "m", 60000000 },
        { "min", 60000000 },
        { "mins", 60000000 },
        { "minute", 60000000 },
        { "minutes", 60000000 },
        { "h", 3600000000 },
        { "hr", 3600000000 },
        { "hour", 3600000000 },
        { "hours", 3600000000 },
        { "d", 86400000000 },
        { "day", 86400000000 },
        { "days", 86400000000 },
        { "w", 604800000000 },
        { "week", 604800000000 },
        { "weeks", 604800000000 },
};

bool fix_duration(char ret[NUM_TEXT_MAX], const char *text) {
        uint64_t sum = 0;

        if (strlen(text) > 40)
                return false;
        while (*text) {
                uint64_t milli, usec = 0;

                if (!eat_decimal(&text, &milli))
                        return false;
                size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
                for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
                        if (strlen(words[i].word) == len && strncasecmp(words[i].word, text, len) == 0)
                                usec = words[i].usec;
                if (usec == 0 || __builtin_mul_overflow(milli, usec, &milli) || __builtin_add_overflow(sum, milli / 1000, &sum))
                        return false;
                text += len;
                text += strspn(text, " ");
        }
        num_format_duration(ret, sum);
        return true;
}

bool fix_bare_seconds(char ret[NUM_TEXT_MAX], const char *digits) {
        uint64_t seconds;

        if (num_parse_u64(digits, &seconds) < 0 || seconds < 60 || seconds > UINT32_MAX)
                return false;
        num_format_duration(ret, seconds * USEC_PER_SEC);
        return true;
}

bool fix_mode(char ret[NUM_TEXT_MAX], const char *text) {
        uint64_t decimal;

        if (strncmp(text, "0o", 2) == 0)
                text += 2;
        size_t len = strlen(text);
        if (len > 0 && len <= 3 && strspn(text, "01234567") == len) {
                (void)snprintf(ret, NUM_TEXT_MAX, "\"%.*s%s\"", (int)(4 - len), "000", text);
                return true;
        }
        if (num_parse_u64(text, &decimal) < 0 || decimal > 07777 || strspn(text, "01234567") == len)
                return false;
        (void)snprintf(ret, NUM_TEXT_MAX, "\"%04o\" (%s is that in decimal)", (unsigned)decimal, text);
        return true;
}
