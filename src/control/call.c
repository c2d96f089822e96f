/* One call, from the message to its last reply. */
#include "parts.h"

#include <string.h>

json_t *control_message(const char *error, json_t *parameters, bool continues) {
        json_t *message = json_object();

        if (!parameters)
                parameters = json_object();
        if (!message || !parameters || (error && json_object_set_new(message, "error", json_string(error)) < 0) ||
            json_object_set(message, "parameters", parameters) < 0 ||
            (continues && json_object_set_new(message, "continues", json_true()) < 0)) {
                json_decref(message);
                message = NULL;
        }
        json_decref(parameters);
        return message;
}

struct control_call *control_call_ref(struct control_call *c) {
        c->refs++;
        return c;
}

struct control_call *control_call_unref(struct control_call *c) {
        if (!c || --c->refs > 0)
                return NULL;
        if (!c->answered) {
                /* A client must not wait for ever because of our mistake. */
                c->refs++;
                (void)control_error(c, "Failed",
                                    json_pack("{s:s, s:n, s:n}", "message", "the supervisor gave no answer", "hint", "errno"));
                c->refs--;
        }
        if (c->connection->call == c)
                c->connection->call = NULL;
        connection_unref(c->connection);
        varlink_message_done(&c->message);
        free(c);
        return NULL;
}

const char *control_call_method(const struct control_call *c) {
        return c->method;
}
const struct control_peer *control_call_peer(const struct control_call *c) {
        return &c->connection->peer;
}
enum control_right control_call_right(const struct control_call *c) {
        return c->connection->right;
}
bool control_call_more(const struct control_call *c) {
        return c->more;
}
bool control_call_oneway(const struct control_call *c) {
        return c->oneway;
}
size_t control_call_n_fds(const struct control_call *c) {
        return c->message.n_fds;
}

bool control_call_is_open(const struct control_call *c) {
        return !c->answered && c->connection->server && !c->connection->doomed;
}

size_t control_call_queued(const struct control_call *c) {
        return c->connection->server ? varlink_wire_queued(&c->connection->wire) : 0;
}

int control_call_take_fd(struct control_call *c, size_t i) {
        return i < c->message.n_fds ? take_fd(&c->message.fds[i]) : -EBADF;
}

void control_call_on_disconnect(struct control_call *c, void (*callback)(struct control_call *c, void *userdata),
                                void *userdata) {
        c->on_disconnect = callback;
        c->disconnect_userdata = userdata;
}

/* The client may send its next call, or has sent it already. */
static void finish(struct control_call *c) {
        struct connection *connection = c->connection;

        c->answered = true;
        if (connection->call != c)
                return;
        connection->call = NULL;
        if (!connection->server || connection->doomed)
                return;
        (void)sd_event_source_set_enabled(connection->defer, SD_EVENT_ONESHOT);
        connection_update(connection, false);
}

/* Takes message; NULL: memory was out when it was made. */
static int answer(struct control_call *c, json_t *message, bool continues) {
        int r;

        if (c->answered)
                r = -EALREADY;
        else if (c->oneway)
                r = 0;
        else if (!message)
                r = -ENOMEM;
        else
                r = connection_send(c->connection, message);
        json_decref(message);
        /* Without memory for the answer there is none at all: then hang up, which a client understands. */
        if (r == -ENOMEM)
                connection_doom(c->connection);
        if (!c->answered && !continues)
                finish(c);
        return r;
}

int control_reply(struct control_call *c, json_t *parameters, bool continues) {
        if (continues && !c->more && !c->oneway) {
                json_decref(parameters);
                return -EPROTO;
        }
        return answer(c, control_message(NULL, parameters, continues), continues);
}

int control_error(struct control_call *c, const char *name, json_t *parameters) {
        char full[128];

        (void)snprintf(full, sizeof(full), "%s%s", strchr(name, '.') ? "" : CONTROL_INTERFACE ".", name);
        return answer(c, control_message(full, parameters, false), false);
}

int control_fail(struct control_call *c, const struct err *err) {
        json_t *parameters = json_object();

        /* A text that is no UTF-8 (a path may be anything) must not lose the whole answer. */
        json_t *message = json_string(err->text);
        (void)json_object_set_new(parameters, "message", message ? message : json_string("failed; the words are no UTF-8"));
        (void)json_object_set_new(parameters, "hint", err->hint[0] ? json_string(err->hint) : json_null());
        (void)json_object_set_new(parameters, "errno", err->code > 0 ? json_integer(err->code) : json_null());
        return control_error(c, "Failed", parameters);
}

