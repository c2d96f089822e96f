#include "table.h"

#include <ctrsup/base/cleanup.h>

#include <string.h>

struct entry *entry_add(struct table *t, const uint8_t id[KEEPER_ID_SIZE]) {
        uint32_t i = 0;

        while (i < t->entries_end && t->entries[i].used)
                i++;
        if (i == KEEPER_ENTRIES_MAX)
                return NULL;
        if (i == t->entries_end)
                t->entries_end++;
        t->n_live++;

        struct entry *e = &t->entries[i];
        *e = (struct entry){ .used = true, .preparer_fd = -EBADF, .payload_fd = -EBADF, .report_fd = -EBADF, .kill_fd = -EBADF };
        memcpy(e->id, id, KEEPER_ID_SIZE);
        return e;
}

struct entry *entry_find(struct table *t, const uint8_t id[KEEPER_ID_SIZE]) {
        for (uint32_t i = 0; i < t->entries_end; i++)
                if (t->entries[i].used && memcmp(t->entries[i].id, id, KEEPER_ID_SIZE) == 0)
                        return &t->entries[i];
        return NULL;
}

void entry_drop(struct table *t, struct entry *e) {
        (void)close_fd(e->preparer_fd);
        (void)close_fd(e->payload_fd);
        (void)close_fd(e->report_fd);
        (void)close_fd(e->kill_fd);
        e->used = false;
        while (t->entries_end > 0 && !t->entries[t->entries_end - 1].used)
                t->entries_end--;
}

struct held *held_find(struct table *t, const char *name) {
        for (uint32_t i = 0; i < t->held_end; i++)
                if (t->held[i].name[0] != '\0' && strcmp(t->held[i].name, name) == 0)
                        return &t->held[i];
        return NULL;
}

int held_put(struct table *t, const char *name, int fd) {
        struct held *h = held_find(t, name);

        if (h) {
                (void)close(h->fd);
                h->fd = fd;
                return 0;
        }
        uint32_t i = 0;
        while (i < t->held_end && t->held[i].name[0] != '\0')
                i++;
        if (i == KEEPER_HELD_MAX)
                return -ENOSPC;
        if (i == t->held_end)
                t->held_end++;
        (void)strcpy(t->held[i].name, name); /* bounded: the caller checked */
        t->held[i].fd = fd;
        return 0;
}

int held_drop(struct table *t, const char *name) {
        struct held *h = held_find(t, name);

        if (!h)
                return -ENOENT;
        (void)close(h->fd);
        h->name[0] = '\0';
        while (t->held_end > 0 && t->held[t->held_end - 1].name[0] == '\0')
                t->held_end--;
        return 0;
}
