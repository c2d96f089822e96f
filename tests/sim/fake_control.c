/* The control socket's far side: methods are called as the server would, and their answers land in the driver. */
#include "sim.h"

#include <ctrsup/control/server.h>

#include <stdlib.h>
#include <string.h>

struct control_server {
        const struct control_method *methods;
        size_t n_methods;
        void *userdata;
};

struct control_call {
        unsigned refs;
        bool more, answered;
        struct call *out; /* the driver's */
        void (*on_disconnect)(struct control_call *c, void *userdata);
        void *userdata;
};

static struct control_server *serving;

int control_server_new(const struct control_server_args *args, struct control_server **ret, struct err *err) {
        (void)err;
        *ret = calloc(1, sizeof(**ret));
        **ret = (struct control_server){ .methods = args->methods, .n_methods = args->n_methods, .userdata = args->userdata };
        serving = *ret;
        return 0;
}

struct control_server *control_server_free(struct control_server *s) {
        if (s == serving)
                serving = NULL;
        free(s);
        return NULL;
}

int control_server_listen(struct control_server *s, const char *path, gid_t group, struct err *err) {
        (void)s;
        (void)path;
        (void)group;
        return world_seam() ? 0 : err_set(err, EIO, "killed");
}

int control_server_listen_fd(struct control_server *s, int fd, struct err *err) {
        (void)fd;
        return control_server_listen(s, NULL, 0, err);
}

int control_server_permit(struct control_server *s, const gid_t *groups, size_t n_groups, struct err *err) {
        (void)s;
        (void)groups;
        (void)n_groups;
        (void)err;
        return 0;
}

void control_server_review(struct control_server *s, const struct control_call *asking) {
        (void)s;
        (void)asking;
}

void control_server_set_max_clients(struct control_server *s, size_t n) {
        (void)s;
        (void)n;
}

size_t control_server_n_clients(const struct control_server *s) {
        (void)s;
        return 1;
}

bool control_server_is_idle(const struct control_server *s) {
        (void)s;
        return true;
}

bool control_peer_in_group(const struct control_peer *p, gid_t gid) {
        (void)p;
        (void)gid;
        return false;
}

void control_make_call(const char *method, json_t *parameters, bool more, struct call *out) {
        char name[128];

        (void)snprintf(name, sizeof(name), CONTROL_INTERFACE ".%s", method);
        out->state = CALL_OPEN;
        for (size_t n = 0; serving && n < serving->n_methods; n++) {
                const struct control_method *m = &serving->methods[n];

                if (strcmp(m->name, name) != 0)
                        continue;
                struct control_call *c = calloc(1, sizeof(*c));
                *c = (struct control_call){ .refs = 1, .more = more, .out = out };
                int r = m->handler(c, parameters, serving->userdata);
                if (r < 0 && !c->answered)
                        (void)control_error(c, "Failed", NULL);
                control_call_unref(c);
        }
        json_decref(parameters);
}

struct control_call *control_call_ref(struct control_call *c) {
        c->refs++;
        return c;
}

struct control_call *control_call_unref(struct control_call *c) {
        if (!c || --c->refs > 0)
                return NULL;
        if (!c->answered && !world.ghost)
                c->out->state = CALL_DROPPED;
        free(c);
        return NULL;
}

const char *control_call_method(const struct control_call *c) {
        (void)c;
        return "";
}

const struct control_peer *control_call_peer(const struct control_call *c) {
        static const struct control_peer root = { .pid = 1 };

        (void)c;
        return &root;
}

enum control_right control_call_right(const struct control_call *c) {
        (void)c;
        return CONTROL_ADMIN;
}

bool control_call_more(const struct control_call *c) { return c->more; }
bool control_call_is_open(const struct control_call *c) { return !c->answered; }

size_t control_call_queued(const struct control_call *c) {
        (void)c;
        return 0;
}

int control_call_take_fd(struct control_call *c, size_t i) {
        (void)c;
        (void)i;
        return -EBADF;
}

void control_call_on_disconnect(struct control_call *c, void (*callback)(struct control_call *c, void *userdata), void *userdata) {
        c->on_disconnect = callback;
        c->userdata = userdata;
}

static int reply(struct control_call *c, const char *error, json_t *parameters, bool continues) {
        int r = 0;

        if (!world_seam())
                r = -ENOTCONN;
        else if (c->answered)
                r = -EALREADY;
        else if (!continues) {
                const char *outcome = json_string_value(json_object_get(json_object_get(parameters, "result"), "outcome"));
                _cleanup_free_ char *text = error && parameters ? json_dumps(parameters, JSON_COMPACT) : NULL;

                c->answered = true;
                c->out->state = error ? CALL_FAILED : CALL_DONE;
                (void)snprintf(c->out->words, sizeof(c->out->words), "%s %s", error ? error : outcome ? outcome : "", text ? text : "");
        } else
                c->out->accepted = true;
        json_decref(parameters);
        return r;
}

int control_reply(struct control_call *c, json_t *parameters, bool continues) { return reply(c, NULL, parameters, continues); }
int control_error(struct control_call *c, const char *name, json_t *parameters) { return reply(c, name, parameters, false); }
int control_fail(struct control_call *c, const struct err *err) { return reply(c, "Failed", json_pack("{s:s}", "message", err->text), false); }
int control_invalid_parameter(struct control_call *c, const char *parameter) {
        return reply(c, "InvalidParameter", json_pack("{s:s}", "parameter", parameter), false);
}
