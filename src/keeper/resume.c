#include "resume.h"

#include <ctrsup/base/cleanup.h>

#include <assert.h>
#include <string.h>

enum { FD_FIRST = 3 };

/* The order of the buffer: header, entries, held fds, replies. All sizes are multiples of 4, those before a record with an
 * 8-byte member of 8. */
static_assert(sizeof(struct resume_header) % 8 == 0, "entries are 8-aligned");
static_assert(sizeof(struct resume_entry) % 8 == 0, "entries are 8-aligned");
static_assert(sizeof(struct resume_held) % 8 == 0, "replies are 8-aligned");

static uint32_t count_entries(const struct keeper *k) {
        uint32_t n = 0;

        for (uint32_t i = 0; i < k->table.entries_end; i++)
                n += k->table.entries[i].used;
        return n;
}

static uint32_t count_held(const struct keeper *k) {
        uint32_t n = 0;

        for (uint32_t i = 0; i < k->table.held_end; i++)
                n += k->table.held[i].name[0] != '\0';
        return n;
}

/* Where the parts lie, for numbers that the bounds in resume_open() keep from overflowing. */
static size_t lay_out(struct resume_header *h) {
        size_t at = sizeof(*h);

        h->entries = (uint32_t)at;
        at += sizeof(struct resume_entry) * h->n_entries;
        h->held = (uint32_t)at;
        at += sizeof(struct resume_held) * h->n_held;
        h->replies = (uint32_t)at;
        return at + sizeof(struct keeper_message) * h->n_replies;
}

static void count(const struct keeper *k, struct resume_header *h) {
        h->n_entries = count_entries(k);
        h->n_held = count_held(k);
        h->n_replies = k->n_replies;
        h->size = (uint32_t)lay_out(h);
}

size_t resume_size(const struct keeper *k) {
        struct resume_header h = { 0 };

        count(k, &h);
        return h.size;
}

/* -- writing -- */

static void write_entry(const struct entry *e, uint32_t index, struct resume_entry *w) {
        *w = (struct resume_entry){
                .index = index,
                .flags = (e->ready ? RESUME_READY : 0U) | (e->failed ? RESUME_FAILED : 0U) | (e->killed ? RESUME_KILLED : 0U) |
                         (e->tell_started ? RESUME_TELL_STARTED : 0U) | (e->tell_end ? RESUME_TELL_END : 0U) |
                         (e->forgotten ? RESUME_FORGOTTEN : 0U),
                .state = e->state,
                .kind = e->kind,
                .preparer = e->preparer,
                .payload = e->payload,
                .pid = e->pid,
                .preparer_fd = e->preparer_fd < 0 ? -1 : e->preparer_fd,
                .payload_fd = e->payload_fd < 0 ? -1 : e->payload_fd,
                .report_fd = e->report_fd < 0 ? -1 : e->report_fd,
                .kill_fd = e->kill_fd < 0 ? -1 : e->kill_fd,
                .failure = e->failure,
                .exit = e->exit,
        };
        memcpy(w->id, e->id, sizeof(w->id));
        (void)strcpy(w->label, e->label);
}

void resume_write(const struct keeper *k, void *data) {
        struct resume_header *h = data;

        *h = (struct resume_header){
                .magic = RESUME_MAGIC,
                .version = RESUME_VERSION,
                .protocol = KEEPER_VERSION,
                .flags = (k->ending ? RESUME_ENDING : 0U) | (k->listing ? RESUME_LISTING : 0U),
                .list_at = k->listing ? k->list_at : 0,
                .lock = k->lock,
                .listen = k->listen,
                .client = k->client < 0 ? -1 : k->client,
                .runtime = k->runtime,
                .host_mounts = k->host_mounts,
                .own_mounts = k->own_mounts,
                .init = k->init,
        };
        count(k, h);

        struct resume_entry *entry = (void *)((char *)data + h->entries);
        for (uint32_t i = 0; i < k->table.entries_end; i++)
                if (k->table.entries[i].used)
                        write_entry(&k->table.entries[i], i, entry++);
        struct resume_held *held = (void *)((char *)data + h->held);
        for (uint32_t i = 0; i < k->table.held_end; i++)
                if (k->table.held[i].name[0] != '\0') {
                        *held = (struct resume_held){ .index = i, .fd = k->table.held[i].fd };
                        (void)strcpy(held++->name, k->table.held[i].name);
                }
        memcpy((char *)data + h->replies, k->replies, sizeof(k->replies[0]) * k->n_replies);
}

