/* CVE-2021-30465, 2018-15664, 2017-1002101, 2024-45310: a container exchanges a directory and a link in a volume, while others
 * are launched that mount something below it. ATTACK_FLIPS (300): how many. */
#include "host/keeper_rig.h"

#define ROOT "    rootfs: {layers: [{dir: base}]}\n"

static struct rig_box flipper, victim;

static int flips(void) {
        const char *text = getenv("ATTACK_FLIPS");

        return text ? atoi(text) : 300;
}

/* Entries of the canary: 1 as long as nobody made any. */
static int count_canary(void) {
        char path[128];
        int n = 0;

        (void)snprintf(path, sizeof(path), "%s/canary", rig.dir);
        DIR *d = opendir(path);
        for (struct dirent *e; d && (e = readdir(d));)
                n += e->d_name[0] != '.';
        (void)closedir(d);
        return n;
}

static unsigned count_mounts(void) {
        FILE *f = fopen("/proc/self/mountinfo", "re");
        char line[4096];
        unsigned n = 0;

        while (f && fgets(line, sizeof(line), f))
                n += strstr(line, rig.dir) != NULL;
        (void)fclose(f);
        return n;
}

static void test_naive(void) {
        char naive[PATH_MAX], bind[256], made[256];
        int i = 0;

        (void)snprintf(naive, sizeof(naive), "%.*s/../attack/kit/naive", (int)(strrchr(rig.program, '/') - rig.program),
                       rig.program);
        (void)snprintf(bind, sizeof(bind), "-b %s/vol:/data -b %s/app:/data/a/made", rig.dir, rig.dir);
        (void)snprintf(made, sizeof(made), "rm -rf %s/canary/made", rig.dir);
        rig_sh("cp -a %s/base %s/naive", rig.dir, rig.dir);
        while (i++ < 300 && count_canary() == 1)
                rig_sh("%s %s %s/naive probe ids >/dev/null 2>&1 || true", naive, bind, rig.dir);
        rig_result(count_canary() > 1, "it bites: a naive launcher made a directory on the host, at the %d. launch", i);
        rig_sh("%s", made);
}

int main(void) {
        int good = 0, refused = 0;

        rig_begin(false);
        rig_sh("cp %.*s/../attack/kit/hostile %s/base/bin/ && mkdir -p %s/vol/a %s/canary/one && ln -s %s/canary %s/vol/b",
               (int)(strrchr(rig.program, '/') - rig.program), rig.program, rig.dir, rig.dir, rig.dir, rig.dir, rig.dir);
        rig_launch(&flipper,
                   ROOT "    volumes: [{type: bind, source: vol, target: /vol}]\n    command: [hostile, flip, /vol/a, /vol/b]\n",
                   NULL);
        rig_read_line(&flipper);
        rig_is(&flipper, "ready flip\n", "one exchanges a directory and a link to the host");
        test_naive();
        unsigned before = count_mounts();
        for (int i = 0; i < flips(); i++) {
                rig_run(&victim,
                        ROOT
                        "    volumes: [{type: bind, source: vol, target: /data}, {type: tmpfs, target: /data/a/made}]\n    command: [probe, mounts]\n",
                        NULL);
                if (victim.started && strstr(victim.text, "/made "))
                        good++;
                else if (victim.failed)
                        refused++;
                else
                        rig_show(victim.text);
                rig_free(&victim);
        }
        rig_result(good + refused == flips(), "%d launches below it: %d with the mount inside, %d refused", flips(), good,
                   refused);
        rig_result(good > 0, "some are launched");
        rig_result(count_canary() == 1, "nothing was made on the host");
        rig_result(count_mounts() == before, "nothing was mounted there");
        rig_stop(&flipper);
        return rig_end();
}
