/* What a container sends to its notify socket. Whatever comes is refused whole, or is words, times that are some, and clean text. */
#include <ctrsup/observe/ready.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
        if (!condition)
                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct ready_message m, again;

        memset(&m, 0, sizeof(m));
        if (ready_parse((const char *)data, size, &m) < 0) {
                require(m.words == 0);
                return 0;
        }
        require(size > 0 && size <= READY_SIZE_MAX + 1);
        require(((m.words & READY_EXTEND) != 0) == (m.extend_usec > 0));
        require(((m.words & READY_WATCHDOG_USEC) != 0) == (m.watchdog_usec > 0));
        require((m.words & READY_STATUS) || !m.status[0]);
        require(strlen(m.status) < READY_STATUS_SIZE);
        for (const char *p = m.status; *p; p++)
                require(*p >= ' ' && *p <= '~');

        /* The status is what it was when it is said again. */
        char line[READY_STATUS_SIZE + 8] = "STATUS=";
        (void)strcat(line, m.status);
        require(ready_parse(line, strlen(line), &again) == 0 && strcmp(again.status, m.status) == 0);
        return 0;
}
