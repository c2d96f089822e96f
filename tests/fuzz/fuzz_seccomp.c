/* Any text as a profile: it is refused, or makes a program. */
#include <ctrsup/seccomp/filter.h>
#include <ctrsup/seccomp/read.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const struct seccomp_machine on = { .capabilities = 1, .major = 6, .minor = 1 };
        _cleanup_arena_ struct arena *a = arena_new();
        _cleanup_buf_ struct buf program = BUF_NULL;
        struct seccomp_profile profile;
        struct diag_list diags;
        struct err err;

        if (!a || diag_list_init(&diags, "f") < 0)
                return 0;
        if (seccomp_profile_read((const char *)data, size, &on, a, &diags, &profile) == 0 &&
            seccomp_filter_compile(&profile, &program, &err) == 0)
                (void)seccomp_filter_missing(&program);
        diag_list_done(&diags);
        return 0;
}
