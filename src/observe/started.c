#include <ctrsup/observe/started.h>

#include <ctrsup/base/num.h>

#include <string.h>
#include <time.h>

enum { STARTTIME_FIELD = 22 }; /* proc(5): counted from 1, after pid and (comm) comes field 3 */

int started_parse(const char *stat, uint64_t *ret_ticks) {
        const char *at = strrchr(stat, ')'); /* the name may hold blanks and brackets of its own */
        char number[32];

        for (int field = 2; at && field < STARTTIME_FIELD; field++) {
                at = strchr(at, ' ');
                at = at ? at + 1 : NULL;
        }
        size_t len = at ? strcspn(at, " \n") : 0;
        if (len == 0 || len >= sizeof(number))
                return -EBADMSG;
        memcpy(number, at, len);
        number[len] = '\0';
        return num_parse_u64(number, ret_ticks) < 0 ? -EBADMSG : 0;
}

static uint64_t clock_usec(clockid_t clock) {
        struct timespec t = { 0 };

        (void)clock_gettime(clock, &t);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000;
}

int started_read(pid_t pid, uint64_t *ret_mono_usec, uint64_t *ret_real_usec, struct err *err) {
        char path[64], text[2048];
        uint64_t ticks;

        (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        _cleanup_file_ FILE *f = fopen(path, "re");
        if (!f)
                return err_sys(err, errno == ENOENT ? ESRCH : errno, "read %s", path);
        size_t n = fread(text, 1, sizeof(text) - 1, f);
        text[n] = '\0';
        if (started_parse(text, &ticks) < 0)
                return err_set(err, EBADMSG, "%s has no start time", path);
        uint64_t at = ticks * (USEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK)), now = clock_usec(CLOCK_BOOTTIME);
        uint64_t age = now > at ? now - at : 0, mono = clock_usec(CLOCK_MONOTONIC);
        *ret_mono_usec = mono > age ? mono - age : 1;
        *ret_real_usec = clock_usec(CLOCK_REALTIME) - age;
        return 0;
}
