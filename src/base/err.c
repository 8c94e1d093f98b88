#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

static int verr(struct err *e, enum err_kind kind, const char *fmt, va_list ap)
{
	e->kind = kind;
	vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	return -1;
}

int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	verr(e, kind, fmt, ap);
	va_end(ap);
	return -1;
}

int err_sys(struct err *e, int errnum, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	verr(e, ERR_SETUP, fmt, ap);
	va_end(ap);
	len = strlen(e->msg);
	snprintf(e->msg + len, sizeof e->msg - len, ": %s", strerror(errnum));
	return -1;
}

int err_context(struct err *e, const char *fmt, ...)
{
	char inner[sizeof e->msg];
	va_list ap;
	size_t len;

	memcpy(inner, e->msg, sizeof inner);
	va_start(ap, fmt);
	verr(e, e->kind, fmt, ap);
	va_end(ap);
	len = strlen(e->msg);
	snprintf(e->msg + len, sizeof e->msg - len, ": %s", inner);
	return -1;
}
