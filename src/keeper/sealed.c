#include "sealed.h"

#include <ctrsup/base/cleanup.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int sealed_map(int fd, size_t max, const void **ret, size_t *ret_size) {
        struct stat st;

        int seals = fcntl(fd, F_GET_SEALS);
        if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) < 0 || st.st_size <= 0 || (size_t)st.st_size > max)
                return -EBADMSG;
        void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        *ret = p;
        *ret_size = (size_t)st.st_size;
        return 0;
}

int sealed_open(const char *name, size_t size, void **ret) {
        _cleanup_fd_ int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

        if (fd < 0)
                return -errno;
        /* not ftruncate: memory that is not there must be an error here, not a SIGBUS when it is written to */
        int r = posix_fallocate(fd, 0, (off_t)size);
        if (r != 0)
                return -r;
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        *ret = p;
        return take_fd(&fd);
}

int sealed_close(int fd, void *data, size_t size) {
        (void)munmap(data, size); /* F_SEAL_WRITE is refused while it is mapped */
        return fcntl(fd, F_ADD_SEALS, SEALS) < 0 ? -errno : 0;
}
