#include "unit.h"

#include <ctrsup/state/status.h>

#include <signal.h>

/* Each word means its own phase again, and none is missing or there twice. */
static void phases_have_words(void **state _unused_) {
        for (int p = 0; p < _PHASE_MAX; p++)
                assert_int_equal(phase_value(phase_name((enum phase)p)), p);
        assert_int_equal(phase_value("runing"), _PHASE_INVALID);
        assert_string_equal(phase_name(_PHASE_INVALID), "?");
        assert_string_equal(desire_name(DESIRE_GONE), "gone");
        assert_string_equal(exit_reason_name(EXIT_OOM), "oom");
        assert_string_equal(exit_reason_name(EXIT_NONE), "");
}

static void predicates_of_every_phase(void **state _unused_) {
        static const struct {
                bool settled, up;
        } expected[_PHASE_MAX] = {
                [PHASE_PENDING] = { false, false }, [PHASE_STARTING] = { false, false }, [PHASE_RUNNING] = { true, true },
                [PHASE_READY] = { true, true },     [PHASE_UNHEALTHY] = { true, true },  [PHASE_STOPPING] = { false, false },
                [PHASE_STOPPED] = { true, false },  [PHASE_COMPLETED] = { true, false }, [PHASE_FAILED] = { true, false },
                [PHASE_BACKOFF] = { false, false },
        };

        for (int p = 0; p < _PHASE_MAX; p++) {
                assert_int_equal(phase_is_settled((enum phase)p), expected[p].settled);
                assert_int_equal(phase_is_up((enum phase)p), expected[p].up);
        }
}

/* wait(2)'s words: an exit status, a signal, a core; anything else is unknown and never a success. */
static void exits_from_wait_status(void **state _unused_) {
        char words[NUM_TEXT_MAX];
        struct exit_info e = exit_info_from_status(0);

        assert_true(exit_is_success(&e));
        e = exit_info_from_status(3 << 8);
        assert_int_equal(e.code, 3);
        assert_false(exit_is_success(&e));
        assert_string_equal(exit_info_words(&e, words), "exited with status 3");
        e = exit_info_from_status(SIGTERM);
        assert_int_equal(e.signal, SIGTERM);
        assert_int_equal(e.code, -1);
        assert_string_equal(exit_info_words(&e, words), "killed by SIGTERM");
        e = exit_info_from_status(SIGSEGV | 0x80);
        assert_string_equal(exit_info_words(&e, words), "killed by SIGSEGV, core dumped");
        e = exit_info_from_status(0x7f);
        assert_int_equal(e.reason, EXIT_UNKNOWN);
        assert_false(exit_is_success(&e));
        e = (struct exit_info){ .reason = EXIT_KILLED, .signal = 64 };
        assert_non_null(strstr(exit_info_words(&e, words), "64"));
}

static void targets(void **state _unused_) {
        struct instance i;
        char buf[TARGET_SIZE], long_name[200];

        instance_init(&i, "shop", "api", 1, &(struct policy){ 0 });
        assert_int_equal(i.phase, PHASE_PENDING);
        assert_int_equal(i.deadline_usec, USEC_INFINITY);
        assert_string_equal(instance_target(&i, true, buf), "shop/api");
        assert_string_equal(instance_target(&i, false, buf), "shop/api.1");
        i.replica = 2;
        assert_string_equal(instance_target(&i, true, buf), "shop/api.2");

        memset(long_name, 'x', sizeof(long_name) - 1);
        long_name[sizeof(long_name) - 1] = '\0';
        instance_init(&i, long_name, long_name, UINT32_MAX, &(struct policy){ 0 });
        assert_int_equal(strlen(i.stack), NAME_SIZE - 1);
        assert_int_equal(strlen(instance_target(&i, false, buf)), 2 * (NAME_SIZE - 1) + 1 + 1 + 10);
}

static void policy_is_the_declared_one(void **state _unused_) {
        struct spec_container c = {
                .type = TYPE_JOB,
                .restart = RESTART_ON_FAILURE,
                .restart_policy.max_attempts = 3,
                .stop_signal = SIGINT,
                .stop_grace_period_usec = 5,
        };
        struct policy p = policy_of(&c);

        assert_int_equal(p.restart, RESTART_ON_FAILURE);
        assert_int_equal(p.restart_policy.max_attempts, 3);
        assert_int_equal(p.stop_signal, SIGINT);
        assert_int_equal(p.stop_grace_usec, 5);
        assert_false(p.ready_when_started); /* a job completes, it is never ready */
        c.type = TYPE_SERVICE;
        assert_true(policy_of(&c).ready_when_started);
}

unit_main(cmocka_unit_test(phases_have_words), cmocka_unit_test(predicates_of_every_phase),
          cmocka_unit_test(exits_from_wait_status), cmocka_unit_test(targets), cmocka_unit_test(policy_is_the_declared_one));
