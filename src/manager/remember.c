// SPDX-License-Identifier: MIT
// A small text file in the place for state (XDG base directory specification; /var/lib for root
// without a home), named after the app and the hash of its folder:
//
//     formation quantities 1
//     /srv/shop
//     web 3
//
// It is written beside, flushed and renamed, so that a power cut leaves the old file or the new.
#include "manager/remember.h"

#include "base/buffer.h"
#include "base/limits.h"
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char title[] = "formation quantities 1";

struct place {
    char folder[PATH_MAX];
    char path[PATH_MAX + 512];
    char beside[PATH_MAX + 516];
};

static uint64_t hash_of(struct str text) // FNV-1a
{
    uint64_t value = 14695981039346656037u;
    for (size_t i = 0; i < text.size; i++)
        value = (value ^ (unsigned char)text.bytes[i]) * 1099511628211u;
    return value;
}

static bool find_folder(char out[PATH_MAX])
{
    const char *of_service = getenv("STATE_DIRECTORY"); // systemd.exec(5)
    const char *of_user = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int size;
    if (of_service && of_service[0] == '/')
        size = snprintf(out, PATH_MAX, "%.*s", (int)strcspn(of_service, ":"), of_service);
    else if (of_user && of_user[0] == '/')
        size = snprintf(out, PATH_MAX, "%s/formation", of_user);
    else if (home && home[0] == '/' && home[1])
        size = snprintf(out, PATH_MAX, "%s/.local/state/formation", home);
    else if (geteuid() == 0)
        size = snprintf(out, PATH_MAX, "/var/lib/formation");
    else
        return false;
    return size > 0 && size < PATH_MAX;
}

static bool find_place(const struct plan *plan, struct place *out)
{
    char app[256];
    if (!find_folder(out->folder))
        return false;
    (void)snprintf(app, sizeof(app), "%.*s", STR_ARGS(str_slice(plan->app, 0, 128)));
    for (char *at = app; *at; at++)
        if (*at == '/')
            *at = '_';
    (void)snprintf(out->path, sizeof(out->path), "%s/%s-%016" PRIx64 ".quantities", out->folder,
                   app, hash_of(plan->root));
    (void)snprintf(out->beside, sizeof(out->beside), "%s.new", out->path);
    return true;
}

static int make_folders(char *folder)
{
    for (char *at = folder + 1;; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char kept = *at;
        *at = '\0';
        int result = mkdir(folder, 0700) < 0 && errno != EEXIST ? -errno : 0;
        *at = kept;
        if (result < 0 || kept == '\0')
            return result;
    }
}

// Whose file it is, on one line whatever the folder is called.
static void append_root(const struct plan *plan, struct buffer *out)
{
    for (size_t i = 0; i < plan->root.size; i++)
        buffer_append_char(out, plan->root.bytes[i] == '\n' ? ' ' : plan->root.bytes[i]);
}

// Of a type whose number the demand decides, a number is what people have asked for.
static bool is_by_hand(const struct process_type *type)
{
    if (type->is_gone || (type->scale.is_set && !type->is_fixed))
        return false;
    return type->quantity != type->declared || (type->scale.is_set && !type->declared_is_fixed);
}

static bool write_text(const struct plan *plan, struct buffer *out)
{
    bool has_any = false;
    buffer_append_format(out, "%s\n", title);
    append_root(plan, out);
    buffer_append_char(out, '\n');
    for (size_t i = 0; i < plan->type_count; i++) {
        const struct process_type *type = &plan->types[i];
        if (!is_by_hand(type))
            continue;
        buffer_append_format(out, "%.*s %u\n", STR_ARGS(type->name), type->quantity);
        has_any = true;
    }
    return has_any;
}

static int flush_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 || fsync(fd) < 0 ? -errno : 0;
    if (fd >= 0)
        (void)close(fd);
    return result == -EINVAL ? 0 : result; // some file systems have nothing to flush there
}

