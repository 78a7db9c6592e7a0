// SPDX-License-Identifier: MIT
// Bytes on each of the three ways, of sockets of both kinds, in pieces of any size.
#include "route/flow.h"

#include "base/limits.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { BYTES = 8 * 1024 * 1024 };

static struct pool *pool;
static char *bytes;
static char *got;

// The writer, our source; our target, the reader.
static int writer, source, target, reader;

static int make(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    bytes = malloc(BYTES);
    got = malloc(BYTES);
    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = (char)(rand() >> 5);
    return 0;
}

static int destroy(void **state)
{
    (void)state;
    free(bytes);
    free(got);
    return 0;
}

static void connect_pair(bool is_tcp, int *one, int *other)
{
    int pair[2];
    if (!is_tcp) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    } else {
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(address);
        int listener = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
        assert_int_equal(listen(listener, 1), 0);
        assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
        pair[0] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(pair[0], (struct sockaddr *)&address, size), 0);
        pair[1] = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        (void)close(listener);
        assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
    }
    *one = pair[0];
    *other = pair[1];
}

static void open_all(bool is_tcp)
{
    connect_pair(is_tcp, &writer, &source);
    connect_pair(is_tcp, &target, &reader);
    pool = calloc(1, sizeof(*pool));
    pool->most_pipes = 4;
}

static void close_all(void)
{
    int fds[] = {writer, source, target, reader};
    for (size_t i = 0; i < 4; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    assert_int_equal(pool->free_pipe_count, pool->pipe_count);
    pool_fini(pool);
    free(pool);
}

static size_t piece(size_t left, size_t most)
{
    size_t size = 1 + (size_t)rand() % most;
    return size < left ? size : left;
}

// Moves all of the bytes; returns what is the news in the end.
static enum flow_news carry(struct flow *flow, size_t most_written, size_t most_read)
{
    size_t written = 0;
    size_t read_count = 0;
    uint64_t moved = 0;
    enum flow_news news = FLOW_DRY;
    while (news != FLOW_ENDED || read_count < BYTES) {
        ssize_t size = 0;
        if (written < BYTES) {
            size = write(writer, bytes + written, piece(BYTES - written, most_written));
            written += size > 0 ? (size_t)size : 0;
            if (written == BYTES)
                assert_int_equal(shutdown(writer, SHUT_WR), 0);
        }
        if (news != FLOW_ENDED)
            news = flow_move(flow, pool, source, target, written == BYTES, &moved);
        assert_true(news != FLOW_GOES_ON && news != FLOW_SOURCE_LOST && news != FLOW_TARGET_LOST);
        size = read(reader, got + read_count, piece(BYTES - read_count, most_read));
        read_count += size > 0 ? (size_t)size : 0;
    }
    assert_true(moved == BYTES);
    assert_memory_equal(bytes, got, BYTES);
    assert_false(flow_has_bytes(flow));
    flow_fini(flow, pool);
    return news;
}

static void carry_all_sizes(unsigned blocks, unsigned pipes)
{
    const size_t sizes[][2] = {{300000, 300000}, {300000, 5000}, {5000, 300000}, {70000, 70000}};
    for (unsigned is_tcp = 0; is_tcp < 2; is_tcp++)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            struct flow flow = {0};
            open_all(is_tcp);
            pool->block_count = LIMIT_ROUTE_BLOCKS - blocks; // these are others'
            pool->most_pipes = pipes;
            assert_int_equal(carry(&flow, sizes[i][0], sizes[i][1]), FLOW_ENDED);
            assert_true(pool->pipe_count <= pipes);
            assert_int_equal(pool->block_count - pool->free_block_count,
                             LIMIT_ROUTE_BLOCKS - blocks);
            close_all();
        }
}

static void by_pipes(void **state)
{
    (void)state;
    carry_all_sizes(1, 1);
}

static void by_blocks(void **state)
{
    (void)state;
    carry_all_sizes(1, 0);
}

static void by_looking_only(void **state)
{
    (void)state;
    carry_all_sizes(0, 0);
}

static void nothing_is_held_while_nothing_comes(void **state)
{
    (void)state;
    struct flow flow = {0};
    uint64_t moved = 0;
    open_all(true);
    assert_int_equal(flow_move(&flow, pool, source, target, false, &moved), FLOW_DRY);
    assert_null(flow.block);
    assert_null(flow.pipe);
    close_all();
}

static void a_target_that_takes_nothing_holds_a_block_at_most(void **state)
{
    (void)state;
    for (unsigned is_tcp = 0; is_tcp < 2; is_tcp++) {
        struct flow flow = {0};
        uint64_t moved = 0;
        enum flow_news news = FLOW_DRY;
        open_all(is_tcp);
        while (news != FLOW_STUCK) {
            (void)!write(writer, bytes, BYTES / 8);
            news = flow_move(&flow, pool, source, target, false, &moved);
        }
        assert_true(flow_has_bytes(&flow));
        assert_true(flow.size <= POOL_PIPE_BYTES);
        flow_fini(&flow, pool); // with what it holds
        close_all();
    }
}

static void a_reset_comes_after_all_bytes(void **state)
{
    (void)state;
    const struct linger none = {.l_onoff = 1, .l_linger = 0};
    struct flow flow = {0};
    uint64_t moved = 0;
    open_all(true);
    assert_int_equal(write(writer, bytes, 1000), 1000);
    assert_int_equal(setsockopt(writer, SOL_SOCKET, SO_LINGER, &none, sizeof(none)), 0);
    assert_int_equal(close(writer), 0);
    writer = -1;
    assert_int_equal(flow_move(&flow, pool, source, target, true, &moved), FLOW_SOURCE_LOST);
    assert_int_equal(moved, 1000);
    assert_int_equal(read(reader, got, BYTES), 1000);
    close_all();
}

static void a_target_that_is_gone_is_lost(void **state)
{
    (void)state;
    for (unsigned is_tcp = 0; is_tcp < 2; is_tcp++) {
        struct flow flow = {0};
        uint64_t moved = 0;
        enum flow_news news = FLOW_DRY;
        open_all(is_tcp);
        assert_int_equal(close(reader), 0);
        reader = -1;
        for (unsigned i = 0; i < 3 && news == FLOW_DRY; i++) { // by TCP the first one asks
            assert_int_equal(write(writer, bytes, 1000), 1000);
            news = flow_move(&flow, pool, source, target, false, &moved);
        }
        assert_int_equal(news, FLOW_TARGET_LOST);
        assert_false(flow_has_bytes(&flow));
        close_all();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_pipes),
        cmocka_unit_test(by_blocks),
        cmocka_unit_test(by_looking_only),
        cmocka_unit_test(nothing_is_held_while_nothing_comes),
        cmocka_unit_test(a_target_that_takes_nothing_holds_a_block_at_most),
        cmocka_unit_test(a_reset_comes_after_all_bytes),
        cmocka_unit_test(a_target_that_is_gone_is_lost),
    };
    return cmocka_run_group_tests(tests, make, destroy);
}
