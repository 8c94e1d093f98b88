/* How a board is named, and what OpenSSH's configuration says of it. */
#include "transport/ssh-config.h"
#include "transport/ssh-words.h"

#include "base/fs.h"
#include "tests/tap.h"

#include <unistd.h>

/* ---- names */

static const struct {
	const char *text, *user, *host;
	unsigned port;
} names[] = {
	{"ssh://pi", NULL, "pi", 0},
	{"ssh://root@pi.lab:2222", "root", "pi.lab", 2222},
	{"ssh://root@pi/", "root", "pi", 0},
	{"ssh://[fe80::1%eth0]:22", NULL, "fe80::1%eth0", 22},
	{"ssh://me@[::1]", "me", "::1", 0},
	{"ssh://a@b@pi", "a@b", "pi", 0},
	{"root@jump:22", "root", "jump", 22},
	{"ssh://", NULL, NULL, 0},
	{"ssh://pi:0", NULL, NULL, 0},
	{"ssh://pi:65536", NULL, NULL, 0},
	{"ssh://pi:99999999999999999999", NULL, NULL, 0},
	{"ssh://pi:x", NULL, NULL, 0},
	{"ssh://-oProxyCommand=x", NULL, NULL, 0},
	{"ssh://-l@pi", NULL, NULL, 0},
	{"ssh://pi/path", NULL, NULL, 0},
	{"ssh://root:secret@pi", NULL, NULL, 0},
	{"ssh://pi;reboot", NULL, NULL, 0},
	{"ssh://$(reboot)", NULL, NULL, 0},
	{"ssh://[::1", NULL, NULL, 0},
	{"ssh://pi lab", NULL, NULL, 0},
};

static void test_names(void)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct ssh_uri uri = {0};
		struct err e = {0};
		int status = ssh_uri_parse(names[i].text, &uri, &e);

		if (!names[i].host) {
			ok(status < 0 && e.kind == ERR_USAGE, "%s is refused",
				names[i].text);
			ok(!strstr(e.msg, "secret"), "... and nothing secret repeated");
		} else {
			ok(status == 0 && streq_null(uri.user, names[i].user) &&
					streq(uri.host, names[i].host) &&
					uri.port == names[i].port,
				"%s", names[i].text);
		}
		ssh_uri_release(&uri);
	}
}

/* ---- patterns */

static const struct {
	const char *list, *text;
	bool matches;
} patterns[] = {
	{"*", "pi", true},
	{"pi", "pi", true},
	{"PI", "pi", true},
	{"pi?", "pi4", true},
	{"pi?", "pi", false},
	{"*.lab", "pi.lab", true},
	{"*.lab", "lab", false},
	{"a,b*,c", "board", true},
	{"*.lab,!pi.lab", "pi.lab", false},
	{"*.lab,!pi.lab", "pa.lab", true},
	{"!pi.lab", "pa.lab", false},
	{"", "pi", false},
	{"*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
};

static void test_patterns(void)
{
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
		ok(ssh_words_match_list(patterns[i].list, ",", patterns[i].text) ==
				patterns[i].matches,
			"\"%s\" and %s", patterns[i].list, patterns[i].text);
}

/* ---- files */

static const struct {
	const char *name, *uri, *text;
	/* "user@host:port", then what else was asked for. */
	const char *where, *more;
} files[] = {
	{"nothing is said", "ssh://pi", "", "me@pi:22",
		"key /h/me/.ssh/id_ed25519 known /h/me/.ssh/known_hosts strict 0"},
	{"a host's section", "ssh://pi",
		"Host other\n\tPort 1\nHost pi\n\tHostName 10.0.0.7\n\tPort 2222\n\tUser "
		"root\n",
		"root@10.0.0.7:2222",
		"key /h/me/.ssh/id_ed25519 known /h/me/.ssh/known_hosts strict 0"},
	{"the first word counts", "ssh://pi", "User a\nPort 5\nHost *\nUser b\nPort 6\n",
		"a@pi:5", NULL},
	{"the command line goes before", "ssh://root@pi:7", "User a\nPort 5\n",
		"root@pi:7", NULL},
	{"equals signs, quotes, cases", "ssh://pi",
		"HOSTNAME=\"10.0.0.7\"\nport = 9 # the odd one\n", "me@10.0.0.7:9", NULL},
	{"a negated pattern", "ssh://pi.lab", "Host *.lab !pi.lab\nUser a\n",
		"me@pi.lab:22", NULL},
	{"tokens", "ssh://pi",
		"HostName %h.lab\nUser root\nIdentityFile ~/keys/%h-%r\n"
		"UserKnownHostsFile %d/known/%n\n",
		"root@pi.lab:22",
		"key /h/me/keys/pi.lab-root known /h/me/known/pi strict 0"},
	{"strict, and accepting", "ssh://pi", "StrictHostKeyChecking accept-new\n",
		"me@pi:22",
		"key /h/me/.ssh/id_ed25519 known /h/me/.ssh/known_hosts strict 2"},
	{"never less than accepting new ones", "ssh://pi", "StrictHostKeyChecking no\n",
		"me@pi:22",
		"key /h/me/.ssh/id_ed25519 known /h/me/.ssh/known_hosts strict 2"},
	{"the stricter, said first, holds", "ssh://pi",
		"StrictHostKeyChecking yes\nHost *\nStrictHostKeyChecking no\n",
		"me@pi:22",
		"key /h/me/.ssh/id_ed25519 known /h/me/.ssh/known_hosts strict 1"},
	{"a match of host and user", "ssh://pi",
		"Match host pi user me\nPort 3\nMatch host pi user root\nPort 4\n",
		"me@pi:3", NULL},
	{"a match of a command", "ssh://pi",
		"Match exec \"test %h = pa\"\nPort 3\nMatch exec \"test %h = pi\"\nPort "
		"4\n",
		"me@pi:4", NULL},
	{"a second pass there is not", "ssh://pi",
		"Match final\nPort 3\nMatch all\nPort 4\n", "me@pi:4", NULL},
	{"a port that is none", "ssh://pi", "\nPort 70000\n", NULL, ":2: Port 70000"},
	{"an open quote", "ssh://pi", "User \"root\n", NULL, ":1: a quote is not closed"},
	{"a value is missing", "ssh://pi", "User\n", NULL, ":1: User"},
	{"what trust depends on is not guessed", "ssh://pi",
		"StrictHostKeyChecking maybe\n", NULL, ":1: StrictHostKeyChecking"},
	{"a criterion nobody knows", "ssh://pi", "Match weather fine\n", NULL,
		":1: Match weather"},
};

static void describe(const struct ssh_settings *s, struct buf *where, struct buf *more)
{
	buf_printf(where, "%s@%s:%u", s->user, s->host, s->port);
	buf_printf(more, "key %s known %s strict %d", s->identities.v[0],
		s->known_hosts.v[0], (int)s->strict);
}

static void test_files(const char *dir)
{
	autofree char *path = fs_join(dir, "config");
	const struct ssh_surroundings me = {
		.home = "/h/me", .user = "me", .system_file = "/nonexistent"};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		autorelease(ssh_settings) struct ssh_settings s = {0};
		autorelease(ssh_uri) struct ssh_uri uri = {0};
		autorelease(buf) struct buf where = BUF_INIT, more = BUF_INIT;
		struct err e = {0};
		int status;

		if (fs_write_file(path, files[i].text, strlen(files[i].text), 0600, &e) <
				0 ||
			ssh_uri_parse(files[i].uri, &uri, &e) < 0)
			abort();
		status = ssh_config_resolve(&uri, path, &me, &s, &e);
		if (!files[i].where) {
			ok(status < 0 && strstr(e.msg, files[i].more), "%s: %s",
				files[i].name, e.msg);
			continue;
		}
		if (!ok(status == 0, "%s %s", files[i].name, e.msg))
			continue;
		describe(&s, &where, &more);
		is_str(buf_str(&where), files[i].where, "... where");
		if (files[i].more)
			is_str(buf_str(&more), files[i].more, "... and how");
	}
}

