/* What the supervisor and the keeper say to each other, over a SOCK_SEQPACKET socket: fixed structs, native byte order, one
 * message a packet, fds by SCM_RIGHTS.
 *
 * One supervisor at a time: a new connection replaces the old. The keeper greets with HELLO. It never waits for a reader: what
 * it has to tell stays in its table until the socket takes it, and FAILED and EXITED stay until FORGET, so a supervisor that
 * comes back hears them again. A message may therefore come twice: the id tells.
 *
 * SIGHUP makes the keeper execve the program at the path it was started from, with all it knows: same pid, same children, same
 * held fds, same connections. The program is tried first; one that is not there, does not run or does not understand what it
 * would be given leaves the keeper as it is. Either way HELLO follows on a connection that is open, and tells. A signal, so
 * that a supervisor of any other version can ask for it: the first eight bytes of HELLO are the same in every version, and
 * SIGHUP is blocked (SigBlk in /proc/<pid>/status) in every keeper that knows it.
 */
#pragma once

#include <stdint.h>
#include <sys/resource.h>

enum {
        KEEPER_VERSION = 1,
        KEEPER_ID_SIZE = 16,
        KEEPER_LABEL_MAX = 160,      /* with the NUL: "stack/container.n" */
        KEEPER_NAME_MAX = 96,        /* of a held fd, with the NUL */
        KEEPER_ENTRIES_MAX = 4096,   /* containers and execs at a time, ended ones until FORGET */
        KEEPER_HELD_MAX = 16384,
};

/* below the runtime directory */
#define KEEPER_SOCKET "keeper.sock"
#define KEEPER_LOCK "keeper.lock" /* flock(2) by the keeper that serves: there is one at most */

enum keeper_message_kind {
        /* to the keeper */
        KEEPER_LAUNCH = 1, /* id, label, fds: recipe, what the recipe names. Answer: STARTED or FAILED (later) */
        KEEPER_FORGET,     /* id: of an ended or failed one. No answer */
        KEEPER_LIST,       /* answer: LISTED for each entry, LISTED_FD for each held fd, LIST_END */
        KEEPER_HOLD,       /* name, fd. Answer: DONE. An fd of the same name is replaced */
        KEEPER_TAKE,       /* name. Answer: DONE with a duplicate of the fd; it stays held */
        KEEPER_RELEASE,    /* name. Answer: DONE */
        KEEPER_QUIT,       /* value 1: kill what runs first. Answer: DONE with EBUSY when something runs, else the end of the socket */
        /* from the keeper */
        KEEPER_HELLO = 64, /* value: KEEPER_VERSION; pid: the keeper's; label: its build, "" before there was one;
                            * state, error: enum keeper_upgrade, why the last upgrade failed. Comes again after each */
        KEEPER_STARTED,    /* id, pid, fd: pidfd. The command runs (its execve happened) */
        KEEPER_FAILED,     /* id, failure. Nothing of it is left */
        KEEPER_EXITED,     /* id, pid, exit */
        KEEPER_LISTED,     /* id, label, state, pid, failure or exit; fd: pidfd when it runs */
        KEEPER_LISTED_FD,  /* name */
        KEEPER_LIST_END,
        KEEPER_DONE,       /* value: the request's kind; name; error: errno or 0; fd with TAKE */
        _KEEPER_MESSAGE_MAX,
};

enum keeper_state { KEEPER_STARTING, KEEPER_RUNNING, KEEPER_ENDED, KEEPER_NOT_STARTED, _KEEPER_STATE_MAX };

/* What an upgrade failed at, and what error is then. */
enum keeper_upgrade {
        KEEPER_UPGRADE_NONE,
        KEEPER_UPGRADE_SAVE,    /* errno: writing down the table, or trying at all */
        KEEPER_UPGRADE_EXECUTE, /* errno: of the program */
        KEEPER_UPGRADE_REFUSED, /* the exit status of its trial: enum keeper_exit_status, or any other */
        KEEPER_UPGRADE_DIED,    /* the signal */
        KEEPER_UPGRADE_SLOW,    /* errno: the trial did not end in time */
        _KEEPER_UPGRADE_MAX,
};

/* Of the keeper program. */
enum keeper_exit_status {
        KEEPER_EXIT_USAGE = 64,   /* an option it does not know */
        KEEPER_EXIT_TABLE = 65,   /* --check-resume: a table of another version, or a wrong one */
        KEEPER_EXIT_INIT = 66,    /* --check-resume: ctrsup-init cannot be loaded */
};

enum keeper_stage {
        KEEPER_STAGE_KEEPER,  /* refused: table full (ENOSPC), wrong recipe (EBADMSG), clone failed */
        KEEPER_STAGE_PREPARE, /* outside the container */
        KEEPER_STAGE_PAYLOAD, /* inside */
        KEEPER_STAGE_INIT,    /* ctrsup-init could not run the command */
        _KEEPER_STAGE_MAX,
};

/* What errno alone does not tell. */
enum keeper_detail {
        KEEPER_DETAIL_NONE,
        KEEPER_DETAIL_KILLED,         /* died of a signal before exec; error holds the signal */
        KEEPER_DETAIL_IDMAP,          /* the file system cannot be idmapped */
        KEEPER_DETAIL_INTERPRETER,    /* the command is there, its interpreter or loader is not */
        KEEPER_DETAIL_NOT_EXECUTABLE, /* no execute permission */
        KEEPER_DETAIL_NOEXEC_MOUNT,   /* the file system it is on is mounted noexec */
        KEEPER_DETAIL_NO_USER,        /* not in the container's /etc/passwd */
        KEEPER_DETAIL_NO_GROUP,       /* not in the container's /etc/group */
        KEEPER_DETAIL_BAD_USER,       /* neither a name nor an id from 0 to 65534 */
        KEEPER_DETAIL_UNMAPPED,       /* an id outside the container's map */
        KEEPER_DETAIL_MOUNT_POINT,    /* making or finding the mount point in the container */
        KEEPER_DETAIL_NOT_DIRECTORY,  /* a file where a directory must be */
        KEEPER_DETAIL_NOT_FILE,       /* a directory where a file must be */
        KEEPER_DETAIL_ESCAPE,         /* the working directory is outside the container's root */
        KEEPER_DETAIL_SYMLINK,        /* a system directory of the image is a symbolic link */
        _KEEPER_DETAIL_MAX,
};

struct keeper_failure {
        uint32_t stage;  /* enum keeper_stage */
        uint32_t error;  /* errno, positive */
        uint32_t op;     /* index in the recipe; RECIPE_NONE: none */
        uint32_t detail; /* enum keeper_detail */
};

struct keeper_exit {
        int32_t code, status; /* si_code (CLD_EXITED, CLD_KILLED, CLD_DUMPED) and si_status of waitid(2) */
        uint64_t at_usec;     /* CLOCK_BOOTTIME */
        struct rusage usage;  /* of the process and what it waited for */
};

struct keeper_message {
        uint32_t kind;
        uint32_t value;
        uint8_t id[KEEPER_ID_SIZE];
        int32_t pid;
        uint32_t state;  /* enum keeper_state */
        uint32_t error;
        uint32_t recipe_kind; /* LISTED, STARTED, EXITED: enum recipe_kind, a container or an exec */
        union {
                char label[KEEPER_LABEL_MAX];
                char name[KEEPER_NAME_MAX];
        };
        union {
                struct keeper_failure failure;
                struct keeper_exit exit;
        };
};
