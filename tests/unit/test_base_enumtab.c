#include "unit.h"

#include <ctrsup/base/enumtab.h>

enum color { RED, GAP, BLUE, _COLOR_MAX };
static const char *const colors[] = { [RED] = "red", [BLUE] = "blue" };

static void name_of_every_value(void **state _unused_) {
        assert_string_equal(enumtab_name(colors, _COLOR_MAX, RED), "red");
        assert_string_equal(enumtab_name(colors, _COLOR_MAX, BLUE), "blue");
}

/* Printing never crashes on a value nobody knows. */
static void no_name_is_a_question_mark(void **state _unused_) {
        assert_string_equal(enumtab_name(colors, _COLOR_MAX, GAP), "?");
        assert_string_equal(enumtab_name(colors, _COLOR_MAX, _COLOR_MAX), "?");
        assert_string_equal(enumtab_name(colors, _COLOR_MAX, -1), "?");
        assert_string_equal(enumtab_name(colors, _COLOR_MAX, -EINVAL), "?");
}

/* Only the exact word: no prefix, no other case, no blank, and a gap in the table matches nothing. */
static void value_is_exact(void **state _unused_) {
        static const char *const wrong[] = { "", "re", "redd", "RED", " red", "red ", "?", "green" };

        assert_int_equal(enumtab_value(colors, _COLOR_MAX, "red"), RED);
        assert_int_equal(enumtab_value(colors, _COLOR_MAX, "blue"), BLUE);
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                assert_int_equal(enumtab_value(colors, _COLOR_MAX, wrong[i]), -EINVAL);
}

unit_main(cmocka_unit_test(name_of_every_value), cmocka_unit_test(no_name_is_a_question_mark), cmocka_unit_test(value_is_exact));
