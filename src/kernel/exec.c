#include <ctrsup/kernel/exec.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static enum exec_fault find_fault(const char *file, int error) {
        struct statvfs fs;
        struct stat st;

        if (stat(file, &st) < 0)
                return EXEC_FAULT_NONE;
        if (error == ENOENT)
                return EXEC_FAULT_INTERPRETER;
        if (error != EACCES)
                return EXEC_FAULT_NONE;
        if (statvfs(file, &fs) == 0 && (fs.f_flag & ST_NOEXEC))
                return EXEC_FAULT_NOEXEC_MOUNT;
        bool runs = S_ISREG(st.st_mode) && faccessat(AT_FDCWD, file, X_OK, AT_EACCESS) == 0;
        return runs ? EXEC_FAULT_INTERPRETER : EXEC_FAULT_NOT_EXECUTABLE;
}

int exec_search(const char *path, char *const argv[], char *const envp[], enum exec_fault *ret_fault) {
        char file[PATH_MAX];
        int result = -ENOENT;

        *ret_fault = EXEC_FAULT_NONE;
        if (argv[0][0] == '\0')
                return -ENOENT;
        if (strchr(argv[0], '/')) {
                (void)execve(argv[0], argv, envp);
                int error = errno;
                *ret_fault = find_fault(argv[0], error);
                return -error;
        }

        size_t name = strlen(argv[0]);
        for (const char *dir = path; dir; dir = strchr(dir, ':') ? strchr(dir, ':') + 1 : NULL) {
                size_t len = strcspn(dir, ":");
                if (len == 0 || len + 1 + name >= sizeof(file)) /* an empty entry would be the working directory: not for us */
                        continue;
                memcpy(file, dir, len);
                file[len] = '/';
                memcpy(file + len + 1, argv[0], name + 1);
                (void)execve(file, argv, envp);
                int error = errno;
                enum exec_fault fault = find_fault(file, error);
                if ((error == ENOENT && fault == EXEC_FAULT_NONE) || error == ENOTDIR || error == ENAMETOOLONG)
                        continue;
                if (result == -ENOENT && *ret_fault == EXEC_FAULT_NONE) { /* the first that was there is what to tell */
                        result = -error;
                        *ret_fault = fault;
                }
                if (error != EACCES && error != ENOENT)
                        break;
        }
        return result;
}

void exec_fill_watchdog_pid(char **envp, char buf[EXEC_WATCHDOG_PID_SIZE]) {
        char number[IO_DECIMAL_MAX];

        for (; *envp; envp++)
                if (strcmp(*envp, EXEC_WATCHDOG_PID "=") == 0) {
                        (void)stpcpy(stpcpy(buf, *envp), io_decimal(number, getpid()));
                        *envp = buf;
                        return;
                }
}
