/* A container's bytes, a client's message and a log file's line, all hostile. What is split is whole: the pieces put together are
 * the input; a record that is parsed says what was written. */
#include "logger/split.h"
#include "logger/wire.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
        if (!condition)
                __builtin_trap();
}

/* Nothing lost, nothing made up; `stretch` repeats the input so that long lines are met. */
static void split_all(const uint8_t *data, size_t size, size_t stretch) {
        char *window = malloc(size * stretch + 1);
        const size_t len = size * stretch;
        struct split_piece piece;
        size_t at = 0;

        require(window != NULL);
        for (size_t i = 0; i < stretch; i++)
                memcpy(window + i * size, data, size);
        while (split_next(window + at, len - at, true, &piece)) {
                require(piece.len <= LOGLINE_MAX && piece.consumed > 0 && piece.text == window + at);
                require(piece.consumed - piece.len <= 1 && !memchr(piece.text, '\n', piece.len));
                require(piece.consumed == piece.len ? piece.partial || at + piece.len == len
                                                    : window[at + piece.len] == '\n' && !piece.partial);
                at += piece.consumed;
        }
        require(at == len);
        free(window);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static struct wire_request request;
        struct logline line, again;
        char head[LOGLINE_HEAD_MAX + 4096];
        int priority = 6;

        split_all(data, size, 1);
        if (size > 0)
                split_all(data, size, 3 * LOGLINE_MAX / size + 1);

        if (wire_decode(&request, data, size) == 0)
                for (size_t i = 0; i < _WIRE_STRING_MAX; i++)
                        require(!request.strings[i] || strlen(request.strings[i]) == request.head.lengths[i]);
        for (int names = 0; names < 2; names++)
                if (logline_parse(&line, (const char *)data, size, names) == 0) {
                        require((const uint8_t *)line.text >= data && (const uint8_t *)line.text + line.text_len == data + size);
                        size_t n = logline_format_head(head, line.realtime_usec, line.stream, line.partial);
                        require(logline_parse(&again, head, n, false) == 0 && again.realtime_usec == line.realtime_usec);
                }
        require(logline_level((const char *)data, size, &priority) <= size && priority >= 0 && priority <= 7);
        return 0;
}
