/* Making a connection: the stream, the server's key. */
#include "transport/ssh-client-private.h"

#include "base/fs.h"
#include "base/proc.h"
#include "transport/ssh-dial.h"
#include "transport/ssh-hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CONNECT_LIMIT_MS = 15000,
	GREET_LIMIT_MS = 30000, /* a small board takes its time for the keys */
	JUMPS_MAX = 8,
};

int ssh_client_fault(struct ssh_client *c, const char *what, struct err *e)
{
	const char *words = ssh_get_error(c->session);

	return err_set(e, ERR_INFRA, "%s: %s: %s", c->name, what,
		*words && !streq(words, "Success") ? words : "the connection ended");
}

void ssh_client_free(struct ssh_client *c)
{
	if (!c)
		return;
	if (c->session) {
		ssh_disconnect(c->session);
		ssh_free(c->session);
	}
	if (c->carrier > 0) {
		kill(c->carrier, SIGKILL);
		while (waitpid(c->carrier, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	ssh_settings_release(&c->settings);
	free(c->name);
	free(c);
}

bool ssh_client_is_up(const struct ssh_client *c)
{
	return ssh_is_connected(c->session);
}

const char *ssh_client_name(const struct ssh_client *c)
{
	return c->name;
}

/* ---- the server's key */

static void fill_files(const struct ssh_client *c, struct strv *files)
{
	strv_copy(files, &c->settings.known_hosts);
	strv_push_all(files, &c->settings.global_known_hosts);
}

static const char *key_host(const struct ssh_client *c)
{
	return c->settings.key_alias ? c->settings.key_alias : c->settings.host;
}

/* An alias is one host whatever its port. */
static unsigned key_port(const struct ssh_client *c)
{
	return c->settings.key_alias ? 0 : c->settings.port;
}

/* Kinds the host is known by first, so that it shows one of those. */
static int choose_algorithms(struct ssh_client *c, struct err *e)
{
	static const struct {
		const char *type, *algorithms;
	} known[] = {
		{"ssh-ed25519", "ssh-ed25519"},
		{"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"},
		{"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"},
		{"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"},
		{"ssh-rsa", "rsa-sha2-512,rsa-sha2-256"},
	};
	autorelease(strv) struct strv files = STRV_INIT, types = STRV_INIT,
				      order = STRV_INIT;
	autofree char *list = NULL;

	fill_files(c, &files);
	if (ssh_hosts_types(&files, key_host(c), key_port(c), &types, e) < 0)
		return -1;
	for (int wanted = 1; wanted >= 0; wanted--)
		for (size_t i = 0; i < ARRAY_LEN(known); i++)
			if (strv_has(&types, known[i].type) == wanted)
				strv_push(&order, known[i].algorithms);
	list = strv_join(&order, ",");
	ssh_options_set(c->session, SSH_OPTIONS_HOSTKEYS,
		c->settings.host_key_algorithms ? c->settings.host_key_algorithms : list);
	return 0;
}

/* "SHA256:…" as ssh-keygen has it; the caller's. */
static char *fingerprint(ssh_key key)
{
	unsigned char *hash = NULL;
	size_t len = 0;
	char *text, *copy;

	if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &len) != 0)
		return xstrdup("(no fingerprint)");
	text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, len);
	copy = xstrdup(text ? text : "(no fingerprint)");
	ssh_string_free_char(text);
	ssh_clean_pubkey_hash(&hash);
	return copy;
}

static int accept_new(struct ssh_client *c, const struct ssh_host_key *key,
	const char *print, struct err *e)
{
	const char *file = c->settings.known_hosts.v[0];
	autofree char *text = NULL;

	if (ssh_hosts_add(file, key_host(c), key_port(c), key, e) < 0)
		return -1;
	text = xasprintf("%s is new: its %s key %s was noted in %s", c->name, key->type,
		print, file);
	c->options.note(c->options.ctx, text);
	return 0;
}

