#include "unit.h"

#include "keeper/resume.h"

#include <signal.h>
#include <sys/wait.h>

/* A keeper with something in every state, gaps in its tables, and things it has not told. */
static struct keeper *keeper_new(void) {
        struct keeper *k = calloc(1, sizeof(*k));
        static const struct entry entries[] = {
                { .used = true, .state = KEEPER_STARTING, .preparer = 10, .preparer_fd = 20, .payload_fd = -EBADF, .report_fd = 21, .kill_fd = 22, .label = "s/half.1" },
                { .used = false },
                { .used = true, .ready = true, .tell_started = true, .state = KEEPER_RUNNING, .payload = 11, .pid = 11, .preparer_fd = -EBADF, .payload_fd = 23, .report_fd = -EBADF, .kill_fd = -EBADF, .label = "s/runs.1" },
                { .used = true, .ready = true, .tell_end = true, .state = KEEPER_ENDED, .kind = RECIPE_EXEC, .pid = 12, .preparer_fd = -EBADF, .payload_fd = 24, .report_fd = -EBADF, .kill_fd = -EBADF,
                  .exit = { .code = CLD_KILLED, .status = SIGTERM, .at_usec = UINT64_C(1) << 40, .usage = { .ru_maxrss = 4711 } } },
                { .used = true, .failed = true, .state = KEEPER_NOT_STARTED, .preparer_fd = -EBADF, .payload_fd = -EBADF, .report_fd = -EBADF, .kill_fd = 25,
                  .failure = { KEEPER_STAGE_PAYLOAD, ENOENT, 7, KEEPER_DETAIL_INTERPRETER } },
        };

        assert_non_null(k);
        k->lock = 30, k->listen = 31, k->client = 32, k->runtime = 33, k->host_mounts = 34, k->own_mounts = 35, k->init = 36;
        for (uint32_t i = 0; i < ARRAY_SIZE(entries); i++) {
                k->table.entries[i] = entries[i];
                k->table.entries[i].id[0] = entries[i].used ? (uint8_t)(i + 1) : 0;
        }
        k->table.entries_end = ARRAY_SIZE(entries);
        k->table.n_live = 2;
        (void)strcpy(k->table.held[0].name, "log s/runs.1 stdout");
        k->table.held[0].fd = 40;
        (void)strcpy(k->table.held[2].name, "logger");
        k->table.held[2].fd = 41;
        k->table.held_end = 3;
        k->listing = true;
        k->list_at = 2;
        k->n_replies = 1;
        k->replies[0] = (struct keeper_message){ .kind = KEEPER_DONE, .value = KEEPER_HOLD, .name = "logger" };
        return k;
}

static void *write_out(const struct keeper *k, size_t *ret_size) {
        *ret_size = resume_size(k);
        void *data = aligned_alloc(16, (*ret_size + 15) / 16 * 16);
        assert_non_null(data);
        resume_write(k, data);
        return data;
}

/* What one program knew the next one knows, at the same places. */
static void test_round_trip(void **state _unused_) {
        _cleanup_free_ struct keeper *k = keeper_new(), *got = calloc(1, sizeof(*got));
        struct resume_view v;
        size_t size;
        _cleanup_free_ void *data = write_out(k, &size);

        assert_int_equal(resume_open(data, size, &v), 0);
        resume_load(&v, got);
        assert_memory_equal(&got->table, &k->table, sizeof(k->table));
        assert_memory_equal(got->replies, k->replies, sizeof(k->replies));
        assert_int_equal(got->n_replies, 1);
        assert_true(got->listing && !got->ending);
        assert_int_equal(got->list_at, 2);
        const int want[] = { k->lock, k->listen, k->client, k->runtime, k->host_mounts, k->own_mounts, k->init };
        const int have[] = { got->lock, got->listen, got->client, got->runtime, got->host_mounts, got->own_mounts, got->init };
        assert_memory_equal(have, want, sizeof(want));
        assert_int_equal(v.header->protocol, KEEPER_VERSION);
}