/* -- reading -- */

struct seen {
        uint64_t fds[RESUME_FD_MAX / 64];
};

static bool take_number(struct seen *seen, int32_t fd) {
        if (fd < FD_FIRST || fd >= RESUME_FD_MAX)
                return false;
        uint64_t bit = UINT64_C(1) << (fd % 64);
        bool is_new = (seen->fds[fd / 64] & bit) == 0;
        seen->fds[fd / 64] |= bit;
        return is_new;
}

static bool take_optional(struct seen *seen, int32_t fd) {
        return fd == -1 || take_number(seen, fd);
}

static bool is_named(const char *text, size_t size) {
        return memchr(text, '\0', size) != NULL;
}

/* What settle() in launch.c leaves in each state between two events; anything else would never come to an end. */
static bool is_possible(const struct resume_entry *w) {
        switch ((enum keeper_state)w->state) {
        case KEEPER_STARTING:
                return w->report_fd >= 0 || w->preparer != 0 || w->payload != 0;
        case KEEPER_RUNNING:
                return w->report_fd < 0 && w->payload != 0 && (w->flags & RESUME_FORGOTTEN) == 0;
        case KEEPER_ENDED:
                return w->report_fd < 0 && w->payload == 0;
        case KEEPER_NOT_STARTED:
                return w->report_fd < 0 && w->payload == 0 && w->preparer == 0;
        case _KEEPER_STATE_MAX:
        default:
                return false;
        }
}

static bool entry_is_sound(const struct resume_entry *w, struct seen *seen) {
        return (w->flags & ~(uint32_t)_RESUME_ENTRY_FLAGS_ALL) == 0 && w->kind < _RECIPE_KIND_MAX &&
               is_named(w->label, sizeof(w->label)) && w->preparer >= 0 && w->payload >= 0 && w->pid >= 0 &&
               (w->preparer != 0) == (w->preparer_fd != -1) && (w->payload == 0 || w->payload == w->pid) &&
               (w->pid != 0) == (w->payload_fd != -1) && take_optional(seen, w->preparer_fd) &&
               take_optional(seen, w->payload_fd) && take_optional(seen, w->report_fd) && take_optional(seen, w->kill_fd) &&
               is_possible(w);
}

static bool header_is_sound(const struct resume_header *h, struct seen *seen) {
        return (h->flags & ~(uint32_t)_RESUME_FLAGS_ALL) == 0 && h->list_at <= KEEPER_ENTRIES_MAX + KEEPER_HELD_MAX &&
               take_number(seen, h->lock) && take_number(seen, h->listen) && take_optional(seen, h->client) &&
               take_number(seen, h->runtime) && take_number(seen, h->host_mounts) && take_number(seen, h->own_mounts) &&
               take_number(seen, h->init) && (h->client != -1 || (h->n_replies == 0 && (h->flags & RESUME_LISTING) == 0));
}

