/* A server for health probes, on 127.0.0.1 (or ::1) of its network namespace: serve MODE PORT [6]
 *
 *   ok           an answer as it should be            file F     the status code that F holds now
 *   early        hangs up at once                     half       hangs up within the status line
 *   silent       takes the connection, says nothing   drip       a byte of the status line every 100 ms, for ever
 *   garbage      another protocol                     line       a status line without end
 *   headers      headers without end                  body       4 GiB
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int say(int fd, const char *text) {
        return write(fd, text, strlen(text)) < 0 ? -1 : 0;
}

static void flood(int fd, const char *head, const char *line, unsigned long long bytes) {
        static char block[65536];
        size_t len = strlen(line);

        for (size_t n = 0; n < sizeof(block); n++)
                block[n] = line[n % len];
        if (say(fd, head) < 0)
                return;
        for (unsigned long long sent = 0; sent < bytes;) {
                ssize_t n = write(fd, block, sizeof(block));

                if (n < 0)
                        return;
                sent += (unsigned long long)n;
        }
}

static void answer(int fd, const char *mode, const char *file) {
        char request[4096], code[8] = "500";

        if (strcmp(mode, "early") == 0)
                return;
        if (read(fd, request, sizeof(request)) < 0)
                return;
        if (strcmp(mode, "ok") == 0)
                (void)say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        else if (strcmp(mode, "file") == 0) {
                int from = open(file, O_RDONLY);

                if (from >= 0 && read(from, code, 3) != 3)
                        (void)strcpy(code, "500");
                (void)say(fd, "HTTP/1.1 ");
                (void)say(fd, code);
                (void)say(fd, " As Told\r\n\r\n");
        } else if (strcmp(mode, "half") == 0)
                (void)say(fd, "HTTP/1.1 20");
        else if (strcmp(mode, "silent") == 0)
                (void)pause();
        else if (strcmp(mode, "drip") == 0) {
                (void)say(fd, "HTTP/1.1 200 ");
                while (say(fd, "a") == 0)
                        (void)usleep(100000);
        } else if (strcmp(mode, "garbage") == 0)
                (void)say(fd, "SSH-2.0-\x1b[2Jno web here\r\n");
        else if (strcmp(mode, "line") == 0)
                flood(fd, "HTTP/1.1 200 ", "a", 1ULL << 32);
        else if (strcmp(mode, "headers") == 0)
                flood(fd, "HTTP/1.1 200 OK\r\n", "X: y\r\n", 1ULL << 32);
        else if (strcmp(mode, "body") == 0)
                flood(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4294967296\r\n\r\n", "a", 1ULL << 32);
}

int main(int argc, char *argv[]) {
        const char *mode = argc > 2 ? argv[1] : "", *file = strcmp(mode, "file") == 0 && argc > 3 ? argv[3] : "";
        int family = argc > 3 && strcmp(argv[argc - 1], "6") == 0 ? AF_INET6 : AF_INET, one = 1;
        in_port_t port = htons((unsigned short)atoi(argc > 2 ? argv[2] : "0"));
        struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)signal(SIGCHLD, SIG_IGN);
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if ((family == AF_INET ? bind(fd, (struct sockaddr *)&v4, sizeof(v4)) : bind(fd, (struct sockaddr *)&v6, sizeof(v6))) <
                    0 ||
            listen(fd, 16) < 0) {
                perror("serve");
                return 1;
        }
        for (;;) {
                int to = accept(fd, NULL, NULL);

                if (to >= 0 && fork() == 0) {
                        answer(to, mode, file);
                        return 0;
                }
                (void)close(to);
        }
}