int control_invalid_parameter(struct control_call *c, const char *parameter) {
        return control_error(c, "org.varlink.service.InvalidParameter", json_pack("{s:s}", "parameter", parameter));
}

static const struct control_method *find_method(const struct control_server *s, const char *name) {
        for (size_t i = 0; i < s->args.n_methods; i++)
                if (strcmp(s->args.methods[i].name, name) == 0)
                        return &s->args.methods[i];
        for (const struct control_method *m = service_methods; m->name; m++)
                if (strcmp(m->name, name) == 0)
                        return m;
        return NULL;
}

static void unknown_method(struct control_call *c) {
        const char *dot = strrchr(c->method, '.');
        size_t len = dot ? (size_t)(dot - c->method) : strlen(c->method);

        if ((len == strlen(CONTROL_INTERFACE) && strncmp(c->method, CONTROL_INTERFACE, len) == 0) ||
            (len == strlen("org.varlink.service") && strncmp(c->method, "org.varlink.service", len) == 0))
                (void)control_error(c, "org.varlink.service.MethodNotFound", json_pack("{s:s}", "method", c->method));
        else
                (void)control_error(c, "org.varlink.service.InterfaceNotFound", json_pack("{s:s%}", "interface", c->method, len));
}

json_t *control_refusal(const struct control_server *s, const struct control_peer *peer, const char *method) {
        char hint[ERR_HINT_MAX] = "", words[192];
        const char *dot = method ? strrchr(method, '.') : NULL;

        if (s->args.refused)
                s->args.refused(peer, method, hint, s->args.userdata);
        if (method)
                (void)snprintf(words, sizeof(words), "%s: permission denied: uid %u may only read", dot ? dot + 1 : method, peer->uid);
        else
                (void)snprintf(words, sizeof(words), "permission denied: uid %u may not use the supervisor", peer->uid);
        return json_pack("{s:s, s:s?}", "message", words, "hint", hint[0] ? hint : NULL);
}

static void run(struct control_call *c, json_t *parameters) {
        struct control_server *s = c->connection->server;
        const struct control_method *m = find_method(s, c->method);

        if (!m) {
                unknown_method(c);
                return;
        }
        c->needs = m->right;
        if (c->connection->right < m->right) {
                (void)control_error(c, "NotPermitted", control_refusal(s, &c->connection->peer, c->method));
                return;
        }
        int r = m->handler(c, parameters, s->args.userdata);
        if (r < 0 && !c->answered) {
                struct err err = { 0 };

                err_sys(&err, -r, "%s", c->method);
                (void)control_fail(c, &err);
        }
}

void call_dispatch(struct connection *connection, struct varlink_message *message) {
        _cleanup_control_call_ struct control_call *c = calloc(1, sizeof(*c));
        const char *wrong = NULL;

        if (!c) {
                connection_doom(connection);
                return;
        }
        *c = (struct control_call){ .refs = 1, .connection = connection_ref(connection), .message = *message };
        *message = VARLINK_MESSAGE_NULL;

        json_t *object = c->message.object, *parameters = json_object_get(object, "parameters"),
               *method = json_object_get(object, "method");
        json_t *more = json_object_get(object, "more"), *oneway = json_object_get(object, "oneway");
        c->more = json_is_true(more);
        c->oneway = json_is_true(oneway);
        if (!c->oneway)
                connection->call = c;
        if (!json_is_string(method))
                wrong = "method";
        else if (parameters && !json_is_object(parameters))
                wrong = "parameters";
        else if ((more && !json_is_boolean(more)) || (c->more && c->oneway))
                wrong = "more";
        else if (oneway && !json_is_boolean(oneway))
                wrong = "oneway";
        else if (json_is_true(json_object_get(object, "upgrade")))
                wrong = "upgrade";
        if (wrong) {
                (void)control_invalid_parameter(c, wrong);
                return;
        }
        c->method = json_string_value(method);
        if (!parameters) {
                parameters = json_object();
                if (!parameters || json_object_set_new(object, "parameters", parameters) < 0) {
                        (void)answer(c, NULL, false);
                        return;
                }
        }
        run(c, parameters);
}
