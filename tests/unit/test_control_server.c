/* The server and its clients in one process: the loop is stepped by hand between what the clients do. */
#include "unit.h"

#include <control/parts.h>
#include <ctrsup/control/client.h>
#include <ctrsup/control/server.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>

struct fixture {
        sd_event *event;
        struct control_server *server;
        enum control_right right;
        struct control_call *kept;
        int disconnects, handled, last_fd_readable;
        char refused[64];
        size_t fds_before;
};

static size_t count_fds(void) {
        size_t n = 0;

        for (int fd = 0; fd < 1024; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

static void on_disconnect(struct control_call *c _unused_, void *userdata) {
        struct fixture *f = userdata;

        f->disconnects++;
}

static int echo(struct control_call *c, json_t *parameters, void *userdata) {
        struct fixture *f = userdata;

        f->handled++;
        return control_reply(c, json_incref(parameters), false);
}

static int keep(struct control_call *c, json_t *parameters _unused_, void *userdata) {
        struct fixture *f = userdata;

        f->kept = control_call_ref(c);
        control_call_on_disconnect(c, on_disconnect, f);
        return 0;
}

static int count_up(struct control_call *c, json_t *parameters, void *userdata _unused_) {
        json_int_t n = json_integer_value(json_object_get(parameters, "n"));

        for (json_int_t i = 1; i <= n; i++) {
                int r = control_reply(c, json_pack("{s:I}", "i", i), i < n);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int forget(struct control_call *c _unused_, json_t *parameters _unused_, void *userdata _unused_) {
        return 0;
}
static int refuse_it(struct control_call *c _unused_, json_t *parameters _unused_, void *userdata _unused_) {
        return -EXDEV;
}

static int words(struct control_call *c, json_t *parameters _unused_, void *userdata _unused_) {
        struct err err = { 0 };

        err_sys(&err, ENOENT, "layer %s", "/srv/\xff");
        return control_fail(c, &err);
}

static int use_fd(struct control_call *c, json_t *parameters _unused_, void *userdata) {
        struct fixture *f = userdata;
        _cleanup_fd_ int fd = control_call_take_fd(c, 1);
        char byte = 0;

        f->last_fd_readable = read(fd, &byte, 1) == 1 && byte == '!';
        assert_int_equal(control_call_take_fd(c, 1), -EBADF);
        assert_int_equal(control_call_take_fd(c, 9), -EBADF);
        return control_reply(c, json_pack("{s:i}", "n", (int)control_call_n_fds(c)), false);
}

static int big(struct control_call *c, json_t *parameters, void *userdata _unused_) {
        static char text[512 * 1024 + 1];
        json_int_t n = json_integer_value(json_object_get(parameters, "n"));
        int r = 0;

        memset(text, 'x', sizeof(text) - 1);
        for (json_int_t i = 1; r == 0 && i <= n; i++)
                r = control_reply(c, json_pack("{s:s}", "text", text), i < n);
        return r;
}

static const struct control_method methods[] = {
        { CONTROL_METHOD("Echo"), echo, CONTROL_READ },      { CONTROL_METHOD("Keep"), keep, CONTROL_READ },
        { CONTROL_METHOD("Count"), count_up, CONTROL_READ }, { CONTROL_METHOD("Forget"), forget, CONTROL_READ },
        { CONTROL_METHOD("Fail"), refuse_it, CONTROL_READ }, { CONTROL_METHOD("Words"), words, CONTROL_READ },
        { CONTROL_METHOD("Admin"), echo, CONTROL_ADMIN },    { CONTROL_METHOD("Fd"), use_fd, CONTROL_READ },
        { CONTROL_METHOD("Big"), big, CONTROL_READ },        { CONTROL_METHOD("Watch"), keep, CONTROL_ADMIN },
};

static enum control_right rights(const struct control_peer *peer, void *userdata) {
        const struct fixture *f = userdata;

        assert_int_equal(peer->uid, geteuid());
        assert_int_equal(peer->pid, getpid());
        assert_true(control_peer_in_group(peer, getegid()));
        assert_false(control_peer_in_group(peer, 4242424));
        return f->right;
}

static void refused(const struct control_peer *peer, const char *method, char hint[ERR_HINT_MAX], void *userdata) {
        struct fixture *f = userdata;

        assert_int_equal(peer->pid, getpid());
        (void)snprintf(f->refused, sizeof(f->refused), "%s", method ? method : "all");
        (void)snprintf(hint, ERR_HINT_MAX, "be somebody");
}

static int set_up_with(struct fixture *f, struct control_server_args args) {
        *f = (struct fixture){ .right = CONTROL_ADMIN, .fds_before = count_fds() };
        assert_int_equal(sd_event_new(&f->event), 0);
        args.event = f->event;
        args.methods = methods;
        args.n_methods = ARRAY_SIZE(methods);
        args.rights = rights;
        args.refused = refused;
        args.userdata = f;
        assert_int_equal(control_server_new(&args, &f->server, NULL), 0);
        return 0;
}

static void set_up(struct fixture *f) {
        set_up_with(f, (struct control_server_args){ 0 });
}

static void tear_down(struct fixture *f) {
        f->kept = control_call_unref(f->kept);
        f->server = control_server_free(f->server);
        f->event = sd_event_unref(f->event);
        assert_int_equal(count_fds(), f->fds_before);
}

/* Runs the loop until nothing is ready. */
static void settle(struct fixture *f) {
        while (sd_event_run(f->event, 0) > 0)
                ;
}

/* A connected socket; what is sent on it is the test's business. */
static int dial(struct fixture *f) {
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        (void)control_server_add_client(f->server, fds[0], NULL);
        return fds[1];
}

static void say(int fd, const char *text) {
        assert_int_equal(send(fd, text, strlen(text) + 1, MSG_NOSIGNAL), strlen(text) + 1);
}

/* The next reply as text (without its NUL), "" when there is none, "EOF" at the end. */
static const char *hear(struct fixture *f, int fd) {
        static char text[4096];
        size_t n = 0;

        settle(f);
        for (; n < sizeof(text) - 1; n++) {
                ssize_t r = recv(fd, text + n, 1, MSG_DONTWAIT);

                if (r <= 0 && n == 0)
                        return r == 0 || errno == ECONNRESET ? "EOF" : "";
                assert_int_equal(r, 1);
                if (text[n] == '\0')
                        return text;
        }
        fail_msg("a reply without an end");
        return NULL;
}

#define CALL(name, rest) "{\"method\":\"io.ctrsup.Manager." name "\"" rest "}"

/* A call is answered with what the handler replied. */
static void a_call_is_answered(void **state _unused_) {
        struct fixture f;

        set_up(&f);
        int fd = dial(&f);
        say(fd, CALL("Echo", ",\"parameters\":{\"a\":[1,2]}"));
        assert_string_equal(hear(&f, fd), "{\"parameters\":{\"a\":[1,2]}}");
        say(fd, CALL("Echo", ""));
        assert_string_equal(hear(&f, fd), "{\"parameters\":{}}");
        assert_true(control_server_is_idle(f.server));
        close_fd(fd);
        settle(&f);
        assert_int_equal(control_server_n_clients(f.server), 0);
        tear_down(&f);
}

/* Replies to a call with "more" come in order, all but the last with "continues"; without it a second reply is refused. */
static void more_gets_several(void **state _unused_) {
        struct fixture f;

        set_up(&f);
        int fd = dial(&f);
        say(fd, CALL("Count", ",\"parameters\":{\"n\":3},\"more\":true"));
        assert_string_equal(hear(&f, fd), "{\"parameters\":{\"i\":1},\"continues\":true}");
        assert_string_equal(hear(&f, fd), "{\"parameters\":{\"i\":2},\"continues\":true}");
        assert_string_equal(hear(&f, fd), "{\"parameters\":{\"i\":3}}");
        say(fd, CALL("Count", ",\"parameters\":{\"n\":2}"));
        assert_non_null(strstr(hear(&f, fd), "io.ctrsup.Manager.Failed"));
        close_fd(fd);
        tear_down(&f);
}

/* A kept call is answered from later; the next one waits for that; an answer cannot be given twice. */
static void an_answer_may_come_later(void **state _unused_) {
        struct fixture f;

        set_up(&f);
        int fd = dial(&f);
        say(fd, CALL("Keep", ",\"more\":true"));
        say(fd, CALL("Echo", ",\"parameters\":{\"second\":2}"));
        assert_string_equal(hear(&f, fd), "");
        assert_int_equal(f.handled, 0);
        assert_true(control_call_is_open(f.kept));
        assert_true(control_call_more(f.kept));
        assert_string_equal(control_call_method(f.kept), "io.ctrsup.Manager.Keep");
        assert_int_equal(control_call_peer(f.kept)->uid, geteuid());
        assert_int_equal(control_call_right(f.kept), CONTROL_ADMIN);
        assert_false(control_server_is_idle(f.server));
        assert_int_equal(control_reply(f.kept, json_pack("{s:i}", "first", 1), true), 0);
        assert_string_equal(hear(&f, fd), "{\"parameters\":{\"first\":1},\"continues\":true}");
        assert_int_equal(control_reply(f.kept, NULL, false), 0);
        assert_false(control_call_is_open(f.kept));
        assert_int_equal(control_reply(f.kept, NULL, false), -EALREADY);
        assert_string_equal(hear(&f, fd), "{\"parameters\":{}}");
        assert_string_equal(hear(&f, fd), "{\"parameters\":{\"second\":2}}");
        close_fd(fd);
        settle(&f);
        assert_int_equal(f.disconnects, 0); /* answered before it went */
        tear_down(&f);
}

/* The client goes in the middle of a call: the callback runs once, later replies say that nobody is there. */
static void a_disconnect_is_told(void **state _unused_) {
        struct fixture f;

        set_up(&f);
        int fd = dial(&f);
        say(fd, CALL("Keep", ""));
        settle(&f);
        close_fd(fd);
        settle(&f);
        assert_int_equal(f.disconnects, 1);
        assert_int_equal(control_server_n_clients(f.server), 0);
        assert_false(control_call_is_open(f.kept));
        assert_int_equal(control_reply(f.kept, NULL, false), -ENOTCONN);
        assert_int_equal(control_call_queued(f.kept), 0);
        assert_int_equal(control_call_peer(f.kept)->uid, geteuid());
        tear_down(&f);
        assert_int_equal(f.disconnects, 1);

        /* and when it is the server that goes */
        set_up(&f);
        fd = dial(&f);
        say(fd, CALL("Keep", ""));
        settle(&f);
        f.server = control_server_free(f.server);
        assert_int_equal(f.disconnects, 1);
        close_fd(fd);
        tear_down(&f);
}

/* A oneway call is run and not answered; the next is not held up by it, even when the handler keeps it. */
static void oneway_is_silent(void **state _unused_) {
        struct fixture f;

        set_up(&f);
        int fd = dial(&f);
        say(fd, CALL("Echo", ",\"oneway\":true"));
        say(fd, CALL("Forget", ",\"oneway\":true"));
        say(fd, CALL("Keep", ",\"oneway\":true"));
        say(fd, CALL("Echo", ",\"parameters\":{\"x\":1}"));
        assert_string_equal(hear(&f, fd), "{\"parameters\":{\"x\":1}}");
        assert_int_equal(f.handled, 2);
        assert_int_equal(control_reply(f.kept, NULL, false), 0);
        assert_string_equal(hear(&f, fd), "");
        close_fd(fd);
        tear_down(&f);
}

/* Two oneway calls and a hang-up in one go: both are run. */
static void what_was_sent_before_the_end_counts(void **state _unused_) {
        struct fixture f;

        set_up(&f);
        int fd = dial(&f);
        say(fd, CALL("Echo", ",\"oneway\":true"));
        say(fd, CALL("Echo", ",\"oneway\":true"));
        close_fd(fd);
        settle(&f);
        assert_int_equal(f.handled, 2);
        assert_int_equal(control_server_n_clients(f.server), 0);
        tear_down(&f);
}

/* Who only closes its writing side still gets every answer, then the end. */
static void half_closed_is_answered(void **state _unused_) {
        struct fixture f;

        set_up(&f);
        int fd = dial(&f);
        say(fd, CALL("Echo", ""));
        say(fd, CALL("Keep", ""));
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        assert_string_equal(hear(&f, fd), "{\"parameters\":{}}");
        assert_string_equal(hear(&f, fd), "");
        assert_int_equal(f.disconnects, 0);
        assert_int_equal(control_reply(f.kept, NULL, false), 0);
        assert_string_equal(hear(&f, fd), "{\"parameters\":{}}");
        assert_string_equal(hear(&f, fd), "EOF");
        close_fd(fd);
        tear_down(&f);
}

/* Every way a call can be wrong has its error; the connection goes on after a call that is only wrong in content. */
static void wrong_calls_get_their_error(void **state _unused_) {
        static const struct {
                const char *call, *error;
        } wrong[] = {
                { "{}", "{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":\"method\"}}" },
                { "{\"method\":1}",
                  "{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":\"method\"}}" },
                { CALL("Echo", ",\"parameters\":[]"),
                  "{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":\"parameters\"}}" },
                { CALL("Echo", ",\"more\":1"),
                  "{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":\"more\"}}" },
                { CALL("Echo", ",\"upgrade\":true"),
                  "{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":\"upgrade\"}}" },
                { CALL("Nope", ""),
                  "{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{\"method\":\"io.ctrsup.Manager.Nope\"}}" },
                { "{\"method\":\"a.b.C\"}",
                  "{\"error\":\"org.varlink.service.InterfaceNotFound\",\"parameters\":{\"interface\":\"a.b\"}}" },
                { "{\"method\":\"x\"}",
                  "{\"error\":\"org.varlink.service.InterfaceNotFound\",\"parameters\":{\"interface\":\"x\"}}" },
                { CALL("Forget", ""),
                  "{\"error\":\"io.ctrsup.Manager.Failed\",\"parameters\":{\"message\":\"the supervisor gave no answer\",\"hint\":null,\"errno\":null}}" },
                { CALL("Fail", ""),
                  "{\"error\":\"io.ctrsup.Manager.Failed\",\"parameters\":{\"message\":\"io.ctrsup.Manager.Fail: Invalid cross-device link\",\"hint\":null,\"errno\":18}}" },
                { CALL("Words", ""),
                  "{\"error\":\"io.ctrsup.Manager.Failed\",\"parameters\":{\"message\":\"failed; the words are no UTF-8\",\"hint\":null,\"errno\":2}}" },
        };
        struct fixture f;

        set_up(&f);
        int fd = dial(&f);
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                say(fd, wrong[i].call);
                assert_string_equal(hear(&f, fd), wrong[i].error);
        }
        close_fd(fd);
        /* What is no message ends the connection, in words. */
        fd = dial(&f);
        say(fd, "{\"method\":");
        assert_non_null(strstr(hear(&f, fd), "message is no JSON"));
        assert_string_equal(hear(&f, fd), "EOF");
        close_fd(fd);
        tear_down(&f);
}

/* The service interface names both interfaces and gives our text as it is reviewed. */
static void describes_itself(void **state _unused_) {
        struct fixture f;
        int fds[2];

        set_up(&f);
        int fd = dial(&f);
        say(fd, "{\"method\":\"org.varlink.service.GetInfo\"}");
        assert_non_null(strstr(hear(&f, fd), "\"interfaces\":[\"org.varlink.service\",\"io.ctrsup.Manager\"]"));
        say(fd, "{\"method\":\"org.varlink.service.GetInterfaceDescription\",\"parameters\":{\"interface\":\"a.b\"}}");
        assert_non_null(strstr(hear(&f, fd), "InterfaceNotFound"));
        say(fd, "{\"method\":\"org.varlink.service.GetInterfaceDescription\"}");
        assert_non_null(strstr(hear(&f, fd), "InvalidParameter"));
        close_fd(fd);

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        assert_int_equal(control_server_add_client(f.server, fds[0], NULL), 0);
        struct varlink_wire wire;
        struct varlink_message m;
        varlink_wire_init(&wire, fds[1], VARLINK_MAX_REPLY);
        json_t *call = json_pack("{s:s, s:{s:s}}", "method", "org.varlink.service.GetInterfaceDescription", "parameters",
                                 "interface", CONTROL_INTERFACE);
        assert_int_equal(varlink_wire_put(&wire, call, NULL, 0, NULL), 0);
        json_decref(call);
        assert_int_equal(varlink_wire_flush(&wire, NULL), 0);
        settle(&f);
        assert_int_equal(varlink_wire_read(&wire, NULL), 0);
        assert_int_equal(varlink_wire_take(&wire, &m, NULL), 1);
        const char *text = json_string_value(json_object_get(json_object_get(m.object, "parameters"), "description"));
        assert_non_null(strstr(text, "interface io.ctrsup.Manager\n"));
        assert_non_null(strstr(text, "method Apply("));
        varlink_message_done(&m);
        varlink_wire_done(&wire);
        tear_down(&f);
}

/* Nobody without rights gets as far as a message; a reader's calls are short, and are not those of an admin. */
static void rights_come_first(void **state _unused_) {
        _cleanup_free_ char *long_call = calloc(1, CONTROL_READER_MAX_CALL * 2);
        struct fixture f;

        set_up(&f);
        f.right = CONTROL_NONE;
        int fd = dial(&f);
        assert_int_equal(control_server_n_clients(f.server), 0);
        (void)send(fd, CALL("Echo", ""), 40, MSG_NOSIGNAL);
        assert_string_equal(hear(&f, fd), "{\"error\":\"io.ctrsup.Manager.NotPermitted\",\"parameters\":{\"message\":\"permission denied: uid 0 "
                                          "may not use the supervisor\",\"hint\":\"be somebody\"}}");
        assert_string_equal(f.refused, "all");
        assert_string_equal(hear(&f, fd), "EOF");
        assert_int_equal(f.handled, 0);
        close_fd(fd);

        f.right = CONTROL_READ;
        fd = dial(&f);
        say(fd, CALL("Admin", ",\"parameters\":{\"nonsense\":1}"));
        assert_string_equal(hear(&f, fd), "{\"error\":\"io.ctrsup.Manager.NotPermitted\",\"parameters\":{\"message\":\"Admin: permission denied: "
                                          "uid 0 may only read\",\"hint\":\"be somebody\"}}");
        assert_string_equal(f.refused, "io.ctrsup.Manager.Admin");
        assert_int_equal(f.handled, 0);
        memset(long_call, ' ', CONTROL_READER_MAX_CALL * 2 - 1);
        assert_true(send(fd, long_call, CONTROL_READER_MAX_CALL * 2, MSG_NOSIGNAL | MSG_DONTWAIT) > CONTROL_READER_MAX_CALL);
        assert_non_null(strstr(hear(&f, fd), "longer than 65536 bytes"));
        assert_string_equal(hear(&f, fd), "EOF");
        close_fd(fd);
        tear_down(&f);
}

/* When the rights change, so do those of who is there: a call that its client may not make any more ends, but not the one that
 * changed them. */
static void rights_are_reviewed(void **state _unused_) {
        struct fixture f;

        set_up(&f);
        int admin = dial(&f), idle = dial(&f), waiting = dial(&f);
        say(waiting, CALL("Watch", ""));
        settle(&f);
        struct control_call *old = f.kept;
        say(admin, CALL("Watch", ""));
        settle(&f);
        f.right = CONTROL_READ;
        control_server_review(f.server, f.kept);
        settle(&f);
        assert_int_equal(control_server_n_clients(f.server), 2);
        assert_string_equal(hear(&f, waiting), "EOF");
        assert_int_equal(control_reply(f.kept, NULL, false), 0);
        assert_string_equal(hear(&f, admin), "{\"parameters\":{}}");
        say(admin, CALL("Admin", ""));
        assert_non_null(strstr(hear(&f, admin), "NotPermitted"));
        say(idle, CALL("Echo", ""));
        assert_string_equal(hear(&f, idle), "{\"parameters\":{}}");
        f.right = CONTROL_NONE;
        control_server_review(f.server, NULL);
        settle(&f);
        assert_int_equal(control_server_n_clients(f.server), 0);
        control_call_unref(old);
        close_fd(admin);
        close_fd(idle);
        close_fd(waiting);
        tear_down(&f);
}

/* A method of which it is not said who may call it is nobody's, and a mistake. */
static void every_method_has_a_right(void **state _unused_) {
        static const struct control_method open[] = { { CONTROL_METHOD("Echo"), echo, CONTROL_NONE } };
        struct control_server_args args = { .methods = open, .n_methods = 1, .rights = rights };
        struct control_server *s = NULL;
        struct err err = { 0 };

        assert_int_equal(control_server_new(&args, &s, &err), -EINVAL);
        assert_string_equal(err.text, "io.ctrsup.Manager.Echo: it is not said who may call it");
}

static bool has_acl(const char *path) {
        return getxattr(path, "system.posix_acl_access", NULL, 0) > 0;
}

/* Who can connect at all: the first group by the file's own, others by an ACL; nothing is left of those that were. */
static void groups_may_connect(void **state _unused_) {
        char top[] = "/tmp/ctrsup-unit-XXXXXX", path[96];
        const gid_t groups[] = { 64990, 64991, 64990, 64992 };
        struct err err = { 0 };
        struct fixture f;
        struct stat st;

        if (geteuid() != 0)
                skip();
        assert_non_null(mkdtemp(top));
        (void)snprintf(path, sizeof(path), "%s/s", top);
        set_up(&f);
        assert_int_equal(control_server_listen(f.server, path, (gid_t)-1, &err), 0);
        int r = control_server_permit(f.server, groups, ARRAY_SIZE(groups), &err);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0660);
        assert_int_equal(st.st_gid, 64990);
        if (r == -EOPNOTSUPP) {
                assert_non_null(strstr(err.text, "let 4 groups connect by an ACL"));
        } else {
                assert_int_equal(r, 0);
                assert_true(has_acl(path));
        }
        assert_int_equal(control_server_permit(f.server, groups + 1, 1, &err), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0660);
        assert_int_equal(st.st_gid, 64991);
        assert_false(has_acl(path));
        assert_int_equal(control_server_permit(f.server, NULL, 0, &err), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(unlink(path), 0);
        close_fd(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        assert_int_equal(control_server_permit(f.server, groups, 1, &err), -EPERM);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_gid, getegid());
        tear_down(&f);
        assert_int_equal(rmdir(top), 0);
}

/* How many fit: all together, of one uid, and some places that only root gets. */
static void room_is_bounded(void **state _unused_) {
        struct control_server_args args = { .max_clients = 64, .max_per_uid = 8 };

        assert_true(control_has_room(&args, 1000, 0, 0, 0));
        assert_true(control_has_room(&args, 1000, 7, 7, 7));
        assert_false(control_has_room(&args, 1000, 8, 8, 8));
        assert_true(control_has_room(&args, 1000, 55, 55, 0));
        assert_false(control_has_room(&args, 1000, 56, 56, 0));
        assert_true(control_has_room(&args, 0, 56, 56, 0));
        assert_true(control_has_room(&args, 0, 63, 0, 63));
        assert_false(control_has_room(&args, 0, 64, 0, 64));
        args.max_clients = 4;
        assert_true(control_has_room(&args, 1000, 3, 3, 0));
        assert_false(control_has_room(&args, 1000, 4, 4, 0));
}

/* One too many is told so and closed; the places come back. */
static void too_many_clients_are_turned_away(void **state _unused_) {
        struct fixture f;
        int fds[5];

        set_up_with(&f, (struct control_server_args){ .max_clients = 4, .max_per_uid = 4 });
        for (size_t i = 0; i < 5; i++)
                fds[i] = dial(&f);
        assert_int_equal(control_server_n_clients(f.server), 4);
        assert_string_equal(hear(&f, fds[4]),
                            "{\"error\":\"io.ctrsup.Manager.Busy\",\"parameters\":{\"message\":\"too many clients\"}}");
        assert_string_equal(hear(&f, fds[4]), "EOF");
        for (size_t i = 0; i < 5; i++)
                close_fd(fds[i]);
        settle(&f);
        assert_int_equal(control_server_n_clients(f.server), 0);
        tear_down(&f);
}

static uint64_t now_usec(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Runs the loop until no client is left; returns after how long. */
static uint64_t until_dropped(struct fixture *f, int fd, bool drip) {
        uint64_t start = now_usec();

        while (control_server_n_clients(f->server) > 0 && now_usec() - start < 5000000) {
                if (drip)
                        (void)send(fd, " ", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
                (void)sd_event_run(f->event, 2000);
        }
        return now_usec() - start;
}

/* Silence, and a byte now and then, get the same time for a message; who has said one may be silent for long. */
static void slow_senders_are_dropped(void **state _unused_) {
        struct fixture f;

        for (int drip = 0; drip < 2; drip++) {
                set_up_with(&f, (struct control_server_args){ .message_usec = 30000 });
                int fd = dial(&f);
                uint64_t took = until_dropped(&f, fd, drip);
                assert_in_range(took, 29000, 4900000);
                close_fd(fd);
                tear_down(&f);
        }
        set_up_with(&f, (struct control_server_args){ .message_usec = 250000 });
        int fd = dial(&f);
        say(fd, CALL("Keep", ""));
        settle(&f);
        for (uint64_t start = now_usec(); now_usec() - start < 400000;)
                (void)sd_event_run(f.event, 2000); /* the answer takes its time: no deadline of ours */
        assert_int_equal(control_server_n_clients(f.server), 1);
        assert_int_equal(control_reply(f.kept, NULL, false), 0);
        assert_string_equal(hear(&f, fd), "{\"parameters\":{}}");
        for (uint64_t start = now_usec(); now_usec() - start < 400000;)
                (void)sd_event_run(f.event, 2000);
        assert_int_equal(control_server_n_clients(f.server), 1);
        (void)send(fd, "{", 1, MSG_NOSIGNAL);
        assert_in_range(until_dropped(&f, fd, false), 240000, 4900000);
        close_fd(fd);
        tear_down(&f);
}

/* Replies nobody reads: dropped for lack of progress, and at once when they pile up. */
static void slow_readers_are_dropped(void **state _unused_) {
        struct fixture f;

        set_up_with(&f, (struct control_server_args){ .stall_usec = 500000 });
        int fd = dial(&f);
        say(fd, CALL("Big", ",\"parameters\":{\"n\":2},\"more\":true"));
        settle(&f);
        assert_int_equal(control_server_n_clients(f.server), 1);
        assert_in_range(until_dropped(&f, fd, false), 1000, 4900000);
        close_fd(fd);

        fd = dial(&f);
        say(fd, CALL("Big", ",\"parameters\":{\"n\":1000},\"more\":true"));
        settle(&f);
        assert_int_equal(control_server_n_clients(f.server), 0);
        close_fd(fd);

        /* pipelined calls wait in the socket, not in our memory, while the answers are not read */
        fd = dial(&f);
        for (int i = 0; i < 100; i++)
                (void)send(fd, CALL("Big", ",\"parameters\":{\"n\":1}"), sizeof(CALL("Big", ",\"parameters\":{\"n\":1}")),
                           MSG_NOSIGNAL | MSG_DONTWAIT);
        settle(&f);
        assert_int_equal(control_server_n_clients(f.server), 1);
        assert_true(varlink_wire_queued(&f.server->connections->wire) < 600 * 1024);
        close_fd(fd);
        settle(&f);
        tear_down(&f);
}

/* All queues together are bounded too, and it is the longest that goes, not the last. */
static void the_longest_queue_goes_first(void **state _unused_) {
        struct fixture f;
        int fds[4];

        set_up(&f);
        for (size_t i = 0; i < 4; i++) {
                char call[128];

                (void)snprintf(call, sizeof(call), CALL("Big", ",\"parameters\":{\"n\":%d},\"more\":true"), i == 0 ? 8 : 7);
                fds[i] = dial(&f);
                say(fds[i], call);
                settle(&f);
        }
        assert_int_equal(control_server_n_clients(f.server), 3);
        char byte;
        while (recv(fds[0], &byte, 1, MSG_DONTWAIT) == 1)
                ;
        assert_true(recv(fds[0], &byte, 1, MSG_DONTWAIT) == 0); /* the first one, which had the most */
        for (size_t i = 0; i < 4; i++)
                close_fd(fds[i]);
        tear_down(&f);
}

static void send_fds(int to, const char *text, const int *fds, size_t n) {
        struct varlink_wire wire = VARLINK_WIRE_NULL;
        json_t *call = json_pack("{s:s}", "method", text);

        wire.fd = to;
        assert_int_equal(varlink_wire_put(&wire, call, fds, n, NULL), 0);
        assert_int_equal(varlink_wire_flush(&wire, NULL), 0);
        wire.fd = -EBADF;
        varlink_wire_done(&wire);
        json_decref(call);
}

/* Fds come with their call; those the method does not take are closed with it. */
static void fds_come_with_a_call(void **state _unused_) {
        _cleanup_fd_ int in = -EBADF, out = -EBADF;
        struct fixture f;
        int p[2];

        assert_int_equal(pipe2(p, O_CLOEXEC), 0);
        in = p[0];
        out = p[1];
        assert_int_equal(write(out, "!", 1), 1);
        set_up(&f);
        int fd = dial(&f);
        settle(&f);
        size_t before = count_fds();
        send_fds(fd, CONTROL_METHOD("Fd"), (int[]){ out, in, out, out }, 4);
        assert_string_equal(hear(&f, fd), "{\"parameters\":{\"n\":4}}");
        assert_true(f.last_fd_readable);
        assert_int_equal(count_fds(), before);
        send_fds(fd, CONTROL_METHOD("Echo"), (int[]){ out }, 1);
        assert_string_equal(hear(&f, fd), "{\"parameters\":{}}");
        assert_int_equal(count_fds(), before);
        close_fd(fd);
        tear_down(&f);
}

/* Out of fds the listener pauses instead of spinning, and goes on when there are some again. */
static void out_of_fds_pauses(void **state _unused_) {
        char path[] = "/tmp/ctrsup-unit-XXXXXX", socket_path[64];
        struct rlimit old, none;
        struct fixture f;
        struct control_client *client = NULL;

        assert_non_null(mkdtemp(path));
        (void)snprintf(socket_path, sizeof(socket_path), "%s/s", path);
        set_up(&f);
        assert_int_equal(control_server_listen(f.server, socket_path, (gid_t)-1, NULL), 0);
        assert_int_equal(control_client_connect(socket_path, &client, NULL), 0);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
        none = old;
        none.rlim_cur = 3;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        int turns = 0;
        for (uint64_t start = now_usec(); now_usec() - start < 250000; turns++)
                (void)sd_event_run(f.event, 50000);
        assert_in_range(turns, 1, 20);
        assert_int_equal(control_server_n_clients(f.server), 0);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
        for (uint64_t start = now_usec(); control_server_n_clients(f.server) == 0 && now_usec() - start < 5000000;)
                (void)sd_event_run(f.event, 50000);
        assert_int_equal(control_server_n_clients(f.server), 1);
        client = control_client_free(client);
        tear_down(&f);
        assert_int_equal(access(socket_path, F_OK), -1); /* unlinked at the end */
        assert_int_equal(rmdir(path), 0);
}

/* The socket's place: made with its mode, a stale one replaced, a live one respected, a folder others can change refused. */
static void the_path_is_made_safely(void **state _unused_) {
        char top[] = "/tmp/ctrsup-unit-XXXXXX", path[96], other[96];
        struct err err = { 0 };
        struct fixture f, g;
        struct stat st;

        assert_non_null(mkdtemp(top));
        (void)snprintf(path, sizeof(path), "%s/run/ctl.sock", top);
        set_up(&f);
        assert_int_equal(control_client_connect(path, &(struct control_client *){ NULL }, NULL), -ENOENT);
        assert_int_equal(control_client_connect(path, &(struct control_client *){ NULL }, &err), -ENOENT);
        assert_non_null(strstr(err.text, "cannot reach the daemon at"));
        assert_int_equal(control_server_listen(f.server, path, getegid(), &err), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0660);
        assert_int_equal(st.st_gid, getegid());

        set_up(&g);
        assert_int_equal(control_server_listen(g.server, path, (gid_t)-1, &err), -EADDRINUSE);
        assert_non_null(strstr(err.text, "another supervisor serves"));
        free(take_ptr(f.server->listeners[0].path)); /* as if killed: the file stays */
        f.server = control_server_free(f.server);
        assert_int_equal(access(path, F_OK), 0);
        assert_int_equal(control_server_listen(g.server, path, (gid_t)-1, &err), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);

        (void)snprintf(other, sizeof(other), "%s/link", top);
        assert_int_equal(symlink("run", other), 0);
        (void)snprintf(other, sizeof(other), "%s/link/x.sock", top);
        assert_int_equal(control_server_listen(g.server, other, (gid_t)-1, &err), -ENOTDIR);
        assert_non_null(strstr(err.hint, "symbolic link"));
        (void)snprintf(other, sizeof(other), "%s/run/file", top);
        close_fd(open(other, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        assert_int_equal(control_server_listen(g.server, other, (gid_t)-1, &err), -EEXIST);
        assert_int_equal(unlink(other), 0);
        (void)snprintf(other, sizeof(other), "%s/missing/deep/x.sock", top);
        assert_int_equal(control_server_listen(g.server, other, (gid_t)-1, &err), -ENOENT);
        assert_int_equal(control_server_listen(g.server, "relative.sock", (gid_t)-1, &err), -EINVAL);
        (void)snprintf(other, sizeof(other), "%s/run", top);
        assert_int_equal(chmod(other, 0777), 0);
        (void)snprintf(other, sizeof(other), "%s/run/x.sock", top);
        assert_int_equal(control_server_listen(g.server, other, (gid_t)-1, &err), -EPERM);
        assert_non_null(strstr(err.text, "writable for others"));
        g.fds_before = count_fds() - 2; /* the event loop and the listener */
        g.server = control_server_free(g.server);
        g.event = sd_event_unref(g.event);
        f.event = sd_event_unref(f.event);
        assert_int_equal(count_fds(), f.fds_before);
        (void)snprintf(other, sizeof(other), "%s/link", top);
        assert_int_equal(unlink(other), 0);
        (void)snprintf(other, sizeof(other), "%s/run", top);
        assert_int_equal(rmdir(other), 0);
        assert_int_equal(rmdir(top), 0);
}

/* A passed socket must be one that listens. */
static void a_passed_socket_must_listen(void **state _unused_) {
        struct fixture f;

        set_up(&f);
        assert_int_equal(control_server_listen_fd(f.server, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), NULL), -EINVAL);
        assert_int_equal(control_server_listen_fd(f.server, open("/dev/null", O_RDONLY | O_CLOEXEC), NULL), -ENOTSOCK);
        tear_down(&f);
}

unit_main(cmocka_unit_test(a_call_is_answered), cmocka_unit_test(more_gets_several), cmocka_unit_test(an_answer_may_come_later),
          cmocka_unit_test(a_disconnect_is_told), cmocka_unit_test(oneway_is_silent),
          cmocka_unit_test(what_was_sent_before_the_end_counts), cmocka_unit_test(half_closed_is_answered),
          cmocka_unit_test(wrong_calls_get_their_error), cmocka_unit_test(describes_itself), cmocka_unit_test(rights_come_first),
          cmocka_unit_test(rights_are_reviewed), cmocka_unit_test(every_method_has_a_right), cmocka_unit_test(groups_may_connect),
          cmocka_unit_test(room_is_bounded), cmocka_unit_test(too_many_clients_are_turned_away),
          cmocka_unit_test(slow_senders_are_dropped), cmocka_unit_test(slow_readers_are_dropped),
          cmocka_unit_test(the_longest_queue_goes_first), cmocka_unit_test(fds_come_with_a_call),
          cmocka_unit_test(out_of_fds_pauses), cmocka_unit_test(the_path_is_made_safely),
          cmocka_unit_test(a_passed_socket_must_listen));
