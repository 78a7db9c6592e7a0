// SPDX-License-Identifier: MIT
// By the name that the daemon has, which need not be the program's: some set a title (comm is cut
// to 15 bytes by the kernel). An ellipsis stands for the other arguments.
#include "view/foreground.h"

#include <stddef.h>

static const struct {
    const char *name; // a daemon's name begins so
    const char *command;
} programs[] = {
    {"apache2", "apache2 … -DFOREGROUND"},
    {"atd", "atd -f"},
    {"avahi-daemon", "avahi-daemon … without -D"},
    {"beam.smp", "the release's `start`, not `daemon`"},
    {"celery", "celery … worker, not `multi`, without --detach"},
    {"cron", "cron -f"},
    {"dnsmasq", "dnsmasq … -k"},
    {"dockerd", "dockerd …, not by a service script"},
    {"dovecot", "dovecot … -F"},
    {"exim4", "exim4 … -bdf, not -bd"},
    {"fcgiwrap", "fcgiwrap …, without spawn-fcgi"},
    {"gunicorn", "gunicorn … without --daemon"},
    {"haproxy", "haproxy … -db, without `daemon` in its configuration"},
    {"httpd", "httpd … -DFOREGROUND"},
    {"lighttpd", "lighttpd … -D"},
    {"mariadbd", "mariadbd …, without mysqld_safe or a service script"},
    {"memcached", "memcached … without -d"},
    {"mongod", "mongod … without --fork"},
    {"mosquitto", "mosquitto … without -d"},
    {"mysqld", "mysqld … without --daemonize"},
    {"named", "named … -f"},
    {"nginx", "nginx … -g 'daemon off;'"},
    {"php-fpm", "php-fpm … -F"},
    {"postgres", "postgres …, without pg_ctl"},
    {"proftpd", "proftpd … -n"},
    {"puma", "puma … without -d or --daemon"},
    {"redis-sentinel", "redis-sentinel … --daemonize no"},
    {"redis-server", "redis-server … --daemonize no"},
    {"rsync", "rsync --daemon --no-detach …"},
    {"rsyslogd", "rsyslogd … -n"},
    {"sidekiq", "sidekiq … without -d"},
    {"slapd", "slapd … -d 0"},
    {"snmpd", "snmpd … -f"},
    {"squid", "squid … --foreground"}, // -N would do, but with one worker only
    {"sshd", "sshd … -D"},
    {"stunnel4", "stunnel4 with `foreground = yes` in its configuration"},
    {"twistd", "twistd … --nodaemon"},
    {"unicorn", "unicorn … without -D"},
    {"uwsgi", "uwsgi … without --daemonize"},
    {"valkey-server", "valkey-server … --daemonize no"},
    {"varnishd", "varnishd … -F"},
    {"vsftpd", "vsftpd … -obackground=NO"},
};

struct str foreground_command(struct str name)
{
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
        if (str_starts_with(name, programs[i].name))
            return str_of(programs[i].command);
    return str_of("");
}
