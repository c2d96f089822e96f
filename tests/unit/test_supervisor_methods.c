/* The supervisor's methods and what its interface promises are the same, and each change of who may call one is made here, too. */
#include "unit.h"

#include <control/interface.h>
#include <supervisor/methods.h>

#include <string.h>

/* What a reader may call shows nothing that a stack file says (environment, commands, documents), and changes nothing. */
static const char *const for_readers[] = { "Status", "Events", "Wait", "Attach", "Why", "Diff", "History", "Usage" };

static const char *short_name(const struct control_method *m) {
        return strrchr(m->name, '.') + 1;
}

static bool is_for_readers(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(for_readers); i++)
                if (strcmp(for_readers[i], name) == 0)
                        return true;
        return false;
}

static void who_may_call(void **state _unused_) {
        size_t readers = 0;

        for (size_t i = 0; i < n_manager_methods; i++) {
                const char *name = short_name(&manager_methods[i]);

                if (manager_methods[i].right != (is_for_readers(name) ? CONTROL_READ : CONTROL_ADMIN))
                        fail_msg("%s is for others than it should be", name);
                readers += manager_methods[i].right == CONTROL_READ;
        }
        assert_int_equal(readers, ARRAY_SIZE(for_readers));
}

static void the_interface_names_them(void **state _unused_) {
        size_t named = 0;

        for (const char *at = control_interface_manager; (at = strstr(at, "\nmethod ")); named++)
                at += strlen("\nmethod ");
        assert_int_equal(named, n_manager_methods);
        for (size_t i = 0; i < n_manager_methods; i++) {
                char text[128];

                (void)snprintf(text, sizeof(text), "\nmethod %s(", short_name(&manager_methods[i]));
                if (!strstr(control_interface_manager, text))
                        fail_msg("the interface has no %s", short_name(&manager_methods[i]));
        }
}

unit_main(cmocka_unit_test(who_may_call), cmocka_unit_test(the_interface_names_them));
