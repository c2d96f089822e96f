/* notify SOCKET: a stand-in for the service manager's end of sd_notify(3): each message is a line, its own line breaks are "|". */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int main(int argc, char *argv[]) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char message[4096];

        if (argc != 2 || strlen(argv[1]) >= sizeof(address.sun_path))
                return 64;
        (void)strcpy(address.sun_path, argv[1]);
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return 71;
        for (;;) {
                ssize_t n = recv(fd, message, sizeof(message) - 1, 0);

                if (n < 0)
                        return 71;
                message[n] = '\0';
                for (char *at = message; (at = strchr(at, '\n'));)
                        *at = '|';
                if (puts(message) < 0 || fflush(stdout) != 0)
                        return 71;
        }
}
