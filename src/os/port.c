// SPDX-License-Identifier: MIT
// The answer is told as soon as the status line is there. What follows is read and thrown away, up
// to a limit: a server whose connection is reset in the middle of its answer complains about it.
#include "os/port.h"

#include "base/limits.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// What a health check answers is a few bytes; whoever sends more is not read to the end.
enum { MOST_ANSWER_BYTES = 16 * 1024 };

_Static_assert(PORT_REQUEST_BYTES >= LIMIT_PROBE_BYTES + 256, "a request has room for its path");

static void on_ready(struct loop_source *source, uint32_t events);

static void close_connection(struct port_look *look)
{
    loop_remove(look->loop, &look->source);
    if (look->source.fd >= 0)
        (void)close(look->source.fd);
    look->source.fd = -1;
}

static void finish(struct port_look *look, enum port_answer answer, int error)
{
    close_connection(look);
    look->state = PORT_ENDED;
    look->answer = answer;
    look->error = error;
    look->news(look);
}

// What is lacking here, not there.
static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
           error == EADDRNOTAVAIL || error == EAGAIN;
}

static void fail(struct port_look *look, int error)
{
    // There is no IPv6 on this machine, or only a little of it.
    bool has_no_second = look->is_second && (error == EADDRNOTAVAIL || !is_shortage(error));
    if (has_no_second)
        finish(look, PORT_REFUSED, ECONNREFUSED);
    else
        finish(look, is_shortage(error) ? PORT_UNKNOWN : PORT_FAILED, error);
}

static int start_connecting(struct port_look *look)
{
    struct sockaddr_in four = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)look->port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    struct sockaddr_in6 six = {
        .sin6_family = AF_INET6,
        .sin6_port = htons((uint16_t)look->port),
        .sin6_addr = IN6ADDR_LOOPBACK_INIT,
    };
    const struct sockaddr *address =
        look->is_second ? (const struct sockaddr *)&six : (const struct sockaddr *)&four;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    int result =
        connect(fd, address, look->is_second ? sizeof(six) : sizeof(four)) < 0 ? -errno : 0;
    if (result == 0 || result == -EINPROGRESS)
        result = loop_add(look->loop, &look->source, fd, EPOLLOUT, on_ready);
    if (result < 0)
        (void)close(fd);
    return result;
}

static void on_refused(struct port_look *look);

static void connect_next(struct port_look *look)
{
    look->state = PORT_CONNECTING;
    look->source = (struct loop_source){.fd = -1};
    int result = start_connecting(look);
    if (result == -ECONNREFUSED)
        on_refused(look);
    else if (result < 0)
        fail(look, -result);
}

static void on_refused(struct port_look *look)
{
    close_connection(look);
    if (look->is_second) {
        finish(look, PORT_REFUSED, ECONNREFUSED);
        return;
    }
    look->is_second = true;
    connect_next(look);
}

// Where nobody listens, and the port is one that the kernel picks for outgoing connections, it may
// pick this very one: then TCP connects the socket to itself.
static bool is_connected_to_itself(int fd)
{
    struct sockaddr_storage own = {0}, peer = {0};
    socklen_t own_size = sizeof(own), peer_size = sizeof(peer);
    return getsockname(fd, (struct sockaddr *)&own, &own_size) == 0 &&
           getpeername(fd, (struct sockaddr *)&peer, &peer_size) == 0 && own_size == peer_size &&
           memcmp(&own, &peer, own_size) == 0;
}

static void wait_for(struct port_look *look, enum port_state state, uint32_t events)
{
    int fd = look->source.fd;
    look->state = state;
    loop_remove(look->loop, &look->source);
    int result = loop_add(look->loop, &look->source, fd, events, on_ready);
    look->source.fd = fd;
    if (result < 0)
        finish(look, PORT_UNKNOWN, -result);
}

static void send_request(struct port_look *look)
{
    ssize_t size = send(look->source.fd, look->request + look->sent,
                        look->request_size - look->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size < 0) {
        finish(look, PORT_CLOSED, errno);
        return;
    }
    look->sent += (size_t)size;
    if (look->sent == look->request_size)
        wait_for(look, PORT_READING, EPOLLIN);
}

static void on_connected(struct port_look *look)
{
    int error = 0;
    socklen_t size = sizeof(error);
    (void)getsockopt(look->source.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error == ECONNREFUSED || (error == 0 && is_connected_to_itself(look->source.fd))) {
        on_refused(look);
    } else if (error) {
        fail(look, error);
    } else if (look->request_size == 0) {
        finish(look, PORT_ACCEPTED, 0);
    } else {
        look->state = PORT_SENDING;
        send_request(look);
    }
}

