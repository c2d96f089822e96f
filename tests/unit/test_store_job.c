/* What is remembered of a job: kept, set aside when it is no record, gone with the job. */
#include "unit.h"

#include <ctrsup/store/job.h>

#include "store_tmp.h"

static void make_stack(const struct tmp *t) {
        assert_int_equal(mkdirat(t->fd, "stacks", 0700), 0);
        assert_int_equal(mkdirat(t->fd, "stacks/shop", 0700), 0);
}

static void round_trip(void **state) {
        struct tmp *t = *state;
        struct err err = { 0 };
        struct job_record back;
        struct job_run runs[] = {
                { .started_usec = 1, .ended_usec = 2, .duration_usec = 3, .attempts = 4, .exit = { EXIT_EXITED, 7, 0 } },
                { .started_usec = 5, .ended_usec = 6, .attempts = 1, .exit = { EXIT_OOM, -1, 9 }, .cause = CAUSE_MAX_RUNTIME },
        };
        const struct job_record record = { .schedule = { .taken_usec = 8, .id = 9 }, .runs = runs, .n_runs = 2 };

        assert_int_equal(job_read(t->fd, "shop", "report", &back, &err), 0);
        assert_true(back.n_runs == 0 && back.schedule.id == 0 && err.code == 0);
        assert_int_equal(job_write(t->fd, "shop", "report", &record, &err), -ENOENT); /* no such stack */
        make_stack(t);
        assert_int_equal(job_write(t->fd, "shop", "report", &record, &err), 0);
        assert_int_equal(job_read(t->fd, "shop", "report", &back, &err), 0);
        assert_true(back.schedule.taken_usec == 8 && back.schedule.id == 9 && !back.schedule.queued);
        assert_int_equal(back.n_runs, 2);
        assert_memory_equal(back.runs, runs, sizeof(runs));
        free(back.runs);
        assert_int_equal(job_remove(t->fd, "shop", "report", &err), 0);
        assert_int_equal(job_remove(t->fd, "shop", "report", &err), 0);
        assert_int_equal(job_remove(t->fd, "none", "report", &err), 0);
        assert_int_equal(faccessat(t->fd, "stacks/shop/job.report", F_OK, 0), -1);
}

static void no_records(void **state) {
        struct tmp *t = *state;
        static const char *const texts[] = {
                "{\"version\":1}",
                "{\"version\":1,\"taken_usec\":-1,\"schedule\":1,\"runs\":[]}",
                "{\"version\":1,\"taken_usec\":1,\"schedule\":1,\"runs\":[{}]}",
                "{\"version\":1,\"taken_usec\":1,\"schedule\":1,\"runs\":[{\"started_usec\":1,\"ended_usec\":1,\"duration_usec\":1,\"attempts\":1,\"exit\":\"exited\",\"code\":0,\"signal\":0,\"cause\":99}]}",
                "{\"version\":1,\"taken_usec\":1,\"schedule\":1,\"runs\":[{\"started_usec\":1,\"ended_usec\":1,\"duration_usec\":1,\"attempts\":1,\"exit\":\"gone\",\"code\":0,\"signal\":0,\"cause\":0}]}",
                "garbage",
        };

        make_stack(t);
        for (size_t n = 0; n < ARRAY_SIZE(texts); n++) {
                struct err err = { 0 };
                struct job_record back;

                tmp_file(t, "stacks/shop/job.report", texts[n]);
                assert_int_equal(job_read(t->fd, "shop", "report", &back, &err), 0);
                assert_true(back.n_runs == 0 && !back.runs && back.schedule.id == 0);
                assert_non_null(strstr(err.text, "shop/report: when it ran last is not known"));
                assert_non_null(strstr(err.text, "set aside as job.report.bad"));
        }
        /* more than anybody writes */
        _cleanup_buf_ struct buf many = BUF_NULL;
        struct job_record back;
        struct err err = { 0 };

        buf_puts(&many, "{\"version\":1,\"taken_usec\":1,\"schedule\":1,\"runs\":[{}");
        for (int n = 0; n < JOB_RUNS_MAX; n++)
                buf_puts(&many, ",{}");
        buf_puts(&many, "]}");
        tmp_file(t, "stacks/shop/job.report", buf_text(&many));
        assert_int_equal(job_read(t->fd, "shop", "report", &back, &err), 0);
        assert_non_null(strstr(err.text, "set aside"));
}

unit_main(tmp_test(round_trip), tmp_test(no_records));
