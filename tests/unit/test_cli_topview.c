/* Two samples as rates, cells and JSON. */
#include "unit.h"

#include <cli/topview.h>

#include <string.h>

static json_t *parse(const char *text) {
        json_t *json = json_loads(text, 0, NULL);

        assert_non_null(json);
        return json;
}

#define USE(at, cpu, written)                                                                                               \
        "{\"stack\":\"s\",\"container\":\"c\",\"replica\":1,\"at_usec\":" #at ",\"cpu_usec\":" #cpu                         \
        ",\"throttled_usec\":500000,"                                                                                       \
        "\"cpus\":1.5,\"memory\":60000000,\"memory_peak\":67108864,\"memory_max\":67108864,\"swap\":null,\"io_read\":null," \
        "\"io_written\":" #written ",\"pids\":3,\"pids_max\":null,\"oom_kills\":0,"                                         \
        "\"pressure\":{\"cpu\":1.25,\"memory\":0.0,\"io\":null}}"

static const char *cell(const json_t *row, enum topview_cell which) {
        static char text[128];
        _cleanup_buf_ struct buf out = BUF_NULL;

        topview_put_cell(row, which, &out);
        (void)snprintf(text, sizeof(text), "%s", buf_text(&out));
        return text;
}

/* Rates are by the supervisor's own time of each look; what the host does not tell is "-". */
static void rates(void **state _unused_) {
        json_t *before = parse("{\"s/c\":" USE(1000000, 1000000, 0) "}"),
               *now = parse("{\"s/c\":" USE(3000000, 2000000, 4096) "}");
        json_t *rows = topview_rows(now, before), *row = json_array_get(rows, 0);

        assert_string_equal(cell(row, TOPVIEW_CONTAINER), "s/c");
        assert_string_equal(cell(row, TOPVIEW_CPU), "50.0% / 150%");
        assert_string_equal(cell(row, TOPVIEW_THROTTLED), "0.0%");
        assert_string_equal(cell(row, TOPVIEW_MEMORY), "57M / 64M");
        assert_string_equal(cell(row, TOPVIEW_PEAK), "64M");
        assert_string_equal(cell(row, TOPVIEW_SWAP), "-");
        assert_string_equal(cell(row, TOPVIEW_READ), "-");
        assert_string_equal(cell(row, TOPVIEW_WRITTEN), "2K");
        assert_string_equal(cell(row, TOPVIEW_PIDS), "3");
        assert_string_equal(cell(row, TOPVIEW_PRESSURE), "1.2 0.0 -");
        assert_false(topview_is_tight(row)); /* 57 of 64 */
        assert_int_equal(json_integer_value(json_object_get(row, "io_written")), 2048);
        json_decref(rows);
        json_decref(before);
        json_decref(now);
}

/* A first look, and a cgroup that was made anew, have no rate; nothing is below 0. */
static void no_rate(void **state _unused_) {
        static const char *const earlier[] = { "{}", "{\"s/c\":" USE(1000000, 9000000, 0) "}",
                                               "{\"s/c\":" USE(3000000, 1, 0) "}" };
        json_t *now = parse("{\"s/c\":" USE(3000000, 2000000, 4096) "}");

        for (size_t n = 0; n < ARRAY_SIZE(earlier); n++) {
                json_t *before = parse(earlier[n]), *rows = topview_rows(now, before);

                assert_string_equal(cell(json_array_get(rows, 0), TOPVIEW_CPU), "- / 150%");
                assert_true(json_is_null(json_object_get(json_array_get(rows, 0), "cpu")));
                json_decref(rows);
                json_decref(before);
        }
        json_decref(now);
}

/* The busiest comes first, those alike by their names. */
static void order(void **state _unused_) {
        json_t *before = parse("{\"b\":" USE(0, 0, 0) ",\"c\":" USE(0, 0, 0) ",\"a\":" USE(0, 0, 0) "}");
        json_t *now = parse("{\"b\":" USE(1000000, 5, 0) ",\"c\":" USE(1000000, 900000, 0) ",\"a\":" USE(1000000, 5, 0) "}");
        json_t *rows = topview_rows(now, before);
        _cleanup_buf_ struct buf out = BUF_NULL;

        assert_string_equal(cell(json_array_get(rows, 0), TOPVIEW_CONTAINER), "c");
        assert_string_equal(cell(json_array_get(rows, 1), TOPVIEW_CONTAINER), "a");
        assert_string_equal(cell(json_array_get(rows, 2), TOPVIEW_CONTAINER), "b");
        topview_put_summary(rows, &out);
        assert_string_equal(buf_text(&out), "3 containers, CPU 90.0%, memory 171M");
        json_decref(rows);
        rows = topview_rows(before, NULL);
        assert_int_equal(json_array_size(rows), 3);
        json_decref(rows);
        json_decref(before);
        json_decref(now);
}

unit_main(cmocka_unit_test(rates), cmocka_unit_test(no_rate), cmocka_unit_test(order));