/* A jump goes before a command, and "none" is neither. */
static void test_ways(const char *dir)
{
	static const struct {
		const char *text, *jump, *command;
	} rows[] = {
		{"ProxyJump a,root@b:3\nProxyCommand nc %h %p\n", "a,root@b:3", NULL},
		{"ProxyCommand nc %h %p\n", NULL, "nc pi 22"},
		{"ProxyJump none\nProxyCommand nc %h %p\n", NULL, "nc pi 22"},
		{"ProxyCommand none\n", NULL, NULL},
	};
	autofree char *path = fs_join(dir, "config");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		autorelease(ssh_settings) struct ssh_settings s = {0};
		const struct ssh_uri uri = {.host = (char *)(uintptr_t) "pi"};
		struct err e = {0};

		ok(fs_write_file(path, rows[i].text, strlen(rows[i].text), 0600, &e) ==
					0 &&
				ssh_config_resolve(&uri, path, NULL, &s, &e) == 0 &&
				streq_null(s.jump, rows[i].jump) &&
				streq_null(s.command, rows[i].command),
			"way %zu", i);
	}
}

/* Files that include themselves come to an end. */
static void test_include(const char *dir)
{
	autofree char *path = fs_join(dir, "config"), *more = fs_join(dir, "more"),
		      *text = xasprintf("Host pi\n\tInclude %s\nHost *\n\tInclude %s\n",
			      more, path);
	const struct ssh_uri uri = {.host = (char *)(uintptr_t) "pi"};
	autorelease(ssh_settings) struct ssh_settings s = {0}, again = {0};
	struct err e = {0};

	ok(fs_write_file(more, "Port 77\n", 8, 0600, &e) == 0 &&
			fs_write_file(path, text, strlen(text), 0600, &e) == 0,
		"two files");
	ok(ssh_config_resolve(&uri, path, NULL, &s, &e) < 0 && strstr(e.msg, "too deep"),
		"a file that includes itself: %s", e.msg);
	*strstr(text, "Host *") = '\0';
	ok(fs_write_file(path, text, strlen(text), 0600, &e) == 0 &&
			ssh_config_resolve(&uri, path, NULL, &again, &e) == 0 &&
			again.port == 77,
		"a file that includes another");
}

int main(void)
{
	struct err e = {0};
	autofree char *dir = fs_temp_dir("xtest-ssh", &e);

	if (!dir)
		return 99;
	test_names();
	test_patterns();
	test_files(dir);
	test_ways(dir);
	test_include(dir);
	return fs_remove_tree(dir, &e) < 0 ? 99 : tap_done();
}