/* The largest table there can be fits. */
static void test_full(void **state _unused_) {
        _cleanup_free_ struct keeper *k = keeper_new(), *got = calloc(1, sizeof(*got));
        struct resume_view v;
        int fd = 1000;
        size_t size;

        for (uint32_t i = 0; i < KEEPER_ENTRIES_MAX; i++) {
                k->table.entries[i] = k->table.entries[2];
                k->table.entries[i].payload_fd = fd++;
        }
        for (uint32_t i = 0; i < KEEPER_HELD_MAX; i++) {
                k->table.held[i] = (struct held){ .name = "x", .fd = fd++ };
        }
        k->table.entries_end = k->table.n_live = KEEPER_ENTRIES_MAX;
        k->table.held_end = KEEPER_HELD_MAX;
        k->n_replies = REPLIES_MAX;
        _cleanup_free_ void *data = write_out(k, &size);
        assert_int_equal(resume_open(data, size, &v), 0);
        resume_load(&v, got);
        assert_memory_equal(&got->table, &k->table, sizeof(k->table));
}

/* No prefix is taken for the whole, and none is read beyond its end (each is a block of its own for the sanitizer). */
static void test_truncated(void **state _unused_) {
        _cleanup_free_ struct keeper *k = keeper_new();
        struct resume_view v;
        size_t size;
        _cleanup_free_ void *data = write_out(k, &size);

        for (size_t n = 0; n < size; n++) {
                void *part = malloc(n + 1);
                assert_non_null(part);
                memcpy(part, data, n);
                assert_int_equal(resume_open(part, n, &v), -EBADMSG);
                if (n >= sizeof(struct resume_header)) { /* also when it says so itself */
                        ((struct resume_header *)part)->size = (uint32_t)n;
                        assert_int_equal(resume_open(part, n, &v), -EBADMSG);
                }
                free(part);
        }
}

struct bad {
        const char *what;
        size_t at;      /* in the header, an entry or a held fd */
        int64_t value;  /* of 4 bytes */
        enum { IN_HEADER, IN_ENTRY, IN_HELD, IN_REPLY } where;
        uint32_t index;
};

#define H(member) offsetof(struct resume_header, member)
#define E(member) offsetof(struct resume_entry, member)

