// SPDX-License-Identifier: MIT
// Real servers on real ports, each of them bad in its own way.
#include "os/port.h"

#include "base/limits.h"
#include "os/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop loop;
static struct port_look look;
static unsigned news_count;

static void count_news(struct port_look *of)
{
    assert_ptr_equal(of, &look);
    news_count++;
}

static int open_loop(void **state)
{
    (void)state;
    return loop_open(&loop);
}

static int close_loop(void **state)
{
    (void)state;
    port_look_end(&look);
    loop_close(&loop);
    return 0;
}

// A listener at a port that the kernel picks.
static int listen_at(int family, unsigned *port)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&four : (void *)&six;
    socklen_t size = family == AF_INET ? sizeof(four) : sizeof(six);
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, address, size) < 0) {
        if (fd >= 0)
            (void)close(fd);
        return -1;
    }
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, address, &size), 0);
    *port = ntohs(family == AF_INET ? four.sin_port : six.sin6_port);
    return fd;
}

static void begin(unsigned port, const char *path)
{
    port_look_end(&look);
    news_count = 0;
    port_look_begin(&look, &loop, port, str_of(path), count_news);
}

static void run_until(enum port_state state)
{
    nsec_t until = clock_now() + 10 * NSEC_PER_SEC;
    while (look.state < state && clock_now() < until)
        assert_int_equal(loop_run_once(&loop, until), 0);
    assert_true(look.state >= state);
}

static const char *told(void)
{
    static char text[PORT_REASON_BYTES];
    port_look_tell(&look, NSEC_PER_SEC, text);
    return text;
}

static void read_request(int fd, char *out, size_t capacity)
{
    size_t size = 0;
    out[0] = '\0';
    while (!strstr(out, "\r\n\r\n")) {
        loop_run_once(&loop, 0);
        ssize_t more = recv(fd, out + size, capacity - 1 - size, MSG_DONTWAIT);
        assert_true(more != 0);
        if (more > 0)
            out[size += (size_t)more] = '\0';
    }
}

// Looks at a server that answers so, and closes.
static void ask(const char *answer)
{
    char request[PORT_REQUEST_BYTES + 1];
    unsigned port;
    int listener = listen_at(AF_INET, &port);
    begin(port, "/health");
    int fd = accept(listener, NULL, NULL);
    assert_true(fd >= 0);
    read_request(fd, request, sizeof(request));
    assert_int_equal(write(fd, answer, strlen(answer)), strlen(answer));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    run_until(PORT_ENDED);
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(listener), 0);
}

static void a_connection_is_enough(void **state)
{
    (void)state;
    unsigned port;
    int listener = listen_at(AF_INET, &port);
    begin(port, "");
    run_until(PORT_ENDED);
    assert_int_equal(look.answer, PORT_ACCEPTED);
    assert_true(port_look_is_good(&look));
    assert_int_equal(news_count, 1);
    assert_int_equal(close(listener), 0);
}

static void nobody_listens(void **state)
{
    (void)state;
    unsigned port;
    char wanted[64];
    int listener = listen_at(AF_INET, &port);
    assert_int_equal(close(listener), 0);
    begin(port, "");
    run_until(PORT_ENDED);
    assert_int_equal(look.answer, PORT_REFUSED);
    assert_false(port_look_is_good(&look));
    assert_int_equal(news_count, 1);
    (void)snprintf(wanted, sizeof(wanted), "connection to port %u refused", port);
    assert_string_equal(told(), wanted);
    begin(port, "/health");
    run_until(PORT_ENDED);
    (void)snprintf(wanted, sizeof(wanted), "GET /health at port %u: connection refused", port);
    assert_string_equal(told(), wanted);
}

static void the_second_address_is_tried(void **state)
{
    (void)state;
    unsigned port = 0;
    int listener = listen_at(AF_INET6, &port);
    if (listener < 0)
        skip();
    begin(port, "");
    run_until(PORT_ENDED);
    assert_int_equal(look.answer, PORT_ACCEPTED);
    assert_true(look.is_second);
    assert_int_equal(close(listener), 0);
}

