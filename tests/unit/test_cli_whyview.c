/* Explanations in words: the same JSON gives the same text, and tells which lines of a log belong to it. */
#include "unit.h"

#include <cli/whyview.h>
#include <ctrsup/base/num.h>

/* 2026-11-28T09:00:00Z */
#define NOW (UINT64_C(1795856400) * USEC_PER_SEC)

/* ' for ": it is read more easily. */
static json_t *json_of(const char *text) {
        char quoted[2048];
        size_t n = strlen(text);
        json_error_t error;

        assert_true(n < sizeof(quoted));
        for (size_t k = 0; k <= n; k++)
                quoted[k] = (char)(text[k] == '\'' ? '"' : text[k]);
        json_t *j = json_loads(quoted, 0, &error);
        assert_non_null(j);
        return j;
}

static const struct {
        const char *json, *lines, *no_lines;
        bool fine;
        const char *text;
} cases[] = {
        { "{'container':{'state':'ready','pid':5,'started_at':'2026-11-25T06:59:58.123456Z'},'job':false,'attempts':0,'max_attempts':null,'stopping':null,'end':null}",
          "[]", NULL, true, "t: ready, runs since 2026-11-25T06:59:58Z (3d 2h)\n" },
        { "{'container':{'state':'running','started_at':'2026-11-28T08:59:30Z'},'job':true,'attempts':0,'end':null}", "[]", NULL,
          true, "t: running, runs since 2026-11-28T08:59:30Z (30s)\n" },
        { "{'container':{'state':'running','started_at':'2026-11-28T08:59:30Z','health_message':'HTTP 503'},'job':false,'attempts':0,'end':null}",
          "['warming up']", NULL, false,
          "t: not ready yet, runs since 2026-11-28T08:59:30Z (30s)\n"
          "    probe      HTTP 503\n"
          "    the last lines of its log:\n"
          "        warming up\n" },
        { "{'container':{'state':'backoff','started_at':null,'next_attempt_at':'2026-11-28T09:00:07.5Z'},'job':false,'attempts':3,'max_attempts':10,'stopping':null,"
          "'end':{'at':'2026-11-28T08:59:48Z','uptime':0.3,'by':'itself','cause':null,'words':'exited with status 1','memory_peak':100663296,"
          "'memory_peak_shared':false,'memory_max':536870912}}",
          "['panic: no such file']", NULL, false,
          "t: backoff\n"
          "    why        exited with status 1\n"
          "    ended      2026-11-28T08:59:48Z, 12s ago, after 300ms\n"
          "    memory     up to 96M of 512M\n"
          "    attempt    3 of 10\n"
          "    next try   in 8s, at 2026-11-28T09:00:07Z\n"
          "    the last lines of its log:\n"
          "        panic: no such file\n" },
        { "{'container':{'state':'failed'},'job':false,'attempts':2,'max_attempts':2,'end':{'at':'2026-11-28T08:59:48Z','uptime':0,'by':'itself',"
          "'words':'stack.yaml:13:48: start t: mount overlay: Invalid argument','step':'mount','hint':'see dmesg','memory_peak':null}}",
          "[]", NULL, false,
          "t: failed\n"
          "    why        stack.yaml:13:48: start t: mount overlay: Invalid argument\n"
          "    step       mount\n"
          "    hint       see dmesg\n"
          "    tried      2026-11-28T08:59:48Z, 12s ago\n"
          "    attempt    2 of 2, the last: ctrsup start begins anew\n" },
        { "{'container':{'state':'failed'},'job':true,'attempts':0,'max_attempts':null,'end':{'at':'2026-11-28T08:00:00Z','uptime':600,'by':'policy',"
          "'cause':'unhealthy','words':'killed by SIGTERM','probe':'connect: Connection refused','memory_peak':1048576,'memory_peak_shared':true,'memory_max':null}}",
          "[]", "logging.driver is none: nothing is kept", false,
          "t: failed\n"
          "    why        unhealthy, and taken down (killed by SIGTERM)\n"
          "    probe      connect: Connection refused\n"
          "    ended      2026-11-28T08:00:00Z, 1h 0m ago, after 10m\n"
          "    memory     no more than 1M\n"
          "    log        logging.driver is none: nothing is kept\n" },
        { "{'container':{'state':'stopped'},'job':false,'attempts':0,'end':{'at':'2026-11-28T08:00:00Z','uptime':60,'by':'stop','words':'exited with status 0'}}",
          "[]", NULL, false,
          "t: stopped\n"
          "    why        stopped by an operator (exited with status 0)\n"
          "    ended      2026-11-28T08:00:00Z, 1h 0m ago, after 1m\n" },
        { "{'container':{'state':'stopped'},'job':false,'attempts':0,'end':null}", "[]", NULL, false,
          "t: stopped\n"
          "    why        stopped by an operator\n" },
        { "{'container':{'state':'pending','message':'for api to be healthy'},'job':false,'attempts':0,'end':null}", "[]", NULL,
          false,
          "t: pending\n"
          "    waits      for api to be healthy\n" },
        { "{'container':{'state':'stopping'},'stopping':'replace','job':false,'attempts':0,'end':null}", "[]", NULL, false,
          "t: stopping\n"
          "    why        replaced, as an apply declared it anew\n" },
        { "{'container':{'state':'gone'},'attempts':0,'failed':'t: not ready within 2s','launched_at':'2026-11-28T08:00:00Z','end':null}", "['cold']", NULL, false,
          "t: gone, with the update that it made fail\n"
          "    why        not ready within 2s\n"
          "    the last lines of its log:\n"
          "        cold\n" },
        { "{'container':{'state':'backoff','next_attempt_at':'2026-11-28T09:00:00.1Z'},'attempts':0,'end':null}", "[]", NULL, false,
          "t: backoff\n"
          "    next try   in 100ms, at 2026-11-28T09:00:00Z\n" },
        { "{}", "[]", NULL, false, "t: ?\n" },
};