/* One wrong number each, in a buffer that is sound without it. */
static void test_wrong(void **state _unused_) {
        static const struct bad bad[] = {
                { "magic", H(magic), 1, IN_HEADER, 0 },
                { "an older version", H(version), RESUME_VERSION - 1, IN_HEADER, 0 },
                { "a newer version", H(version), RESUME_VERSION + 1, IN_HEADER, 0 },
                { "size", H(size), 64, IN_HEADER, 0 },
                { "flags", H(flags), 4, IN_HEADER, 0 },
                { "list_at", H(list_at), KEEPER_ENTRIES_MAX + KEEPER_HELD_MAX + 1, IN_HEADER, 0 },
                { "no lock", H(lock), -1, IN_HEADER, 0 },
                { "no listen socket", H(listen), -1, IN_HEADER, 0 },
                { "stdin", H(runtime), 0, IN_HEADER, 0 },
                { "an fd twice", H(init), 30, IN_HEADER, 0 },
                { "an fd beyond the bound", H(own_mounts), RESUME_FD_MAX, IN_HEADER, 0 },
                { "a negative fd", H(client), -2, IN_HEADER, 0 },
                { "replies without a client", H(client), -1, IN_HEADER, 0 },
                { "more entries than there are", H(n_entries), 5, IN_HEADER, 0 },
                { "more entries than can be", H(n_entries), UINT32_MAX, IN_HEADER, 0 },
                { "fewer held fds", H(n_held), 1, IN_HEADER, 0 },
                { "held fds that overflow", H(n_held), 0x20000000, IN_HEADER, 0 },
                { "replies", H(n_replies), REPLIES_MAX + 1, IN_HEADER, 0 },
                { "entries elsewhere", H(entries), 0, IN_HEADER, 0 },
                { "held elsewhere", H(held), 1 << 30, IN_HEADER, 0 },
                { "replies elsewhere", H(replies), 8, IN_HEADER, 0 },
                { "an index out of range", E(index), KEEPER_ENTRIES_MAX, IN_ENTRY, 3 },
                { "an index twice", E(index), 0, IN_ENTRY, 1 },
                { "entry flags", E(flags), 64, IN_ENTRY, 0 },
                { "state", E(state), _KEEPER_STATE_MAX, IN_ENTRY, 0 },
                { "kind", E(kind), _RECIPE_KIND_MAX, IN_ENTRY, 0 },
                { "a negative pid", E(pid), -1, IN_ENTRY, 1 },
                { "every process", E(preparer), -1, IN_ENTRY, 0 },
                { "a preparer without fd", E(preparer_fd), -1, IN_ENTRY, 0 },
                { "an fd without preparer", E(preparer), 0, IN_ENTRY, 0 },
                { "a payload of another pid", E(payload), 99, IN_ENTRY, 1 },
                { "a payload without fd", E(payload_fd), -1, IN_ENTRY, 1 },
                { "running, and nothing runs", E(payload), 0, IN_ENTRY, 1 },
                { "running, and still reporting", E(report_fd), 50, IN_ENTRY, 1 },
                { "ended, and it runs", E(payload), 12, IN_ENTRY, 2 },
                { "an entry's fd twice", E(kill_fd), 23, IN_ENTRY, 3 },
                { "a held index out of range", offsetof(struct resume_held, index), KEEPER_HELD_MAX, IN_HELD, 1 },
                { "a held index twice", offsetof(struct resume_held, index), 0, IN_HELD, 1 },
                { "a held fd twice", offsetof(struct resume_held, fd), 40, IN_HELD, 1 },
                { "a held fd that is none", offsetof(struct resume_held, fd), -1, IN_HELD, 1 },
                { "a held fd without name", offsetof(struct resume_held, name), 0, IN_HELD, 1 },
        };
        _cleanup_free_ struct keeper *k = keeper_new();
        struct resume_view v;
        size_t size;
        _cleanup_free_ void *data = write_out(k, &size);
        const struct resume_header *h = data;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                const size_t base[] = { 0, h->entries + bad[i].index * sizeof(struct resume_entry),
                                        h->held + bad[i].index * sizeof(struct resume_held), h->replies };
                char *at = (char *)data + base[bad[i].where] + bad[i].at;
                uint32_t before, value = (uint32_t)bad[i].value;
                memcpy(&before, at, sizeof(before));
                memcpy(at, &value, sizeof(value));
                if (resume_open(data, size, &v) != -EBADMSG)
                        fail_msg("%s is let through", bad[i].what);
                memcpy(at, &before, sizeof(before));
                assert_int_equal(resume_open(data, size, &v), 0);
        }
}

/* Texts that do not end. */
static void test_unterminated(void **state _unused_) {
        _cleanup_free_ struct keeper *k = keeper_new();
        struct resume_view v;
        size_t size;
        _cleanup_free_ char *data = write_out(k, &size);
        const struct resume_header *h = (const void *)data;

        char *texts[] = { data + h->entries + E(label), data + h->held + offsetof(struct resume_held, name),
                          data + h->replies + offsetof(struct keeper_message, name) };
        const size_t sizes[] = { KEEPER_LABEL_MAX, KEEPER_NAME_MAX, KEEPER_NAME_MAX };
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                char before[KEEPER_LABEL_MAX];
                memcpy(before, texts[i], sizes[i]);
                memset(texts[i], 'x', sizes[i]);
                assert_int_equal(resume_open(data, size, &v), -EBADMSG);
                memcpy(texts[i], before, sizes[i]);
        }
        assert_int_equal(resume_open(data, size, &v), 0);
}

unit_main(cmocka_unit_test(test_round_trip), cmocka_unit_test(test_full), cmocka_unit_test(test_truncated),
          cmocka_unit_test(test_wrong), cmocka_unit_test(test_unterminated));
