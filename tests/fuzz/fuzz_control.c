/* Any bytes, in any pieces, from a reader and from an admin: no handler beyond the right is ever reached, each is answered once or
 * hung up on, and nothing is left. The first byte chooses who it is and how long the pieces are.
 */
#include <ctrsup/control/server.h>

#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fuzz {
        enum control_right right;
        struct control_call *kept;
} fuzz;

static void require(bool condition) {
        if (!condition)
                __builtin_trap();
}

static int look(struct control_call *c, json_t *parameters, void *userdata) {
        (void)userdata;
        require(json_is_object(parameters));
        return control_reply(c, json_incref(parameters), false);
}

static int change(struct control_call *c, json_t *parameters, void *userdata) {
        require(fuzz.right == CONTROL_ADMIN && control_call_right(c) == CONTROL_ADMIN);
        return look(c, parameters, userdata);
}

static int follow(struct control_call *c, json_t *parameters, void *userdata) {
        (void)parameters;
        (void)userdata;
        control_call_unref(fuzz.kept);
        fuzz.kept = control_call_ref(c);
        for (int i = 0; control_call_more(c) && i < 3; i++)
                (void)control_reply(c, json_pack("{s:i}", "i", i), true);
        return 0;
}

static int fail(struct control_call *c, json_t *parameters, void *userdata) {
        (void)userdata;
        return json_object_size(parameters) ? -EXDEV : control_invalid_parameter(c, "a");
}

static int take(struct control_call *c, json_t *parameters, void *userdata) {
        (void)userdata;
        (void)close(control_call_take_fd(c, json_object_size(parameters)));
        return 0; /* no answer: the server gives one */
}

static const struct control_method methods[] = {
        { CONTROL_METHOD("Status"), look, CONTROL_READ },   { CONTROL_METHOD("Stop"), change, CONTROL_ADMIN },
        { CONTROL_METHOD("Events"), follow, CONTROL_READ }, { CONTROL_METHOD("Why"), fail, CONTROL_READ },
        { CONTROL_METHOD("Exec"), take, CONTROL_READ },
};

static enum control_right rights(const struct control_peer *peer, void *userdata) {
        (void)peer;
        (void)userdata;
        return fuzz.right;
}

static void refused(const struct control_peer *peer, const char *method, char hint[ERR_HINT_MAX], void *userdata) {
        (void)peer;
        (void)userdata;
        require(method && fuzz.right == CONTROL_READ);
        hint[0] = 'x';
        hint[1] = '\0';
}

static void settle(sd_event *event) {
        for (int i = 0; i < 1000 && sd_event_run(event, 0) > 0; i++)
                ;
}

static void play(struct control_server *s, sd_event *event, const uint8_t *data, size_t size, size_t piece) {
        char answers[65536];
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0 ||
            control_server_add_client(s, fds[0], NULL) < 0)
                abort();
        for (size_t at = 0; at < size;) {
                ssize_t n = send(fds[1], data + at, size - at < piece ? size - at : piece, MSG_NOSIGNAL);

                if (n <= 0)
                        break;
                at += (size_t)n;
                settle(event);
                for (ssize_t got; (got = recv(fds[1], answers, sizeof(answers), 0)) > 0;)
                        require(answers[0] != '\0');
                if (fuzz.kept && at % 3 == 0) {
                        (void)control_reply(fuzz.kept, NULL, false);
                        fuzz.kept = control_call_unref(fuzz.kept);
                }
        }
        (void)close(fds[1]);
        settle(event);
        require(control_server_n_clients(s) == 0);
        fuzz.kept = control_call_unref(fuzz.kept);
        require(control_server_is_idle(s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct control_server_args args = {
                .methods = methods, .n_methods = ARRAY_SIZE(methods), .rights = rights, .refused = refused
        };
        struct control_server *s = NULL;

        if (size < 2 || size > 32 * 1024)
                return 0;
        fuzz.right = data[0] & 1 ? CONTROL_ADMIN : CONTROL_READ;
        if (sd_event_new(&args.event) < 0 || control_server_new(&args, &s, NULL) < 0)
                abort();
        play(s, args.event, data + 1, size - 1, (size_t)(data[0] >> 1) * 8 + 1);
        control_server_free(s);
        sd_event_unref(args.event);
        return 0;
}
