#include "transport/ssh-uri.h"

#include <ctype.h>

static const char scheme[] = "ssh://";

bool ssh_uri_is(const char *text)
{
	return starts_with(text, scheme);
}

void ssh_uri_release(struct ssh_uri *uri)
{
	free(uri->user);
	free(uri->host);
	*uri = (struct ssh_uri){0};
}

/* What no name has, and what would be read as an option or as shell by a command it is
 * put into. */
static bool is_plain(const char *text, size_t len)
{
	if (!len || text[0] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)text[i]) ||
			strchr("'\"`$\\;&<>|(){}*?!", text[i]))
			return false;
	return true;
}

static int parse_port(const char *text, unsigned *port)
{
	unsigned long value = 0;

	for (const char *c = text; *c; c++) {
		if (!isdigit((unsigned char)*c) || value > UINT16_MAX)
			return -1;
		value = value * 10 + (unsigned long)(*c - '0');
	}
	*port = (unsigned)value;
	return value && value <= UINT16_MAX ? 0 : -1;
}

/* Host and port; the host may be an address in brackets. */
static int parse_host(const char *text, struct ssh_uri *uri)
{
	bool bracket = *text == '[';
	const char *host = text + bracket;
	size_t len = strcspn(host, bracket ? "]" : ":");
	const char *after = host + len;

	if (bracket && *after++ != ']')
		return -1;
	if (!is_plain(host, len) || memchr(host, '/', len))
		return -1;
	uri->host = xstrndup(host, len);
	if (!*after)
		return 0;
	return *after == ':' ? parse_port(after + 1, &uri->port) : -1;
}

int ssh_uri_parse(const char *text, struct ssh_uri *uri, struct err *e)
{
	const char *rest = ssh_uri_is(text) ? text + strlen(scheme) : text;
	autofree char *body = xstrdup(rest);
	size_t len = strlen(body);
	char *at;

	if (len && body[len - 1] == '/')
		body[--len] = '\0';
	at = strrchr(body, '@');
	if (at) {
		*at = '\0';
		/* A password in it would be seen by whoever lists processes. */
		if (strchr(body, ':'))
			return err_set(e, ERR_USAGE,
				"a place has no password in it; keys, an agent or a "
				"terminal to be asked on are the ways");
		if (!is_plain(body, strlen(body)))
			return err_set(e, ERR_USAGE, "\"%s\" is no user's name", body);
		uri->user = xstrdup(body);
	}
	if (parse_host(at ? at + 1 : body, uri) < 0)
		return err_set(
			e, ERR_USAGE, "\"%s\" is not ssh://[user@]host[:port]", text);
	return 0;
}