static int judge_key(struct ssh_client *c, const struct ssh_host_key *key,
	const char *print, struct err *e)
{
	autorelease(strv) struct strv files = STRV_INIT;
	autofree char *where = NULL;
	enum ssh_trust trust;

	fill_files(c, &files);
	if (ssh_hosts_judge(&files, key_host(c), key_port(c), key, &trust, &where, e) < 0)
		return -1;
	switch (trust) {
	case SSH_TRUST_KNOWN:
		return 0;
	case SSH_TRUST_NEW:
		if (c->options.accept_new || c->settings.strict == SSH_STRICT_ACCEPT_NEW)
			return accept_new(c, key, print, e);
		return err_set(e, ERR_INFRA,
			"%s is not known: it shows the %s key %s; compare that with what "
			"the board itself says, and accept it with --ssh-accept-new, or "
			"by `ssh -p %u %s@%s` once",
			c->name, key->type, print, c->settings.port, c->settings.user,
			c->settings.host);
	case SSH_TRUST_CHANGED:
		return err_set(e, ERR_INFRA,
			"%s is not who it was: it shows the %s key %s, and %s has "
			"another one; somebody may be in between. If the board was set "
			"up anew, remove that line",
			c->name, key->type, print, where);
	case SSH_TRUST_REVOKED:
		break;
	}
	return err_set(e, ERR_INFRA, "%s shows the %s key %s, which %s revokes", c->name,
		key->type, print, where);
}

static int check_key(struct ssh_client *c, struct err *e)
{
	autofree char *print = NULL;
	ssh_key key = NULL;
	char *base64 = NULL;
	struct ssh_host_key seen;
	int status;

	if (ssh_get_server_publickey(c->session, &key) != SSH_OK)
		return ssh_client_fault(c, "read the server's key", e);
	if (ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK) {
		ssh_key_free(key);
		return ssh_client_fault(c, "read the server's key", e);
	}
	/* Of ECDSA the type has the curve, as the files have it. */
	seen.type = ssh_key_type_to_char(ssh_key_type(key));
	seen.base64 = base64;
	print = fingerprint(key);
	status = judge_key(c, &seen, print, e);
	ssh_string_free_char(base64);
	ssh_key_free(key);
	return status;
}

/* ---- the stream */

/* A process that reaches the host before this one and carries the bytes. It says what is
 * wrong, or nothing, over `told_fd`. */
static _Noreturn void carry_for(
	struct ssh_client *c, const char *hop, const char *before, int fd, int told_fd)
{
	autorelease(ssh_uri) struct ssh_uri uri = {0};
	struct ssh_client_options options = c->options;
	struct err e = {0};
	struct buf words = BUF_INIT;
	struct ssh_client *through = NULL;
	ssh_channel channel = NULL;

	options.jump = before;
	options.jumps++;
	options.told_fd = told_fd;
	options.unreachable = NULL;
	if (ssh_uri_parse(hop, &uri, &e) == 0)
		through = ssh_client_open(&uri, &options, &e);
	if (through) {
		channel = ssh_channel_new(through->session);
		if (!channel ||
			ssh_channel_open_forward(channel, c->settings.host,
				(int)c->settings.port, "127.0.0.1", 0) != SSH_OK) {
			err_set(&e, ERR_INFRA, "%s does not reach %s port %u: %s",
				through->name, c->settings.host, c->settings.port,
				ssh_get_error(through->session));
			channel = NULL;
		}
	}
	if (!channel) {
		fs_write_all(told_fd, e.msg, strlen(e.msg));
		_exit(1);
	}
	options.allow(options.ctx, 0, NULL);
	close(told_fd);
	_exit(ssh_client_pump(through, channel, fd, &words, &e) < 0);
}

