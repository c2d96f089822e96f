#include "programs.h"

#include <limits.h>
#include <string.h>

int programs_find_daemon(char **ret, struct err *err) {
        static const char *const places[] = { "ctrsupd", "../sbin/ctrsupd" };
        char self[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

        if (n < 0)
                return err_sys(err, errno, "read /proc/self/exe");
        self[n] = '\0';
        char *slash = strrchr(self, '/');
        if (slash)
                *slash = '\0';
        for (size_t i = 0; i <= ARRAY_SIZE(places); i++) {
                char *path = NULL;

                if ((i < ARRAY_SIZE(places) ? asprintf(&path, "%s/%s", self, places[i])
                                            : asprintf(&path, "%s/ctrsupd", CTRSUP_LIBEXECDIR)) < 0)
                        return err_oom(err);
                if (access(path, X_OK) == 0) {
                        *ret = path;
                        return 0;
                }
                free(path);
        }
        err_set(err, ENOENT, "there is no ctrsupd beside %s/ctrsup, nor in its ../sbin, nor in %s", self, CTRSUP_LIBEXECDIR);
        return err_hint(err, "is the package complete?");
}