static void the_request_is_what_servers_expect(void **state)
{
    (void)state;
    char request[PORT_REQUEST_BYTES + 1], path[LIMIT_PROBE_BYTES + 1], host[64];
    unsigned port;
    int listener = listen_at(AF_INET, &port);
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    path[LIMIT_PROBE_BYTES] = '\0';
    begin(port, path);
    int fd = accept(listener, NULL, NULL);
    read_request(fd, request, sizeof(request));
    assert_int_equal(strncmp(request, "GET /xxx", 8), 0);
    assert_int_equal(strncmp(request + 4 + LIMIT_PROBE_BYTES, " HTTP/1.1\r\n", 11), 0);
    (void)snprintf(host, sizeof(host), "\r\nHost: localhost:%u\r\n", port);
    assert_non_null(strstr(request, host));
    assert_non_null(strstr(request, "\r\nConnection: close\r\n"));
    assert_true(strlen(told()) < PORT_REASON_BYTES - 1); // a long path is cut in what is said
    port_look_end(&look);
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(listener), 0);
}

static void every_status(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        int status;
        bool is_good;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", 200, true},
        {"HTTP/1.1 200\r\n\r\n", 200, true},
        {"HTTP/1.0 204 No Content\r\n\r\n", 204, true},
        {"HTTP/1.1 200 OK\n\nbare newlines", 200, true},
        {"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", 302, true},
        {"HTTP/1.1 399 ?\r\n\r\n", 399, true},
        {"HTTP/1.1 400 Bad Request\r\n\r\n", 400, false},
        {"HTTP/1.1 404 Not Found\r\n\r\n", 404, false},
        {"HTTP/1.1 503 Service Unavailable\r\n\r\nbusy", 503, false},
        {"HTTP/1.1 999 ?\r\n\r\n", 999, false},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 200, true},
        {"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 500 No\r\n\r\n", 500, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ask(cases[i].answer);
        assert_int_equal(look.answer, PORT_ACCEPTED);
        assert_int_equal(look.status, cases[i].status);
        assert_int_equal(port_look_is_good(&look), cases[i].is_good);
    }
    ask("HTTP/1.1 503 Service Unavailable\r\n\r\n");
    assert_non_null(strstr(told(), ": answered 503"));
    assert_int_equal(strncmp(told(), "GET /health at port ", 20), 0);
}

static void nonsense_is_no_answer(void **state)
{
    (void)state;
    const char *const answers[] = {
        "SSH-2.0-OpenSSH_9.2p1\r\n",
        "HTTP/1.1 20\r\n",
        "HTTP/1.1 2000 OK\r\n",
        "HTTP/2 200\r\n",
        "HTTP/1.1 abc\r\n",
        "\r\n",
        "\n",
        "http/1.1 200 OK\r\n",
        "HTTP/1.1 200",
        "HTTP",
        "HTTP/1.1 099 x\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n",
        "220 mail.example ESMTP\r\n",
    };
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        ask(answers[i]);
        assert_int_equal(look.answer, PORT_NOT_HTTP);
        assert_false(port_look_is_good(&look));
    }
    ask("");
    assert_int_equal(look.answer, PORT_CLOSED);
    assert_non_null(strstr(told(), "closed without an answer"));
}

// A server that is the peer of the look, piece by piece.
static int serve(int *listener)
{
    char request[PORT_REQUEST_BYTES + 1];
    unsigned port;
    *listener = listen_at(AF_INET, &port);
    begin(port, "/");
    int fd = accept(*listener, NULL, NULL);
    read_request(fd, request, sizeof(request));
    return fd;
}

static void an_answer_byte_by_byte(void **state)
{
    (void)state;
    const char answer[] = "HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 204 No Content\r\n";
    int listener;
    int fd = serve(&listener);
    for (size_t i = 0; i + 1 < sizeof(answer); i++) {
        assert_int_equal(news_count, 0);
        assert_int_equal(write(fd, answer + i, 1), 1);
        loop_run_once(&loop, clock_now() + NSEC_PER_SEC);
    }
    assert_int_equal(news_count, 1);
    assert_int_equal(look.state, PORT_DRAINING);
    assert_true(port_look_is_good(&look)); // it need not wait for the rest
    assert_int_equal(close(fd), 0);
    run_until(PORT_ENDED);
    assert_int_equal(news_count, 2);
    assert_true(port_look_is_good(&look));
    assert_int_equal(close(listener), 0);
}

static void endless_answers_are_not_read_to_the_end(void **state)
{
    (void)state;
    static const char *const fronts[] = {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 100 Continue\r\n", "",
                                         "HTTP/1.1 200 and more"};
    static char bytes[64 * 1024];
    memset(bytes, 'x', sizeof(bytes));
    for (size_t i = 0; i < sizeof(fronts) / sizeof(fronts[0]); i++) {
        int listener;
        int fd = serve(&listener);
        assert_true(write(fd, fronts[i], strlen(fronts[i])) >= 0);
        assert_true(write(fd, bytes, sizeof(bytes)) > 0);
        run_until(PORT_ENDED);
        assert_int_equal(look.answer, i == 0 ? PORT_ACCEPTED : PORT_NOT_HTTP);
        assert_true(look.received < 32 * 1024);
        assert_int_equal(close(fd), 0);
        assert_int_equal(close(listener), 0);
    }
}

