/* What every unit test includes: cmocka and the headers it wants before it, and one shape for main(). */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctrsup/base/cleanup.h>

#include <string.h>

#define unit_main(...)                                                          \
        int main(void) {                                                        \
                const struct CMUnitTest tests[] = { __VA_ARGS__ };              \
                return cmocka_run_group_tests(tests, NULL, NULL);               \
        }                                                                       \
        struct unit_main_needs_a_semicolon
