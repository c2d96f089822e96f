/* Any bytes as the table a keeper resumes from: refused, or such that all of it can be loaded and followed, and the next
 * program would take it just the same. Half of the inputs are laid over a sound one, so that the rules behind the header are
 * reached. */
#include <ctrsup/base/cleanup.h>

#include <stdlib.h>
#include <string.h>

#include "keeper/resume.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SOUND_MAX = 65536 };

static size_t build(void *out) {
        static struct keeper k;

        k = (struct keeper){ .lock = 30, .listen = 31, .client = 32, .runtime = 33, .host_mounts = 34, .own_mounts = 35, .init = 36 };
        for (int i = 0; i < 4; i++) {
                const uint8_t id[KEEPER_ID_SIZE] = { (uint8_t)i };
                struct entry *e = entry_add(&k.table, id);
                e->state = (uint8_t)i;
                if (i == KEEPER_STARTING)
                        e->report_fd = 40;
                if (i == KEEPER_RUNNING || i == KEEPER_ENDED) {
                        e->pid = 50 + i;
                        e->payload = i == KEEPER_RUNNING ? e->pid : 0;
                        e->payload_fd = 60 + i;
                }
        }
        (void)held_put(&k.table, "log", 70);
        (void)held_put(&k.table, "logger", 71);
        k.n_replies = 2;
        resume_write(&k, out);
        return resume_size(&k);
}

static void follow(const struct resume_view *v) {
        static struct keeper k;
        static uint64_t again[SOUND_MAX / 8];
        struct resume_view other;

        memset(k.table.entries, 0, sizeof(k.table.entries[0]) * k.table.entries_end);
        memset(k.table.held, 0, sizeof(k.table.held[0]) * k.table.held_end);
        k.table.entries_end = k.table.held_end = k.table.n_live = 0;
        resume_load(v, &k);
        volatile size_t sum = 0;
        for (uint32_t i = 0; i < k.table.entries_end; i++)
                if (k.table.entries[i].used)
                        sum += strlen(k.table.entries[i].label);
        for (uint32_t i = 0; i < k.table.held_end; i++)
                sum += strlen(k.table.held[i].name);
        size_t size = resume_size(&k);
        if (size > sizeof(again))
                return;
        resume_write(&k, again);
        if (resume_open(again, size, &other) < 0)
                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static uint64_t sound[SOUND_MAX / 8];
        static size_t sound_size;
        struct resume_view v;

        if (size < 4 || size > SOUND_MAX)
                return 0;
        if (sound_size == 0)
                sound_size = build(sound);
        size_t len = data[0] & 1 ? sound_size : size - 4, at = data[0] & 1 ? (size_t)(data[1] | data[2] << 8) % sound_size : 0;
        uint8_t *copy = aligned_alloc(16, (len + 16) / 16 * 16);
        if (!copy)
                return 0;
        if (data[0] & 1) {
                memcpy(copy, sound, sound_size);
                memcpy(copy + at, data + 4, size - 4 < len - at ? size - 4 : len - at);
        } else {
                memcpy(copy, data + 4, len);
        }
        if (resume_open(copy, len, &v) == 0)
                follow(&v);
        free(copy);
        return 0;
}
