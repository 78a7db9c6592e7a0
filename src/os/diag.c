// SPDX-License-Identifier: MIT
// A request and its answers fit on a page each; a dump comes in several messages (netlink(7)).
#include "os/diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_BYTES = 32 * 1024 }; // no dump's message is larger

struct query {
    diag_tcp_visit *visit_tcp;
    diag_unix_visit *visit_unix;
    void *context;
    uint16_t port; // asked for again: a kernel may give more than was asked
};

static void visit_tcp(const struct query *query, const struct nlmsghdr *header)
{
    const struct inet_diag_msg *message = NLMSG_DATA(header);
    struct diag_tcp socket = {
        .family = message->idiag_family,
        .port = ntohs(message->id.idiag_sport),
        .inode = message->idiag_inode,
        .uid = message->idiag_uid,
    };
    if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*message)) || socket.port != query->port)
        return;
    memcpy(socket.host, message->id.idiag_src, sizeof(socket.host));
    query->visit_tcp(&socket, query->context);
}

static void visit_unix(const struct query *query, const struct nlmsghdr *header)
{
    const struct unix_diag_msg *message = NLMSG_DATA(header);
    struct diag_unix socket = {.inode = message->udiag_ino};
    if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*message)))
        return;
    size_t rest = header->nlmsg_len - NLMSG_LENGTH(sizeof(*message));
    const char *at = (const char *)message + NLMSG_ALIGN(sizeof(*message));
    while (rest >= sizeof(struct nlattr)) {
        struct nlattr attribute;
        memcpy(&attribute, at, sizeof(attribute));
        const char *value = at + NLA_HDRLEN;
        size_t step = NLA_ALIGN(attribute.nla_len);
        if (attribute.nla_len < NLA_HDRLEN || attribute.nla_len > rest)
            break;
        size_t size = attribute.nla_len - NLA_HDRLEN;
        if (attribute.nla_type == UNIX_DIAG_VFS && size >= sizeof(struct unix_diag_vfs)) {
            struct unix_diag_vfs vfs;
            memcpy(&vfs, value, sizeof(vfs));
            socket.file_inode = vfs.udiag_vfs_ino;
            socket.file_device = vfs.udiag_vfs_dev;
        } else if (attribute.nla_type == UNIX_DIAG_RQLEN &&
                   size >= sizeof(struct unix_diag_rqlen)) {
            struct unix_diag_rqlen queue;
            memcpy(&queue, value, sizeof(queue));
            socket.waiting = queue.udiag_rqueue;
            socket.limit = queue.udiag_wqueue;
        }
        if (step >= rest)
            break;
        at += step;
        rest -= step;
    }
    query->visit_unix(&socket, query->context);
}

// Returns 1 when more will come, 0 at the end, or -errno.
static int take_messages(const struct query *query, const char *bytes, size_t size, bool is_dump)
{
    const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)bytes;
    for (; NLMSG_OK(header, size); header = NLMSG_NEXT(header, size)) {
        if (header->nlmsg_type == NLMSG_DONE)
            return 0;
        if (header->nlmsg_type == NLMSG_ERROR) {
            const struct nlmsgerr *failure = NLMSG_DATA(header);
            return header->nlmsg_len < NLMSG_LENGTH(sizeof(*failure)) ? -EPROTO : failure->error;
        }
        if (header->nlmsg_type == SOCK_DIAG_BY_FAMILY && query->visit_tcp)
            visit_tcp(query, header);
        else if (header->nlmsg_type == SOCK_DIAG_BY_FAMILY)
            visit_unix(query, header);
    }
    return is_dump ? 1 : 0;
}

static int receive(int fd, const struct query *query, bool is_dump)
{
    _Alignas(struct nlmsghdr) char bytes[ANSWER_BYTES];
    int result;
    do {
        ssize_t size = recv(fd, bytes, sizeof(bytes), 0);
        if (size < 0 && errno == EINTR) {
            result = 1;
            continue;
        }
        if (size <= 0)
            return size < 0 ? -errno : -EPROTO;
        result = take_messages(query, bytes, (size_t)size, is_dump);
    } while (result > 0);
    return result;
}

// `body` is of `size` bytes.
static int ask(const void *body, size_t size, bool is_dump, const struct query *query)
{
    struct {
        struct nlmsghdr header;
        char body[128];
    } request = {
        .header = {.nlmsg_len = (uint32_t)NLMSG_LENGTH(size),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | (is_dump ? NLM_F_DUMP : 0)},
    };
    memcpy(request.body, body, size);
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return -errno;
    int result =
        send(fd, &request, request.header.nlmsg_len, 0) < 0 ? -errno : receive(fd, query, is_dump);
    (void)close(fd);
    return result;
}

int diag_each_tcp(int family, uint32_t states, uint16_t port, diag_tcp_visit *visit, void *context)
{
    const struct query query = {.visit_tcp = visit, .context = context, .port = port};
    const struct inet_diag_req_v2 request = {
        .sdiag_family = (uint8_t)family,
        .sdiag_protocol = IPPROTO_TCP,
        .idiag_states = states,
        .id.idiag_sport = htons(port),
    };
    return ask(&request, sizeof(request), true, &query);
}

int diag_each_unix(uint32_t states, uint32_t inode, diag_unix_visit *visit, void *context)
{
    const struct query query = {.visit_unix = visit, .context = context};
    const struct unix_diag_req request = {
        .sdiag_family = AF_UNIX,
        .udiag_states = states,
        .udiag_ino = inode,
        .udiag_show = UDIAG_SHOW_RQLEN | UDIAG_SHOW_VFS,
        .udiag_cookie = {~0U, ~0U}, // INET_DIAG_NOCOOKIE
    };
    return ask(&request, sizeof(request), inode == 0, &query);
}
