#include "unit.h"

#include <ctrsup/spec/spec.h>

#include <linux/capability.h>
#include <signal.h>
#include <sys/resource.h>

/* Every capability, signal and resource has a name that leads back to it; the words of other tools are none. */
static void there_and_back(void **state) {
        int signals = 0;

        (void)state;
        for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
                assert_int_equal(spec_cap_value(spec_cap_name(cap)), cap);
        for (int n = 0; n <= 64; n++)
                if (spec_signal_name(n)) {
                        assert_int_equal(spec_signal_value(spec_signal_name(n)), n);
                        signals++;
                }
        assert_int_equal(signals, 30 + 31);
        for (int r = 0; r < RLIM_NLIMITS; r++)
                assert_int_equal(spec_ulimit_value(spec_ulimit_name(r)), r);
        assert_null(spec_cap_name(-1));
        assert_null(spec_cap_name(CAP_LAST_CAP + 1));
        assert_null(spec_signal_name(0));
        assert_null(spec_signal_name(65));
        assert_null(spec_ulimit_name(RLIM_NLIMITS));
        assert_int_equal(spec_cap_value("CAP_KILL"), -EINVAL);
        assert_int_equal(spec_signal_value("TERM"), -EINVAL);
        assert_int_equal(spec_signal_value("SIGRTMIN+31"), -EINVAL);
}

/* The numbers are the kernel's, the first real-time signal is the C library's. */
static void numbers(void **state) {
        (void)state;
        assert_int_equal(spec_signal_value("SIGTERM"), SIGTERM);
        assert_int_equal(spec_signal_value("SIGRTMIN+3"), SIGRTMIN + 3);
        assert_int_equal(spec_cap_value("NET_ADMIN"), CAP_NET_ADMIN);
        assert_int_equal(spec_ulimit_value("nofile"), RLIMIT_NOFILE);
}

/* Every value of every enumeration has a word. */
static void words(void **state) {
        _cleanup_arena_ struct arena *a = arena_new();

        (void)state;
        for (int i = 0; i < _TYPE_MAX; i++)
                assert_string_not_equal(spec_type_name((enum spec_type)i), "?");
        for (int i = 0; i < _RESTART_MAX; i++)
                assert_string_not_equal(spec_restart_name((enum spec_restart)i), "?");
        for (int i = 0; i < _ROOTFS_MODE_MAX; i++)
                assert_string_not_equal(spec_rootfs_mode_name((enum spec_rootfs_mode)i), "?");
        for (int i = 0; i < _VOLUME_TYPE_MAX; i++)
                assert_string_not_equal(spec_volume_type_name((enum spec_volume_type)i), "?");
        for (int i = 0; i < _LOG_DRIVER_MAX; i++)
                assert_string_not_equal(spec_log_driver_name((enum spec_log_driver)i), "?");
        for (int i = 0; i < _NS_MAX; i++)
                assert_string_not_equal(spec_ns_name((enum spec_ns)i), "?");
        assert_string_equal(spec_namespace_text(a, &(struct spec_namespace){ NS_HOST, NULL }), "host");
        assert_string_equal(spec_namespace_text(a, &(struct spec_namespace){ NS_CONTAINER, "web" }), "container:web");
}

unit_main(cmocka_unit_test(there_and_back), cmocka_unit_test(numbers), cmocka_unit_test(words));
