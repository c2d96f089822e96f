/* See cgroup_cpulist.h. */
#include "cgroup_cpulist.h"

#include <errno.h>
#include <string.h>

static int take_number(const char **at, unsigned *ret) {
        unsigned n = 0;

        if (**at < '0' || **at > '9')
                return -EINVAL;
        for (; **at >= '0' && **at <= '9'; (*at)++) {
                n = n * 10 + (unsigned)(**at - '0');
                if (n >= CPULIST_MAX)
                        return -ERANGE;
        }
        *ret = n;
        return 0;
}

int cpulist_parse(const char *text, struct cpulist *ret) {
        struct cpulist list = { 0 };
        unsigned first, last;

        for (const char *at = text; *at; at++) {
                int r = take_number(&at, &first);

                last = first;
                if (r >= 0 && *at == '-') {
                        at++;
                        r = take_number(&at, &last);
                }
                if (r < 0)
                        return r;
                if (last < first || (*at != ',' && *at != '\0') || (*at == ',' && at[1] == '\0'))
                        return -EINVAL;
                for (unsigned n = first; n <= last; n++)
                        list.bits[n / 64] |= UINT64_C(1) << (n % 64);
                if (*at == '\0')
                        break;
        }
        *ret = list;
        return 0;
}

bool cpulist_is_equal(const struct cpulist *a, const struct cpulist *b) {
        return memcmp(a, b, sizeof(*a)) == 0;
}

int cpulist_find_missing(const struct cpulist *a, const struct cpulist *b) {
        for (int i = 0; i < CPULIST_MAX / 64; i++) {
                uint64_t only = a->bits[i] & ~b->bits[i];

                if (only)
                        return i * 64 + __builtin_ctzll(only);
        }
        return -1;
}