int resume_open(const void *data, size_t size, struct resume_view *ret) {
        const struct resume_header *h = data;
        struct seen seen = { 0 };
        struct resume_header own;

        if (size < sizeof(*h) || size > RESUME_SIZE_MAX || h->magic != RESUME_MAGIC || h->version != RESUME_VERSION ||
            h->size != size || h->n_entries > KEEPER_ENTRIES_MAX || h->n_held > KEEPER_HELD_MAX || h->n_replies > REPLIES_MAX)
                return -EBADMSG;
        own = *h;
        if (lay_out(&own) != size || own.entries != h->entries || own.held != h->held || own.replies != h->replies ||
            !header_is_sound(h, &seen))
                return -EBADMSG;
        struct resume_view v = {
                .header = h,
                .entries = (const void *)((const char *)data + h->entries),
                .held = (const void *)((const char *)data + h->held),
                .replies = (const void *)((const char *)data + h->replies),
        };
        for (uint32_t i = 0; i < h->n_entries; i++)
                if (v.entries[i].index >= KEEPER_ENTRIES_MAX || (i > 0 && v.entries[i].index <= v.entries[i - 1].index) ||
                    !entry_is_sound(&v.entries[i], &seen))
                        return -EBADMSG;
        for (uint32_t i = 0; i < h->n_held; i++)
                if (v.held[i].index >= KEEPER_HELD_MAX || (i > 0 && v.held[i].index <= v.held[i - 1].index) ||
                    v.held[i].name[0] == '\0' || !is_named(v.held[i].name, sizeof(v.held[i].name)) ||
                    !take_number(&seen, v.held[i].fd))
                        return -EBADMSG;
        for (uint32_t i = 0; i < h->n_replies; i++)
                if (!is_named(v.replies[i].name, v.replies[i].kind == KEEPER_DONE ? KEEPER_NAME_MAX : KEEPER_LABEL_MAX))
                        return -EBADMSG;
        *ret = v;
        return 0;
}

static void load_entry(const struct resume_entry *w, struct entry *e) {
        *e = (struct entry){
                .used = true,
                .ready = w->flags & RESUME_READY,
                .failed = w->flags & RESUME_FAILED,
                .killed = w->flags & RESUME_KILLED,
                .tell_started = w->flags & RESUME_TELL_STARTED,
                .tell_end = w->flags & RESUME_TELL_END,
                .forgotten = w->flags & RESUME_FORGOTTEN,
                .state = (uint8_t)w->state,
                .kind = (uint8_t)w->kind,
                .preparer = w->preparer,
                .payload = w->payload,
                .pid = w->pid,
                .preparer_fd = w->preparer_fd < 0 ? -EBADF : w->preparer_fd,
                .payload_fd = w->payload_fd < 0 ? -EBADF : w->payload_fd,
                .report_fd = w->report_fd < 0 ? -EBADF : w->report_fd,
                .kill_fd = w->kill_fd < 0 ? -EBADF : w->kill_fd,
                .failure = w->failure,
                .exit = w->exit,
        };
        memcpy(e->id, w->id, sizeof(e->id));
        (void)strcpy(e->label, w->label);
}

void resume_load(const struct resume_view *v, struct keeper *k) {
        const struct resume_header *h = v->header;

        k->ending = h->flags & RESUME_ENDING;
        k->listing = h->flags & RESUME_LISTING;
        k->list_at = h->list_at;
        k->lock = h->lock;
        k->listen = h->listen;
        k->client = h->client < 0 ? -EBADF : h->client;
        k->runtime = h->runtime;
        k->host_mounts = h->host_mounts;
        k->own_mounts = h->own_mounts;
        k->init = h->init;
        for (uint32_t i = 0; i < h->n_entries; i++) {
                struct entry *e = &k->table.entries[v->entries[i].index];
                load_entry(&v->entries[i], e);
                k->table.entries_end = v->entries[i].index + 1;
                k->table.n_live += entry_is_alive(e);
        }
        for (uint32_t i = 0; i < h->n_held; i++) {
                struct held *held = &k->table.held[v->held[i].index];
                (void)strcpy(held->name, v->held[i].name);
                held->fd = v->held[i].fd;
                k->table.held_end = v->held[i].index + 1;
        }
        k->n_replies = h->n_replies;
        memcpy(k->replies, v->replies, sizeof(k->replies[0]) * h->n_replies);
}
