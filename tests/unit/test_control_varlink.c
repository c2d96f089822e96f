#include "unit.h"

#include <ctrsup/control/varlink.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

struct pair {
        struct varlink_wire wire;
        int peer;
};

static void pair_open(struct pair *p, size_t max) {
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        varlink_wire_init(&p->wire, fds[0], max);
        p->peer = fds[1];
}

static void pair_close(struct pair *p) {
        varlink_wire_done(&p->wire);
        p->peer = close_fd(p->peer);
}

static void say(struct pair *p, const char *bytes, size_t len) {
        assert_int_equal(send(p->peer, bytes, len, MSG_NOSIGNAL), len);
}

static void say_with_fds(struct pair *p, const char *bytes, size_t len, size_t n) {
        char space[CMSG_SPACE(sizeof(int) * 64)] = { 0 };
        struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };
        struct msghdr header = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = CMSG_SPACE(sizeof(int) * n)
        };
        struct cmsghdr *c = CMSG_FIRSTHDR(&header);
        int fds[64];

        for (size_t i = 0; i < n; i++)
                fds[i] = p->peer;
        *c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int) * n) };
        memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
        assert_int_equal(sendmsg(p->peer, &header, MSG_NOSIGNAL), len);
}

static size_t count_fds(void) {
        size_t n = 0;

        for (int fd = 0; fd < 256; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

/* Texts that are no message, each refused with -EBADMSG and words. */
static void refuses_what_is_no_object(void **state _unused_) {
        static const struct {
                const char *text;
                size_t len;
        } bad[] = {
#define TEXT(s) { s, sizeof(s) - 1 }
                TEXT(""),
                TEXT("{"),
                TEXT("[]"),
                TEXT("1"),
                TEXT("\"a\""),
                TEXT("null"),
                TEXT("{}x"),
                TEXT("{} {}"),
                TEXT("{'a':1}"),
                TEXT("{\"a\":1,\"a\":2}"),
                TEXT("{\"a\":\"\xff\"}"),
                TEXT("{\"a\":\"\xc0\xaf\"}"),
                TEXT("{\"a\":\"\xed\xa0\x80\"}"),
                TEXT("{\"a\":\"\\u0000\"}"),
                TEXT("{\"a\\u0000b\":1}"),
                TEXT("{\"a\":\"\0\"}"),
                TEXT("{\"a\":1e999}"),
                TEXT("{\"a\":99999999999999999999}"),
                TEXT("{\"a\":NaN}"),
                TEXT("{\"a\":\"\\ud800\"}"),
                TEXT("{\"a\":\"b"),
                TEXT("{\"a\":\"\\"),
        };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct err err = { 0 };
                json_t *object = NULL;

                assert_int_equal(varlink_parse(bad[i].text, bad[i].len, &object, &err), -EBADMSG);
                assert_null(object);
                assert_true(strlen(err.text) > 10);
        }
}

/* Depth and number of values are bounded before the parser sees the text; brackets inside strings do not count. */
static void bounds_the_shape(void **state _unused_) {
        enum { N = VARLINK_MAX_VALUES * 2 + 16 };
        _cleanup_free_ char *text = malloc(N);
        struct err err = { 0 };

        memset(text, '[', N);
        assert_int_equal(varlink_check_shape(text, VARLINK_MAX_DEPTH, &err), 0);
        assert_int_equal(varlink_check_shape(text, VARLINK_MAX_DEPTH + 1, &err), -EBADMSG);
        text[0] = '"';
        assert_int_equal(varlink_check_shape(text, N, &err), 0);
        memcpy(text, "\"\\\"", 3);
        assert_int_equal(varlink_check_shape(text, N, &err), 0);
        memset(text, ',', N);
        assert_int_equal(varlink_check_shape(text, VARLINK_MAX_VALUES - 1, &err), 0);
        assert_int_equal(varlink_check_shape(text, VARLINK_MAX_VALUES, &err), -EBADMSG);
        for (size_t i = 0; i < N; i++)
                text[i] = i % 2 ? ']' : '[';
        assert_int_equal(varlink_check_shape(text, N, &err), -EBADMSG);
        assert_non_null(strstr(err.text, "250000"));
}

/* However the bytes are cut, the same messages come out in order. */
static void messages_come_whole_at_every_cut(void **state _unused_) {
        static const char bytes[] = "{\"a\":1}\0{\"b\":\"x\"}\0{}";

        for (size_t cut = 0; cut <= sizeof(bytes); cut++) {
                struct pair p;
                size_t got = 0;

                pair_open(&p, 100);
                for (int half = 0; half < 2; half++) {
                        say(&p, half ? bytes + cut : bytes, half ? sizeof(bytes) - cut : cut);
                        if ((half ? sizeof(bytes) - cut : cut) > 0)
                                assert_int_equal(varlink_wire_read(&p.wire, NULL), 0);
                        struct varlink_message m;
                        while (varlink_wire_take(&p.wire, &m, NULL) == 1) {
                                static const char *const keys[] = { "a", "b" };

                                assert_int_equal(json_object_size(m.object), got < 2);
                                if (got < 2)
                                        assert_non_null(json_object_get(m.object, keys[got]));
                                got++;
                                varlink_message_done(&m);
                        }
                }
                assert_int_equal(got, 3);
                assert_false(varlink_wire_is_partial(&p.wire));
                assert_int_equal(varlink_wire_read(&p.wire, NULL), -EAGAIN);
                pair_close(&p);
        }
}

/* The cap holds for a message that never ends and for one that comes at once; a message of just that length is fine. */
static void too_long_is_refused(void **state _unused_) {
        struct pair p;
        struct varlink_message m = VARLINK_MESSAGE_NULL;
        struct err err = { 0 };

        pair_open(&p, 16);
        say(&p, "{\"a\":\"12345678\"}", 17);
        assert_int_equal(varlink_wire_read(&p.wire, &err), 0);
        assert_int_equal(varlink_wire_take(&p.wire, &m, &err), 1);
        varlink_message_done(&m);
        say(&p, "{\"a\":\"123456789\"}", 18);
        assert_int_equal(varlink_wire_read(&p.wire, &err), -EMSGSIZE);
        pair_close(&p);

        pair_open(&p, 16);
        say(&p, "{\"a\":1}\0{\"a\":\"123456789", 23); /* one that fits, then too much */
        assert_int_equal(varlink_wire_read(&p.wire, &err), 0);
        assert_int_equal(varlink_wire_take(&p.wire, &m, &err), 1);
        varlink_message_done(&m);
        assert_int_equal(varlink_wire_take(&p.wire, &m, &err), 0);
        assert_true(varlink_wire_is_partial(&p.wire));
        say(&p, "xx", 2);
        assert_int_equal(varlink_wire_read(&p.wire, &err), -EMSGSIZE);
        assert_string_equal(err.text, "message is longer than 16 bytes");
        pair_close(&p);
}

/* The end of the stream is told, once everything before it has been read. */
static void eof_is_told(void **state _unused_) {
        struct pair p;
        struct varlink_message m;

        pair_open(&p, 100);
        say(&p, "{}", 3);
        p.peer = close_fd(p.peer);
        assert_int_equal(varlink_wire_read(&p.wire, NULL), 0);
        assert_false(p.wire.eof);
        assert_int_equal(varlink_wire_take(&p.wire, &m, NULL), 1);
        varlink_message_done(&m);
        assert_int_equal(varlink_wire_read(&p.wire, NULL), 0);
        assert_true(p.wire.eof);
        pair_close(&p);
}

/* Fds are those of the message they came with, not of the one before it in the same read. */
static void fds_stay_with_their_message(void **state _unused_) {
        size_t before = count_fds();
        struct pair p;
        struct varlink_message m;

        pair_open(&p, 100);
        say(&p, "{\"a\":1}", 8);
        say_with_fds(&p, "{\"b\":1}", 8, 3);
        say(&p, "{\"c\":1}", 8);
        while (varlink_wire_read(&p.wire, NULL) == 0)
                ;
        assert_int_equal(varlink_wire_take(&p.wire, &m, NULL), 1);
        assert_int_equal(m.n_fds, 0);
        varlink_message_done(&m);
        assert_int_equal(varlink_wire_take(&p.wire, &m, NULL), 1);
        assert_int_equal(m.n_fds, 3);
        assert_non_null(json_object_get(m.object, "b"));
        for (size_t i = 0; i < 3; i++)
                assert_int_equal(fcntl(m.fds[i], F_GETFD), FD_CLOEXEC);
        varlink_message_done(&m);
        assert_int_equal(varlink_wire_take(&p.wire, &m, NULL), 1);
        assert_int_equal(m.n_fds, 0);
        varlink_message_done(&m);
        pair_close(&p);
        assert_int_equal(count_fds(), before);
}

/* Too many at once, or a second set before the first is taken: -EPROTO, and none stays open. */
static void too_many_fds_are_closed(void **state _unused_) {
        static const size_t many[] = { VARLINK_MAX_FDS + 1, 64 };
        size_t before = count_fds();
        struct err err = { 0 };
        struct pair p;

        for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
                pair_open(&p, 100);
                say_with_fds(&p, "{}", 3, many[i]);
                assert_int_equal(varlink_wire_read(&p.wire, &err), -EPROTO);
                assert_int_equal(count_fds(), before + 2);
                pair_close(&p);
        }
        pair_open(&p, 100);
        say_with_fds(&p, "{\"a\"", 4, 2);
        say_with_fds(&p, ":1}", 4, 2);
        assert_int_equal(varlink_wire_read(&p.wire, &err), 0);
        assert_int_equal(varlink_wire_read(&p.wire, &err), -EPROTO);
        assert_int_equal(count_fds(), before + 2);
        pair_close(&p);
        /* and a wire that ends with fds nobody took */
        pair_open(&p, 100);
        say_with_fds(&p, "{\"a\"", 4, 4);
        assert_int_equal(varlink_wire_read(&p.wire, &err), 0);
        assert_int_equal(count_fds(), before + 6);
        pair_close(&p);
        assert_int_equal(count_fds(), before);
}

