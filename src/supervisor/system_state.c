#include "system_state.h"

#include <stdbool.h>
#include <stdlib.h>
#include <systemd/sd-bus.h>

#define ADDRESS "unix:path=/run/systemd/private"

struct system_query {
        sd_bus *bus;
        sd_event_source *timer;
        void (*answer)(const char *state, void *userdata);
        void *userdata;
        bool answered;
};

static void answer(struct system_query *q, const char *state) {
        if (q->answered)
                return;
        q->answered = true;
        (void)sd_event_source_set_enabled(q->timer, SD_EVENT_OFF);
        q->answer(state, q->userdata);
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error _unused_) {
        const char *state = NULL;

        if (sd_bus_message_is_method_error(reply, NULL) || sd_bus_message_read(reply, "v", "s", &state) < 0)
                state = NULL;
        answer(userdata, state);
        return 0;
}

static int on_timeout(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        answer(userdata, NULL);
        return 0;
}

struct system_query *system_query_free(struct system_query *q) {
        if (!q)
                return NULL;
        sd_event_source_disable_unref(q->timer);
        sd_bus_close_unref(q->bus);
        free(q);
        return NULL;
}

static int ask(struct system_query *q, sd_event *event) {
        int r = sd_event_add_time_relative(event, &q->timer, CLOCK_MONOTONIC, SYSTEM_STATE_USEC, 1000, on_timeout, q);

        if (r >= 0)
                r = sd_bus_new(&q->bus);
        if (r >= 0)
                r = sd_bus_set_address(q->bus, ADDRESS);
        if (r >= 0)
                r = sd_bus_start(q->bus);
        if (r >= 0)
                r = sd_bus_attach_event(q->bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_call_method_async(q->bus, NULL, NULL, "/org/freedesktop/systemd1", "org.freedesktop.DBus.Properties", "Get",
                                             on_reply, q, "ss", "org.freedesktop.systemd1.Manager", "SystemState");
        return r;
}

int system_state_ask(sd_event *event, void (*on_answer)(const char *state, void *userdata), void *userdata, struct system_query **ret,
                     struct err *err) {
        struct system_query *q = calloc(1, sizeof(*q));

        if (!q)
                return err_oom(err);
        *q = (struct system_query){ .answer = on_answer, .userdata = userdata };
        int r = ask(q, event);
        if (r < 0) {
                system_query_free(q);
                return err_sys(err, -r, "ask systemd for the state of the system");
        }
        *ret = q;
        return 0;
}
