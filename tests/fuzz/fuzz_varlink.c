/* Any bytes, in any pieces, to a wire: it takes messages or says no, and never keeps more than its cap and one read. */
#include <ctrsup/control/varlink.h>

#include <stdint.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct varlink_message message;
        struct varlink_wire wire;
        int fds[2];

        if (size < 2 || size > 64 * 1024 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
                return 0;
        size_t piece = (size_t)data[0] * 16 + 1;
        varlink_wire_init(&wire, fds[0], 4096);
        for (size_t at = 1; at < size;) {
                ssize_t n = send(fds[1], data + at, size - at < piece ? size - at : piece, MSG_NOSIGNAL);
                int r;

                if (n <= 0 || varlink_wire_read(&wire, NULL) < 0)
                        break;
                at += (size_t)n;
                while ((r = varlink_wire_take(&wire, &message, NULL)) > 0) {
                        if (!json_is_object(message.object))
                                __builtin_trap();
                        varlink_message_done(&message);
                }
                if (r < 0)
                        break;
                if (wire.in.len > 4096 + 64 * 1024)
                        __builtin_trap();
        }
        varlink_wire_done(&wire);
        close(fds[1]);
        return 0;
}
