/* The last step of a launch, and how whoever waits for it learns that it happened.
 *
 * A launched process holds the write end of a pipe that is CLOEXEC: what fails is one struct exec_report in it, and its end
 * without a failure means that execve(2) happened. Used by the keeper's child and by ctrsup-init.
 */
#pragma once

#include <ctrsup/kernel/io.h>

#include <stdint.h>

enum exec_report_kind {
        EXEC_REPORT_SPAWNED = 1, /* pid: of the payload */
        EXEC_REPORT_READY,       /* nothing is left but execve; the reader is alive, or the writer got SIGPIPE */
        EXEC_REPORT_FAILED,
};

struct exec_report {
        uint32_t kind;
        int32_t pid;
        uint32_t stage, error, op, detail;
};

/* Why execve(2) said ENOENT or EACCES. */
enum exec_fault {
        EXEC_FAULT_NONE,
        EXEC_FAULT_INTERPRETER,    /* the file is there, what its first line or ELF header names is not */
        EXEC_FAULT_NOT_EXECUTABLE,
        EXEC_FAULT_NOEXEC_MOUNT,
};

/* As execvpe(3) with an own search path, without allocation. A name with a slash is used as it is; a file without "#!" that is
 * no program is ENOEXEC, no shell is guessed. Returns -errno and the fault. */
int exec_search(const char *path, char *const argv[], char *const envp[], enum exec_fault *ret_fault);

/* A variable WATCHDOG_PID that is there and empty gets our own pid, in the pid namespace we are in: only who becomes the command knows
 * it. envp is changed, buf has to live as long as it. */
#define EXEC_WATCHDOG_PID "WATCHDOG_PID"
enum { EXEC_WATCHDOG_PID_SIZE = sizeof(EXEC_WATCHDOG_PID) + IO_DECIMAL_MAX };
void exec_fill_watchdog_pid(char **envp, char buf[EXEC_WATCHDOG_PID_SIZE]);
