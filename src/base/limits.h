// SPDX-License-Identifier: MIT
// Every limit on what a user can grow, each with its reason. Reaching one is a clear error.
#pragma once

// Process types in one formation. A Procfile of 256 lines is already a design problem; the number
// bounds the tables that are walked once a request.
#define LIMIT_TYPES 256

// Processes in one formation, all types together. Each costs four descriptors and 200 bytes of
// shared memory; a machine of Debian 12 has 32768 pids by default.
#define LIMIT_PROCESSES 8192

// A process type's name. With the longest number it must fit a cgroup's file name (255) and leave
// room for the text of a line on an 80 column terminal.
#define LIMIT_NAME_BYTES 100

// One command, one `NAME=value`: the kernel takes no argument or variable longer than 32 pages
// (MAX_ARG_STRLEN, execve(2)), the final NUL included.
#define LIMIT_ARGUMENT_BYTES (128 * 1024)

// argv and environment of one process together; the kernel's own default is a quarter of an 8 MiB
// stack (execve(2)).
#define LIMIT_LAUNCH_BYTES (2 * 1024 * 1024)
#define LIMIT_LAUNCH_STRINGS 16384

// A Procfile, .env or formation.yaml. Larger ones are not configuration but a mistake (a log, a
// database) that should not be read into memory.
#define LIMIT_FILE_BYTES (16 * 1024 * 1024)

// The path or pattern of a probe; each is one line of a file. A pattern's parts, with all that
// the C library writes out for its repetitions, take some hundred bytes each.
#define LIMIT_PROBE_BYTES 1024
#define LIMIT_PATTERN_PARTS 4096

// Looks at processes (connections, requests, commands) under way at once: a descriptor each, and a
// process each for commands. Those at healthy processes take milliseconds, so thousands take turns.
#define LIMIT_LOOKS 256
#define LIMIT_LOOK_COMMANDS 32

// Supplementary groups of a process's user. The kernel takes 65536; all of them go along with each
// spawn, and who is in more than a thousand has a directory service that nests them.
#define LIMIT_USER_GROUPS 1024

// What a process's tree may be limited to. With less memory than a mebibyte no program starts; the
// kernel has no more pids than 2^22 (PID_MAX_LIMIT); no machine has that many processors.
#define LIMIT_LEAST_MEMORY_BYTES (1024 * 1024)
#define LIMIT_TREE_PROCESSES (4 * 1024 * 1024)
#define LIMIT_PROCESSORS 10000

// Findings that `check` lists; the rest is counted. Nobody reads the 101st.
#define LIMIT_DIAGNOSTICS 100

// One line of output. Longer ones are cut here, with a note, so that a process that never writes a
// newline holds bounded memory. Twice the longest line that the tests promise to keep whole.
#define LIMIT_LINE_BYTES (4 * 1024 * 1024)

// Unfinished lines of all processes together: above it the line that grows is cut.
#define LIMIT_HELD_BYTES (64 * 1024 * 1024)

// Sinks of lines besides standard output. Each takes a queue's worth of address space and a look
// at every line; who wants more has one written to by another program.
#define LIMIT_SINKS 16

// Names and patterns of one sink, each compared with every process once. Each may be as long as
// the longest name of a process; what is longer fits none or has a * twice.
#define LIMIT_SINK_PATTERNS 64

// A sink's path, as it is written. What it becomes for a process must fit the kernel's PATH_MAX.
#define LIMIT_SINK_PATH_BYTES 1024

// Files that a rotation keeps beside the one that is written: all are listed and sorted each time.
#define LIMIT_ROTATED_FILES 1000

// Files that are listed beside one log: each rotated one may be there compressed, not compressed
// and partly. The rest are those of more `keep` in former times; they are seen, and deleted, later.
#define LIMIT_SHELF (8 * LIMIT_ROTATED_FILES)

// Files that wait to be compressed, one after the other. Those that find no place stay as they are
// until their log is rotated the next time.
#define LIMIT_COMPRESSIONS 1024