// "HTTP/1.1 200": the number, or 0 if it is something else.
static int parse_status(const char line[PORT_STATUS_BYTES], size_t size)
{
    enum { BEHIND = 12 };
    int status = 0;
    if (size < BEHIND || memcmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ')
        return 0;
    for (int i = 9; i < BEHIND; i++) {
        if (line[i] < '0' || line[i] > '9')
            return 0;
        status = 10 * status + (line[i] - '0');
    }
    return size == BEHIND || line[BEHIND] == ' ' ? status : 0;
}

// Returns false when it is known what the answer is.
static bool end_line(struct port_look *look, size_t size)
{
    if (look->skips_to_headers) {
        look->skips_to_headers = size > 0; // an empty line ends them
        return true;
    }
    int status = parse_status(look->status_line, size);
    if (status >= 100 && status < 200) { // the real answer follows
        look->skips_to_headers = true;
        return true;
    }
    look->status = status;
    look->answer = status >= 200 ? PORT_ACCEPTED : PORT_NOT_HTTP;
    return false;
}

// Only the front of a line is kept, and its length counted. A '\r' before the end is none of it.
static bool read_byte(struct port_look *look, char byte)
{
    if (byte == '\n') {
        size_t kept = look->line_size < PORT_STATUS_BYTES ? look->line_size : PORT_STATUS_BYTES;
        bool has_return =
            kept == look->line_size && kept > 0 && look->status_line[kept - 1] == '\r';
        look->line_size = 0;
        return end_line(look, kept - has_return);
    }
    if (look->line_size < PORT_STATUS_BYTES)
        look->status_line[look->line_size] = byte;
    look->line_size++;
    return true;
}

static void on_bytes(struct port_look *look, const char *bytes, size_t size)
{
    look->received += size;
    if (look->state == PORT_READING)
        for (size_t i = 0; i < size; i++)
            if (!read_byte(look, bytes[i])) {
                look->state = PORT_DRAINING;
                break;
            }
}

static void receive(struct port_look *look)
{
    char bytes[4096];
    ssize_t size;
    bool was_reading = look->state == PORT_READING;
    do {
        size = recv(look->source.fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    } while (size < 0 && errno == EINTR);
    if (size < 0 && errno == EAGAIN)
        return;
    if (size > 0)
        on_bytes(look, bytes, (size_t)size);
    bool is_over = size <= 0 || look->received >= MOST_ANSWER_BYTES;
    if (is_over && look->state == PORT_READING)
        finish(look, look->received > 0 ? PORT_NOT_HTTP : PORT_CLOSED, 0);
    else if (is_over)
        finish(look, look->answer, 0);
    else if (was_reading && look->state == PORT_DRAINING)
        look->news(look);
}

static void go_on(struct port_look *look)
{
    switch (look->state) {
    case PORT_CONNECTING:
        on_connected(look);
        break;
    case PORT_SENDING:
        send_request(look);
        break;
    case PORT_READING:
    case PORT_DRAINING:
        receive(look);
        break;
    case PORT_ENDED:
        break;
    }
}

static void on_ready(struct loop_source *source, uint32_t events)
{
    (void)events;
    go_on(loop_owner(source, struct port_look, source));
}

void port_look_begin(struct port_look *look, struct loop *loop, unsigned port, struct str path,
                     port_look_news *news)
{
    *look = (struct port_look){.loop = loop, .news = news, .port = port};
    if (path.size > 0)
        look->request_size = (size_t)snprintf(look->request, sizeof(look->request),
                                              "GET %.*s HTTP/1.1\r\n"
                                              "Host: localhost:%u\r\n"
                                              "User-Agent: formation/" FORMATION_VERSION "\r\n"
                                              "Accept: */*\r\n"
                                              "Connection: close\r\n\r\n",
                                              STR_ARGS(path), port);
    connect_next(look);
}

bool port_look_is_good(const struct port_look *look)
{
    bool is_accepted = look->answer == PORT_ACCEPTED;
    return is_accepted && (look->request_size == 0 || (look->status >= 200 && look->status < 400));
}

void port_look_poke(struct port_look *look)
{
    struct pollfd ready = {
        .fd = look->source.fd,
        .events = look->state == PORT_CONNECTING || look->state == PORT_SENDING ? POLLOUT : POLLIN,
    };
    if (look->state != PORT_ENDED && poll(&ready, 1, 0) == 1)
        go_on(look);
}

void port_look_end(struct port_look *look)
{
    if (look->state != PORT_ENDED)
        close_connection(look);
    look->state = PORT_ENDED;
}

// What was looked at: "connection to port 5000", or "GET /health at port 5000: " as far as it fits.
static int tell_subject(const struct port_look *look, char out[PORT_REASON_BYTES])
{
    if (look->request_size == 0)
        return snprintf(out, PORT_REASON_BYTES, "connection to port %u", look->port);
    struct str request = str_from(look->request, look->request_size);
    struct str path = str_slice(request, 4, request.size);
    path = str_excerpt(str_slice(path, 0, str_find_char(path, ' ')));
    return snprintf(out, PORT_REASON_BYTES, "GET %.*s at port %u: ", STR_ARGS(path), look->port);
}

void port_look_tell(const struct port_look *look, nsec_t after, char out[PORT_REASON_BYTES])
{
    char text[DURATION_TEXT_BYTES];
    bool asks = look->request_size > 0;
    int size = tell_subject(look, out);
    char *to = out + size;
    size_t room = PORT_REASON_BYTES - (size_t)size;
    switch (look->answer) {
    case PORT_SILENT:
        (void)snprintf(to, room, "%sno answer within %s", asks ? "" : ": ",
                       duration_format(after, text));
        break;
    case PORT_ACCEPTED:
        if (asks)
            (void)snprintf(to, room, "answered %d", look->status);
        else
            (void)snprintf(to, room, " accepted");
        break;
    case PORT_REFUSED:
        (void)snprintf(to, room, "%s refused", asks ? "connection" : "");
        break;
    case PORT_FAILED:
    case PORT_UNKNOWN:
        (void)snprintf(to, room, "%s%s", asks ? "" : ": ", strerrordesc_np(look->error));
        break;
    case PORT_CLOSED:
        (void)snprintf(to, room, "closed without an answer");
        break;
    case PORT_NOT_HTTP:
        (void)snprintf(to, room, "answered by something else than HTTP");
        break;
    }
}