/* What one wire puts the other takes, in order, across many partial sends; fds arrive with the first byte. */
static void what_is_put_is_taken(void **state _unused_) {
        enum { N = 3000 };
        size_t before = count_fds();
        struct varlink_wire to, from;
        int fds[2], got = 0;
        bool blocked = false;

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        varlink_wire_init(&to, fds[0], 100);
        varlink_wire_init(&from, fds[1], 1000);
        for (int i = 0; i < N; i++) {
                json_t *m =
                        json_pack("{s:i, s:s}", "i", i, "text", "012345678901234567890123456789012345678901234567890123456789");

                assert_int_equal(varlink_wire_put(&to, m, &(int){ 2 }, i == 0, NULL), 0);
                json_decref(m);
                if (i == 0)
                        assert_int_equal(varlink_wire_flush(&to, NULL), 0);
        }
        /* behind queued bytes fds have no place */
        json_t *m = json_object();
        assert_int_equal(varlink_wire_put(&to, m, &(int){ 2 }, 1, NULL), -EBUSY);
        json_decref(m);
        while (got < N) {
                struct varlink_message message;
                int r = varlink_wire_flush(&to, NULL);

                blocked |= r == -EAGAIN;
                r = varlink_wire_read(&from, NULL);
                assert_true(r == 0 || r == -EAGAIN);
                while (varlink_wire_take(&from, &message, NULL) == 1) {
                        assert_int_equal(json_integer_value(json_object_get(message.object, "i")), got);
                        assert_int_equal(message.n_fds, got == 0);
                        varlink_message_done(&message);
                        got++;
                }
        }
        assert_true(blocked);
        assert_int_equal(varlink_wire_queued(&to), 0);
        varlink_wire_done(&to);
        varlink_wire_done(&from);
        assert_int_equal(count_fds(), before);
}

unit_main(cmocka_unit_test(refuses_what_is_no_object), cmocka_unit_test(bounds_the_shape),
          cmocka_unit_test(messages_come_whole_at_every_cut), cmocka_unit_test(too_long_is_refused),
          cmocka_unit_test(eof_is_told), cmocka_unit_test(fds_stay_with_their_message), cmocka_unit_test(too_many_fds_are_closed),
          cmocka_unit_test(what_is_put_is_taken));