// A host's name, as in DNS (RFC 1035, 2.3.4).
#define LIMIT_HOST_BYTES 253

// What waits for a sink that drops lines when it is slow: some ten thousand lines bridge the
// restart of a syslog server.
#define LIMIT_SINK_QUEUE_BYTES (1024 * 1024)

// What may wait for a slow terminal, file or sink while a process that has ended is read to its
// end, so that the next one can be started: a dozen of them with a full pipe each, or thousands of
// common crashes. Above it the next one has to wait, too, since nothing is thrown away.
#define LIMIT_REST_QUEUE_BYTES (16 * 1024 * 1024)

// Events kept for late readers. 4096 covers the whole start and stop of a thousand processes.
#define LIMIT_JOURNAL_EVENTS 4096

// Listening sockets that are kept for processes: each needs a reserved low descriptor. A service
// has a handful.
#define LIMIT_SOCKETS 16

// Listening sockets that the formation opens itself (`listen`): of a type and of all types. Each of
// a type needs a reserved low descriptor, as above; the guard has a fixed place for each of all.
#define LIMIT_TYPE_LISTENERS 8
#define LIMIT_LISTENERS 64

// …and the name of one, as systemd has it (systemd.socket(5), FileDescriptorName=).
#define LIMIT_SOCKET_NAME_BYTES 255

// -m web=…: more would not fit LIMIT_PROCESSES anyway.
#define LIMIT_QUANTITY LIMIT_PROCESSES

// Times of the week in which a type has more processes than otherwise: some each day are many.
#define LIMIT_SCALE_SPANS 64

// Clients of the control socket at a time; the next ones wait in the kernel's queue. Some hundreds
// are a team's dashboards; each costs a descriptor and what is below.
#define LIMIT_CLIENTS 1024

// What waits for one client that does not read: a listing of 8192 processes is 3 MiB, and whoever
// listens to lines or events misses those that do not fit.
#define LIMIT_CLIENT_QUEUE_BYTES (256 * 1024)

// A call of a client, as JSON. The longest useful one names a thousand processes, at their longest;
// hundreds of clients may each have sent half of one.
#define LIMIT_MESSAGE_BYTES (128 * 1024)

// One reply, as a client takes it. A line of LIMIT_LINE_BYTES may be six times as long in JSON; a
// listing of all processes at their longest is about the same.
#define LIMIT_REPLY_BYTES (64 * 1024 * 1024)

// Objects and lists within each other in a message. The deepest that we write is 8 (Why), so the
// rest is room for later versions, and no parser's stack is at risk.
#define LIMIT_MESSAGE_DEPTH 16

// Names in one request, changes likewise: whoever means more of them means all, or a type.
#define LIMIT_PATTERNS 1024

// Names with * or ? among them. Each is compared with every type, and maybe every process, byte by
// byte; all of them together must not keep the manager from its processes for 10 ms.
#define LIMIT_WILDCARDS 64

// Processes that one router spreads connections over: its whole table is one message of 128 KiB,
// which fits a socket's buffer (net.core.wmem_default, 208 KiB).
#define LIMIT_ROUTE_BACKENDS 1024

// Connections that one router carries: two descriptors and some 200 bytes each. It takes no more
// than its limit of open files allows, and leaves the next ones in the kernel's queue.
#define LIMIT_ROUTE_CONNECTIONS 16384

// … and those of them that wait for a process.
#define LIMIT_ROUTE_WAITING LIMIT_ROUTE_CONNECTIONS

// Blocks of 64 KiB and pipes of 256 KiB that hold what slow clients do not take yet. Without any
// that is free, bytes wait in the kernel's buffers of their sender.
#define LIMIT_ROUTE_BLOCKS 512
#define LIMIT_ROUTE_PIPES 128

// Sockets that one router listens at: an address each.
#define LIMIT_ROUTE_LISTENERS LIMIT_SOCKETS
