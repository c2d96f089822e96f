#include <ctrsup/kernel/caps.h>

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int caps_bound(uint64_t set) {
        for (unsigned cap = 0; cap < 64; cap++) {
                if (set & (UINT64_C(1) << cap))
                        continue;
                if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
                        if (errno == EINVAL) /* beyond the kernel's last one */
                                return 0;
                        return -errno;
                }
        }
        return 0;
}

int caps_set(uint64_t set) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = {
                { .permitted = (uint32_t)set, .effective = (uint32_t)set },
                { .permitted = (uint32_t)(set >> 32), .effective = (uint32_t)(set >> 32) },
        };

        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
                return -errno;
        return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}
