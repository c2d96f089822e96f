/* ctrsup.conf from anybody: no crash, no leak, no file opened; what is accepted prints as a file that is accepted, too.
 * seeds: units */
#include <ctrsup/spec/settings.h>

#include <stdint.h>
#include <stdlib.h>

/* libconfig 1.5 forgets the buffer of a string that the file's end cuts off: some bytes of a wrong file, once a load. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
        return "leak:libconfig";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_settings_ struct settings *s = settings_new(), *again = settings_new();
        _cleanup_buf_ struct buf out = BUF_NULL;
        struct diag_list diags;

        if (!s || !again || diag_list_init(&diags, "fuzz") < 0)
                abort();
        int r = settings_add(s, (const char *)data, size, &diags);
        diag_print(&diags, NULL, &out);
        diag_list_done(&diags);
        if (r < 0)
                return 0;
        buf_reset(&out);
        settings_print(s, &out);
        if (diag_list_init(&diags, "printed") < 0 || settings_add(again, out.data, out.len, &diags) < 0)
                abort();
        diag_list_done(&diags);
        return 0;
}