static void silence_is_ended_by_the_caller(void **state)
{
    (void)state;
    int listener;
    int fd = serve(&listener);
    port_look_poke(&look);
    assert_int_equal(look.answer, PORT_SILENT);
    assert_non_null(strstr(told(), "no answer within 1s"));
    assert_int_equal(write(fd, "HTTP/1.1 200 OK\r\n", 17), 17);
    port_look_poke(&look); // the loop had no time for it
    assert_true(port_look_is_good(&look));
    port_look_end(&look);
    port_look_end(&look);
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(listener), 0);
}

static void a_reset_connection_is_closed(void **state)
{
    (void)state;
    const struct linger at_once = {.l_onoff = 1};
    int listener;
    int fd = serve(&listener);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    assert_int_equal(close(fd), 0);
    run_until(PORT_ENDED);
    assert_int_equal(look.answer, PORT_CLOSED);
    assert_int_equal(close(listener), 0);
}

static void our_own_shortage_says_nothing_of_the_port(void **state)
{
    (void)state;
    struct rlimit before, none;
    unsigned port;
    int listener = listen_at(AF_INET, &port);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    begin(port, "");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(look.state, PORT_ENDED);
    assert_int_equal(look.answer, PORT_UNKNOWN);
    assert_int_equal(news_count, 1);
    assert_int_equal(close(listener), 0);
}

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, text, strlen(text)) > 0)
        (void)close(fd);
}

// A network of its own, in which the port is the only one that a connection can come from.
static int connect_to_itself(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    if (unshare(CLONE_NEWNET) < 0)
        return 2;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
        return 2;
    write_text("/proc/sys/net/ipv4/ip_local_port_range", "5000 5000");
    begin(5000, "");
    nsec_t until = clock_now() + 10 * NSEC_PER_SEC;
    while (look.state != PORT_ENDED && clock_now() < until)
        (void)loop_run_once(&loop, until);
    return look.answer == PORT_ACCEPTED ? 1 : 0;
}

static void a_port_that_is_connected_to_itself_is_not_open(void **state)
{
    (void)state;
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(connect_to_itself());
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WEXITSTATUS(status) == 2)
        skip();
    assert_int_equal(status, 0);
}

static unsigned count_descriptors(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void a_thousand_looks_leave_no_descriptor(void **state)
{
    (void)state;
    unsigned port, closed_port;
    int listener = listen_at(AF_INET, &closed_port);
    assert_int_equal(close(listener), 0);
    listener = listen_at(AF_INET, &port);
    unsigned before = count_descriptors();
    for (int i = 0; i < 1000; i++) {
        begin(i % 2 ? port : closed_port, i % 4 < 2 ? "" : "/health");
        if (i % 5 == 0)
            loop_run_once(&loop, 0);
        else if (i % 4 != 3) // that one is not answered
            run_until(PORT_ENDED);
        port_look_end(&look);
        if (i % 2)
            (void)close(accept(listener, NULL, NULL));
    }
    assert_int_equal(count_descriptors(), before);
    assert_int_equal(close(listener), 0);
}

#define LOOK_TEST(name) cmocka_unit_test_setup_teardown(name, open_loop, close_loop)

int main(void)
{
    look.state = PORT_ENDED;
    const struct CMUnitTest tests[] = {
        LOOK_TEST(a_connection_is_enough),
        LOOK_TEST(nobody_listens),
        LOOK_TEST(the_second_address_is_tried),
        LOOK_TEST(the_request_is_what_servers_expect),
        LOOK_TEST(every_status),
        LOOK_TEST(nonsense_is_no_answer),
        LOOK_TEST(an_answer_byte_by_byte),
        LOOK_TEST(endless_answers_are_not_read_to_the_end),
        LOOK_TEST(silence_is_ended_by_the_caller),
        LOOK_TEST(a_reset_connection_is_closed),
        LOOK_TEST(our_own_shortage_says_nothing_of_the_port),
        LOOK_TEST(a_port_that_is_connected_to_itself_is_not_open),
        LOOK_TEST(a_thousand_looks_leave_no_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
