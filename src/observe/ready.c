#include <ctrsup/observe/ready.h>

#include <ctrsup/base/cleanup.h>
#include <ctrsup/observe/probe.h>

#include <string.h>

static const struct {
        const char *text; /* the whole line, or all of it up to the value */
        enum ready_word word;
        enum { WHOLE, NUMBER, TEXT } value;
} words[] = {
        { "READY=1", READY_READY, WHOLE },
        { "RELOADING=1", READY_RELOADING, WHOLE },
        { "STOPPING=1", READY_STOPPING, WHOLE },
        { "STATUS=", READY_STATUS, TEXT },
        { "WATCHDOG=1", READY_WATCHDOG, WHOLE },
        { "WATCHDOG=trigger", READY_TRIGGER, WHOLE },
        { "WATCHDOG_USEC=", READY_WATCHDOG_USEC, NUMBER },
        { "EXTEND_TIMEOUT_USEC=", READY_EXTEND, NUMBER },
        { "MAINPID=", READY_MAINPID, TEXT },
        { "FDSTORE=1", READY_FDSTORE, WHOLE },
};

/* Digits only, no more than fit; 0 is no time. */
static uint64_t parse_usec(const char *text, size_t len) {
        uint64_t usec = 0;

        for (size_t n = 0; n < len; n++)
                if (text[n] < '0' || text[n] > '9' || __builtin_mul_overflow(usec, 10, &usec) ||
                    __builtin_add_overflow(usec, (uint64_t)(text[n] - '0'), &usec))
                        return 0;
        return usec;
}

static void take_line(const char *line, size_t len, struct ready_message *m) {
        for (size_t n = 0; n < ARRAY_SIZE(words); n++) {
                size_t known = strlen(words[n].text);

                if (len < known || (words[n].value == WHOLE && len != known) || memcmp(line, words[n].text, known) != 0)
                        continue;
                uint64_t usec = words[n].value == NUMBER ? parse_usec(line + known, len - known) : 0;
                if (words[n].value == NUMBER && usec == 0)
                        return;
                m->words |= words[n].word;
                if (words[n].word == READY_WATCHDOG_USEC)
                        m->watchdog_usec = usec;
                else if (words[n].word == READY_EXTEND)
                        m->extend_usec = usec;
                else if (words[n].word == READY_STATUS)
                        probe_clean_text(line + known, len - known, true, m->status, sizeof(m->status));
                return;
        }
}

int ready_parse(const char *data, size_t size, struct ready_message *ret) {
        struct ready_message m = { 0 };

        if (size > 0 && data[size - 1] == '\0')
                size--;
        if (size == 0 || size > READY_SIZE_MAX || memchr(data, '\0', size))
                return -EBADMSG;
        while (size > 0) {
                const char *nl = memchr(data, '\n', size);
                size_t len = nl ? (size_t)(nl - data) : size, used = nl ? len + 1 : len;

                take_line(data, len, &m);
                data += used;
                size -= used;
        }
        *ret = m;
        return 0;
}
