/* Any bytes as what a container answers a probe: a status code is one, and the words that are kept of it are short and plain. */
#include <ctrsup/observe/probe.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
        if (!condition)
                __builtin_trap();
}

static void clean(const char *text, size_t len, bool one_line, size_t size) {
        char *buf = malloc(size);

        require(buf != NULL);
        probe_clean_text(text, len, one_line, buf, size);
        require(memchr(buf, '\0', size) != NULL);
        for (const char *p = buf; *p; p++)
                require((*p >= ' ' && *p < 0x7f) || (!one_line && (*p == '\n' || *p == '\t')));
        free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = malloc(size + 1); /* exact, so that a byte too many is seen; + 1 for size 0 */
        unsigned code = 0, again = 0;

        require(text != NULL);
        memcpy(text, data, size);
        int r = probe_parse_status(text, size, &code);
        require(r <= 0 || code <= 999);
        /* What is decided stays decided when more comes, and nothing is decided too early. */
        for (size_t n = 0; n < size && n < 64; n++) {
                int before = probe_parse_status(text, n, &again);

                require(before == 0 || (before > 0) == (r > 0));
                require(before <= 0 || again == code);
        }
        clean(text, size, true, 1 + size % 48);
        clean(text, size, false, 1 + size % 4096);
        free(text);
        return 0;
}