static void told_in_words(void **state _unused_) {
        for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
                json_t *e = json_of(cases[n].json), *lines = json_of(cases[n].lines);
                _cleanup_buf_ struct buf out = BUF_NULL;

                whyview_put(e, &(struct whyview){ .target = "t", .now_usec = NOW, .lines = lines, .no_lines = cases[n].no_lines },
                            &out);
                assert_string_equal(buf_text(&out), cases[n].text);
                assert_int_equal(whyview_is_fine(e), cases[n].fine);
                json_decref(e);
                json_decref(lines);
        }
}

/* A container's words do nothing to the terminal of who asks. */
static void lines_are_tamed(void **state _unused_) {
        json_t *e = json_of("{'container':{'state':'failed'}}"), *lines = json_pack("[s]", "\033]0;title\a\033[2Jx");
        _cleanup_buf_ struct buf out = BUF_NULL;

        whyview_put(e, &(struct whyview){ .target = "t", .now_usec = NOW, .lines = lines, .for_terminal = true }, &out);
        assert_null(strchr(buf_text(&out), '\a'));
        assert_null(strstr(buf_text(&out), "\033[2J"));
        json_decref(e);
        json_decref(lines);
}

/* The lines of the run that is explained, not those of the one before or after. */
static void spans(void **state _unused_) {
        static const struct {
                const char *json;
                bool any;
                int64_t since_msec, until_msec; /* from NOW; until 1: open */
        } spans_of[] = {
                { "{'container':{'state':'ready','started_at':'2026-11-28T08:59:00Z'},'end':null}", false, 0, 0 },
                { "{'container':{'state':'unhealthy','started_at':'2026-11-28T08:59:00Z'},'end':null}", true, -60050, 1 },
                { "{'container':{'state':'unhealthy','started_at':'2026-11-28T08:59:00Z'},'launched_at':'2026-11-28T08:58:59Z'}",
                  true, -61000, 1 },
                { "{'container':{'state':'backoff'},'end':{'at':'2026-11-28T08:59:50Z','launched_at':null,'uptime':5}}", true,
                  -15050, 1 },
                { "{'container':{'state':'backoff'},'end':{'at':'2026-11-28T08:59:50Z','launched_at':'2026-11-28T08:59:44Z','uptime':5}}",
                  true, -16000, 1 },
                { "{'container':{'state':'ready','started_at':'2026-11-28T08:59:55Z'},'end':{'at':'2026-11-28T08:59:50Z','uptime':5}}",
                  true, -15050, -5000 },
                { "{'container':{'state':'ready','started_at':'2026-11-28T08:59:55Z'},'launched_at':'2026-11-28T08:59:54Z','end':{'at':'2026-11-28T08:59:50Z','uptime':5}}",
                  true, -15050, -6000 },
                { "{'container':{'state':'failed'},'end':{'at':'2026-11-28T08:59:50Z','uptime':0,'step':'mount'}}", false, 0, 0 },
                { "{'container':{'state':'failed'},'end':{'at':'2026-11-28T08:59:50Z','launched_at':'2026-11-28T08:59:44Z','uptime':0,'step':'pre_start'}}", true,
                  -16000, 1 },
                { "{'container':{'state':'gone'},'launched_at':'2026-11-28T08:59:44Z','end':null}", true, -16000, 1 },
        };

        for (size_t n = 0; n < ARRAY_SIZE(spans_of); n++) {
                json_t *e = json_of(spans_of[n].json);
                uint64_t since, until;

                assert_int_equal(whyview_span(e, &since, &until), spans_of[n].any);
                if (spans_of[n].any) {
                        assert_int_equal((int64_t)(since - NOW), spans_of[n].since_msec * (int64_t)USEC_PER_MSEC);
                        if (spans_of[n].until_msec == 1)
                                assert_true(until == UINT64_MAX);
                        else
                                assert_int_equal((int64_t)(until - NOW), spans_of[n].until_msec * (int64_t)USEC_PER_MSEC);
                }
                json_decref(e);
        }
}

unit_main(cmocka_unit_test(told_in_words), cmocka_unit_test(lines_are_tamed), cmocka_unit_test(spans));
