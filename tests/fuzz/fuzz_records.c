/* Records on disk, torn or written by anybody: no crash, no leak, words for each refusal; what was set aside is not met again.
 * The first byte says which record it is: a revision, `current`, the id ranges, a job's, or subuid(5). seeds: tests/fuzz/corpus/fuzz_records */
#include <ctrsup/store/dir.h>
#include <ctrsup/store/job.h>
#include <ctrsup/store/revisions.h>
#include <ctrsup/store/uids.h>

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int state_fd = -EBADF;
static char state_path[] = "/dev/shm/ctrsup-fuzz-XXXXXX";

static void drop_files(void) {
        static const char *const files[] = {
                "stacks/s/current", "stacks/s/current.bad", "stacks/s/1.json", "stacks/s/1.json.bad", "stacks/s/job.j", "stacks/s/job.j.bad", "uids", "uids.lock"
        };

        for (size_t i = 0; i < ARRAY_SIZE(files); i++)
                (void)unlinkat(state_fd, files[i], 0);
}

static void drop_state(void) {
        drop_files();
        (void)unlinkat(state_fd, "stacks/s", AT_REMOVEDIR);
        (void)unlinkat(state_fd, "stacks", AT_REMOVEDIR);
        (void)rmdir(state_path);
}

static void put(const char *name, const void *data, size_t size) {
        int fd = openat(state_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        if (fd < 0 || write(fd, data, size) != (ssize_t)size)
                abort();
        (void)close(fd);
}

static void begin(void) {
        if (!mkdtemp(state_path) || (state_fd = open(state_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
            mkdirat(state_fd, "stacks", 0700) < 0 || mkdirat(state_fd, "stacks/s", 0700) < 0)
                abort();
        (void)atexit(drop_state);
}

static bool is_there(const char *name) {
        return faccessat(state_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* What cannot be read is set aside once, whole, and from then on refused in the same way. */
static void read_revision(void) {
        _cleanup_revision_ struct revision r = REVISION_NULL;
        _cleanup_free_ char **stopped = NULL;
        size_t n;
        struct err err = { 0 };

        int e = revisions_read(state_fd, "s", 0, &r, &err);
        if (e < 0 && !err.text[0])
                abort();
        (void)revisions_stopped(state_fd, "s", &stopped, &n, NULL);
        if (e != -EBADMSG)
                return;
        bool current = is_there("stacks/s/current.bad"), revision = is_there("stacks/s/1.json.bad");
        if (!current && !revision)
                abort();
        if ((current && is_there("stacks/s/current")) || (revision && is_there("stacks/s/1.json")))
                abort();
        if (revisions_read(state_fd, "s", 0, &r, &err) != -EBADMSG)
                abort();
}

/* Read and written again it is the same, or it was set aside. */
static void read_job(void) {
        struct job_record record, again;
        struct err err = { 0 };

        if (job_read(state_fd, "s", "j", &record, &err) < 0)
                abort();
        if (err.code) {
                if (record.n_runs > 0 || (err.code != EPROTO && (is_there("stacks/s/job.j") || !is_there("stacks/s/job.j.bad"))))
                        abort();
                return;
        }
        if (job_write(state_fd, "s", "j", &record, NULL) < 0 || job_read(state_fd, "s", "j", &again, &err) < 0 || err.code ||
            again.n_runs != record.n_runs || again.schedule.taken_usec != record.schedule.taken_usec || again.schedule.id != record.schedule.id ||
            (record.n_runs > 0 && memcmp(again.runs, record.runs, record.n_runs * sizeof(*record.runs)) != 0))
                abort();
        free(record.runs);
        free(again.runs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char revision[] = "{\"version\":1,\"revision\":1,\"document\":{}}",
                          current[] = "{\"version\":1,\"revision\":1}";
        static const struct uid_range all = { 0, UINT32_MAX };

        if (state_fd < 0)
                begin();
        if (size < 1)
                return 0;
        drop_files();
        uint8_t which = data[0] % 8;
        data++;
        size--;
        if (which < 2) {
                put("stacks/s/1.json", which == 0 ? (const void *)data : revision, which == 0 ? size : sizeof(revision) - 1);
                put("stacks/s/current", which == 1 ? (const void *)data : current, which == 1 ? size : sizeof(current) - 1);
                read_revision();
        } else if (which == 2) {
                uint32_t first;

                put("uids", data, size);
                (void)uids_take(state_fd, 0x10000000, 4, &all, 1, "s", "c", &first,
                                NULL); /* everything is taken: nothing is written */
        } else if (which == 4) {
                put("stacks/s/job.j", data, size);
                read_job();
        } else {
                _cleanup_free_ char *text = strndup((const char *)data, size);
                _cleanup_free_ struct uid_range *ranges = NULL;
                size_t n = 0;

                if (!text || uids_parse_subids(text, &ranges, &n) < 0)
                        abort();
        }
        return 0;
}
