#include <ctrsup/act/notify.h>

#include <ctrsup/kernel/notify_socket.h>
#include <ctrsup/store/dir.h>

#include <fcntl.h>
#include <string.h>

static const char socket_name[] = "notify", held_prefix[] = "notify.";

void act_notify_name_held(char buf[KEEPER_NAME_MAX], const struct act_instance *i) {
        (void)snprintf(buf, KEEPER_NAME_MAX, "%s%s", held_prefix, i->id_text);
}

int act_notify_parse_held(const char *name, char id_text[ACT_ID_TEXT_SIZE]) {
        const size_t prefix = sizeof(held_prefix) - 1;

        if (strncmp(name, held_prefix, prefix) != 0 || strlen(name) != prefix + ACT_ID_TEXT_SIZE - 1)
                return -EINVAL;
        (void)strcpy(id_text, name + prefix);
        return 0;
}

const char *act_notify_path(const struct act_host *h, const struct act_instance *i, char buf[ACT_NOTIFY_PATH_MAX]) {
        (void)snprintf(buf, ACT_NOTIFY_PATH_MAX, "%s/%s/%s", h->runtime_dir, ACT_NOTIFY_FOLDER, i->id_text);
        return buf;
}

void act_notify_hold(struct act_host *h, const struct act_instance *i) {
        char name[KEEPER_NAME_MAX];

        act_notify_name_held(name, i);
        if (h->keeper && i->notify_fd >= 0)
                (void)act_hold(h, name, i->notify_fd);
}

/* fd: of the start's folder. */
static int bind_in(struct act_instance *i, int fd, struct err *err) {
        i->notify_fd = close_fd(i->notify_fd);
        return notify_socket_bind(fd, socket_name, &i->notify_fd, err);
}

int act_notify_open(struct act_host *h, struct act_instance *i, struct err *err) {
        _cleanup_fd_ int all = -EBADF, own = -EBADF;

        i->notifies = true; /* also half of it is removed */
        int r = dir_open_at(h->runtime_fd, ACT_NOTIFY_FOLDER, 0700, &all, err);
        if (r >= 0)
                r = dir_open_at(all, i->id_text, 0755, &own, err);
        if (r >= 0)
                r = bind_in(i, own, err);
        if (r < 0) {
                act_notify_release(h, i);
                return err_wrap(err, "make the notify socket");
        }
        act_notify_hold(h, i);
        return 0;
}

int act_notify_adopt(struct act_host *h, struct act_instance *i, int fd, struct err *err) {
        _cleanup_fd_ int found = fd, all = -EBADF, own = -EBADF;

        int r = dir_open_at(h->runtime_fd, ACT_NOTIFY_FOLDER, 0, &all, err);
        if (r >= 0)
                r = dir_open_at(all, i->id_text, 0, &own, err);
        if (r < 0)
                return r;
        i->notifies = true;
        close_fd(i->notify_fd);
        i->notify_fd = take_fd(&found);
        if (i->notify_fd < 0) {
                r = bind_in(i, own, err);
                if (r < 0)
                        return err_wrap(err, "bind its notify socket anew");
                r = 1;
        }
        act_notify_hold(h, i);
        return r;
}

static void remove_folder(int all, const char *id_text) {
        _cleanup_fd_ int own = openat(all, id_text, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (own >= 0)
                (void)unlinkat(own, socket_name, 0);
        (void)unlinkat(all, id_text, AT_REMOVEDIR);
}

void act_notify_release(struct act_host *h, struct act_instance *i) {
        char name[KEEPER_NAME_MAX];
        _cleanup_fd_ int all = -EBADF;

        if (!i->notifies)
                return;
        act_notify_name_held(name, i);
        if (h->keeper)
                (void)keeper_client_release(h->keeper, name);
        i->notify_fd = close_fd(i->notify_fd);
        i->notifies = false;
        if (dir_open_at(h->runtime_fd, ACT_NOTIFY_FOLDER, 0, &all, NULL) >= 0)
                remove_folder(all, i->id_text);
}

void act_notify_sweep(struct act_host *h, bool (*is_known)(const char *id_text, void *userdata), void *userdata) {
        _cleanup_free_ char **names = NULL;
        _cleanup_fd_ int all = -EBADF;
        size_t n = 0;

        if (dir_open_at(h->runtime_fd, ACT_NOTIFY_FOLDER, 0, &all, NULL) < 0 || dir_list(all, false, &names, &n, NULL) < 0)
                return;
        for (size_t k = 0; k < n; k++)
                if (!is_known(names[k], userdata))
                        remove_folder(all, names[k]);
}