static int write_file(const struct place *place, struct str text)
{
    int fd = open(place->beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int result = fd < 0 ? -errno : 0;
    while (result == 0 && text.size > 0) {
        ssize_t size = write(fd, text.bytes, text.size);
        if (size < 0 && errno != EINTR)
            result = -errno;
        text = str_slice(text, size > 0 ? (size_t)size : 0, text.size);
    }
    if (result == 0 && fsync(fd) < 0)
        result = -errno;
    if (fd >= 0)
        (void)close(fd);
    if (result == 0 && rename(place->beside, place->path) < 0)
        result = -errno;
    if (result < 0)
        (void)unlink(place->beside);
    return result < 0 ? result : flush_folder(place->folder);
}

static int remove_file(const struct place *place)
{
    if (unlink(place->path) == 0)
        return flush_folder(place->folder);
    return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
}

static bool is_no_place(int error)
{
    return error == EROFS || error == EACCES || error == EPERM || error == ENOENT ||
           error == ENOTDIR;
}

int remember_write(const struct plan *plan, struct error *error)
{
    struct place place;
    struct buffer text = {0};
    if (!find_place(plan, &place))
        return error_set(error, EROFS, "quantities are not remembered: there is no HOME");
    int result = 0;
    if (!write_text(plan, &text))
        result = remove_file(&place);
    else if (text.failed)
        result = -ENOMEM;
    else if ((result = make_folders(place.folder)) == 0)
        result = write_file(&place, buffer_str(&text));
    buffer_fini(&text);
    if (result < 0)
        return error_set(error, is_no_place(-result) ? EROFS : -result,
                         "quantities are not remembered: %s: %s", place.path,
                         strerrordesc_np(-result));
    return 0;
}

static struct process_type *find_type(struct plan *plan, struct str name)
{
    for (size_t i = 0; i < plan->type_count; i++)
        if (str_equal(plan->types[i].name, name))
            return &plan->types[i];
    return NULL;
}

static bool parse_quantity(struct str text, unsigned *out)
{
    unsigned value = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9' || value > LIMIT_QUANTITY)
            return false;
        value = value * 10 + (unsigned)(text.bytes[i] - '0');
    }
    *out = value;
    return text.size > 0 && value <= LIMIT_QUANTITY;
}

static bool is_root(const struct plan *plan, struct str line)
{
    struct buffer wanted = {0};
    append_root(plan, &wanted);
    bool is_same = !wanted.failed && str_equal(line, buffer_str(&wanted));
    buffer_fini(&wanted);
    return is_same;
}

// One pass checks, the other one sets: a file counts whole or not at all.
static bool read_lines(struct plan *plan, struct str text, bool sets)
{
    struct str line;
    if (!str_next(&text, '\n', &line) || !str_equal(line, str_of(title)) ||
        !str_next(&text, '\n', &line) || !is_root(plan, line))
        return false;
    while (str_next(&text, '\n', &line)) {
        unsigned quantity;
        size_t blank = str_find_char(line, ' ');
        if (line.size == 0)
            continue;
        if (blank >= line.size || !parse_quantity(str_slice(line, blank + 1, line.size), &quantity))
            return false;
        struct process_type *type = find_type(plan, str_slice(line, 0, blank));
        if (type && sets) {
            type->quantity = quantity;
            type->is_fixed = type->scale.is_set;
        }
    }
    return true;
}

static int count_differing(struct plan *plan)
{
    int count = 0;
    if (plan_process_count(plan) > LIMIT_PROCESSES)
        for (size_t i = 0; i < plan->type_count; i++) {
            plan->types[i].quantity = plan->types[i].declared;
            plan->types[i].is_fixed = plan->types[i].declared_is_fixed;
        }
    for (size_t i = 0; i < plan->type_count; i++)
        count += is_by_hand(&plan->types[i]);
    return count;
}

int remember_read(struct plan *plan, struct error *error)
{
    enum { MOST_BYTES = LIMIT_TYPES * (LIMIT_NAME_BYTES + 16) + PATH_MAX };
    struct place place;
    struct buffer text = {0};
    char aside[PATH_MAX + 520];
    if (!find_place(plan, &place))
        return 0;
    int result = file_read(place.path, MOST_BYTES, &text, error);
    bool is_sound = result == 0 && read_lines(plan, buffer_str(&text), false);
    if (is_sound)
        (void)read_lines(plan, buffer_str(&text), true);
    buffer_fini(&text);
    if (result == -ENOENT || is_sound)
        return result == -ENOENT ? 0 : count_differing(plan);
    (void)snprintf(aside, sizeof(aside), "%s.bad", place.path);
    bool is_aside = rename(place.path, aside) == 0;
    return error_set(error, EBADMSG, "%s makes no sense: %s%s", place.path,
                     is_aside ? "it is now " : "it is ignored", is_aside ? aside : "");
}