static int open_jump(
	struct ssh_client *c, const char *hop, const char *before, struct err *e)
{
	const pid_t parent = getpid();
	int pair[2], told[2];
	char words[sizeof e->msg];
	ssize_t n;
	size_t len = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
		pipe2(told, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a socket pair");
	c->carrier = fork();
	if (c->carrier == 0) {
		proc_child_begin(parent);
		close(pair[0]);
		close(told[0]);
		/* Its end is waited for by who waits for the host behind this one. */
		if (c->options.jumps)
			close(c->options.told_fd);
		carry_for(c, hop, before, pair[1], told[1]);
	}
	close(pair[1]);
	close(told[1]);
	while ((n = read(told[0], words + len, sizeof words - 1 - len)) > 0)
		len += (size_t)n;
	words[len] = '\0';
	close(told[0]);
	if (c->carrier > 0 && !len)
		return pair[0];
	close(pair[0]);
	return err_set(e, ERR_INFRA, "%s, through a jump: %s", c->name,
		len ? words : "it could not be started");
}

/* "a,b": through a to b: what is before the last goes with who reaches that. */
static int open_through(struct ssh_client *c, struct err *e)
{
	const char *comma = strrchr(c->settings.jump, ',');
	autofree char *before =
		comma ? xstrndup(c->settings.jump, (size_t)(comma - c->settings.jump))
		      : NULL;

	if (c->options.jumps >= JUMPS_MAX)
		return err_set(
			e, ERR_SETUP, "ProxyJump %s: too many jumps", c->settings.jump);
	return open_jump(c, comma ? comma + 1 : c->settings.jump, before, e);
}

static int open_stream(struct ssh_client *c, struct err *e)
{
	const struct ssh_settings *s = &c->settings;

	if (s->jump)
		return open_through(c, e);
	if (s->command)
		return ssh_dial_command(s->command, &c->carrier, e);
	return ssh_dial_tcp(s->host, s->port,
		s->connect_timeout_ms ? s->connect_timeout_ms : CONNECT_LIMIT_MS, e);
}

/* ---- all of it */

static int set_options(struct ssh_client *c, int fd, struct err *e)
{
	const struct ssh_settings *s = &c->settings;
	const long limit_s = GREET_LIMIT_MS / 1000;
	const bool no = false;
	int verbosity = SSH_LOG_NONE;
	const struct {
		enum ssh_options_e option;
		const char *value;
	} texts[] = {
		{SSH_OPTIONS_KEY_EXCHANGE, s->kex},
		{SSH_OPTIONS_CIPHERS_C_S, s->ciphers},
		{SSH_OPTIONS_CIPHERS_S_C, s->ciphers},
		{SSH_OPTIONS_HMAC_C_S, s->macs},
		{SSH_OPTIONS_HMAC_S_C, s->macs},
		{SSH_OPTIONS_IDENTITY_AGENT, s->agent},
		/* The keys of hosts are judged here. */
		{SSH_OPTIONS_KNOWNHOSTS, "/dev/null"},
		{SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null"},
	};

	ssh_options_set(c->session, SSH_OPTIONS_LOG_VERBOSITY, &verbosity);
	ssh_options_set(c->session, SSH_OPTIONS_PROCESS_CONFIG, &no);
	ssh_options_set(c->session, SSH_OPTIONS_TIMEOUT, &limit_s);
	ssh_options_set(c->session, SSH_OPTIONS_FD, &fd);
	if (ssh_options_set(c->session, SSH_OPTIONS_HOST, s->host) < 0 ||
		ssh_options_set(c->session, SSH_OPTIONS_PORT, &s->port) < 0 ||
		ssh_options_set(c->session, SSH_OPTIONS_USER, s->user) < 0)
		return ssh_client_fault(c, "prepare", e);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (texts[i].value &&
			ssh_options_set(c->session, texts[i].option, texts[i].value) < 0)
			return err_set(e, ERR_SETUP,
				"%s: nothing of \"%s\" is known to libssh %s", c->name,
				texts[i].value, ssh_version(0));
	ssh_set_counters(c->session, &c->said, &c->heard);
	return choose_algorithms(c, e);
}

static int connect_client(struct ssh_client *c, struct err *e)
{
	const struct ssh_client_options *o = &c->options;
	int fd;

	if (o->unreachable)
		*o->unreachable = true;
	o->allow(o->ctx, 0, NULL);
	fd = open_stream(c, e);
	if (fd < 0) {
		if (e->kind == ERR_INFRA && !c->settings.jump)
			err_context(e, "%s", c->name);
		return -1;
	}
	c->session = ssh_new();
	if (!c->session)
		abort(); /* no memory */
	if (set_options(c, fd, e) < 0)
		return -1;
	/* The library has the limit, and words for it. */
	o->allow(o->ctx, 2 * GREET_LIMIT_MS, "agree on keys");
	if (ssh_connect(c->session) != SSH_OK)
		return ssh_client_fault(c, "no connection", e);
	if (o->unreachable)
		*o->unreachable = false;
	if (check_key(c, e) < 0)
		return -1;
	if (ssh_auth_run(c, e) < 0)
		return -1;
	o->allow(o->ctx, 0, NULL);
	return 0;
}

struct ssh_client *ssh_client_open(
	const struct ssh_uri *uri, const struct ssh_client_options *o, struct err *e)
{
	struct ssh_client *c = xcalloc(1, sizeof *c);

	c->options = *o;
	if (ssh_config_resolve(uri, o->config, NULL, &c->settings, e) == 0) {
		if (o->jump) {
			free(c->settings.jump);
			c->settings.jump = xstrdup(o->jump);
		}
		c->name = xasprintf("%s@%s%s%.0u", c->settings.user, c->settings.host,
			c->settings.port == 22 ? "" : ":",
			c->settings.port == 22 ? 0 : c->settings.port);
		if (connect_client(c, e) == 0)
			return c;
	}
	ssh_client_free(c);
	return NULL;
}
