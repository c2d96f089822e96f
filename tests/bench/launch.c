/* launch [-n N] [-m MODE]: the keeper alone, to set beside `floor -n`: from before recipe_make() until the payload's first byte,
 * until STARTED, until EXITED; the cgroup being there already. Then its memory with as many containers running. */
#include "host/keeper_rig.h"

#include <inttypes.h>
#include <time.h>

static uint64_t now_usec(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int compare(const void *a, const void *b) {
        const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return x < y ? -1 : x > y;
}

static void show(const char *what, uint64_t *v, size_t n) {
        qsort(v, n, sizeof(*v), compare);
        printf("  start->%-8s %6" PRIu64 " us, best tenth %6" PRIu64 "\n", what, v[n / 2], v[n / 10]);
}

static void show_memory(const char *when) {
        char command[160];

        (void)snprintf(command, sizeof(command),
                       "printf '%s: '; grep -hE 'VmRSS|RssAnon' /proc/%d/status | tr -s '\\t\\n ' ' '; echo", when,
                       (int)keeper_client_pid(rig.client));
        (void)!system(command);
}

int main(int argc, char **argv) {
        static struct rig_box b, many[50];
        const char *mode = "tmpfs";
        char body[512];
        size_t n = 100;

        for (int c; (c = getopt(argc, argv, "n:m:")) >= 0;)
                if (c == 'n')
                        n = strtoul(optarg, NULL, 10);
                else
                        mode = optarg;
        rig_begin(true);
        show_memory("keeper at start");
        uint64_t *first = calloc(n, sizeof(*first)), *started = calloc(n, sizeof(*started)), *end = calloc(n, sizeof(*end));
        (void)snprintf(body, sizeof(body),
                       "    rootfs: {layers: [{dir: base}], mode: %s}\n    command: [/bin/busybox, echo, x]\n", mode);
        (void)setvbuf(stdout, NULL, _IONBF, 0);
        for (size_t i = 0; i < n; i++) {
                rig_launch(&b, body, NULL);
                uint64_t start = rig.launched_usec;
                rig_read_line(&b);
                first[i] = now_usec() - start;
                (void)rig_wait(&b, &b.started);
                started[i] = now_usec() - start;
                (void)rig_wait(&b, &b.exited);
                end[i] = now_usec() - start;
                (void)keeper_client_forget(rig.client, b.id);
                (void)rmdir(b.cgroup);
                rig_free(&b);
        }
        printf("keeper, rootfs.mode %s, %zu launches, medians\n", mode, n);
        show("main", first, n);
        show("STARTED", started, n);
        show("EXITED", end, n);
        for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
                rig_launch(&many[i], "    rootfs: {layers: [{dir: base}], mode: tmpfs}\n    command: [probe, sleep]\n", NULL);
                (void)rig_wait(&many[i], &many[i].started);
        }
        show_memory("keeper with 50 containers");
        for (size_t i = 0; i < ARRAY_SIZE(many); i++)
                rig_stop(&many[i]);
        free(first);
        free(started);
        free(end);
        rig_clean();
        return 0;
}
