/*
 * Speaks with QEMU's monitor (QMP, docs/interop/qmp-spec.txt of QEMU) over a socket:
 * commands with ids, their answers, and events. Nothing that arrives is waited for unless
 * qmp_call() is asked to, and what arrives is bounded.
 */
#ifndef XTEST_TRANSPORT_QMP_H
#define XTEST_TRANSPORT_QMP_H

#include "base/err.h"
#include "base/json.h"

struct qmp;

/* Owns `fd` (a connected stream socket, made non-blocking) and says qmp_capabilities at
 * once; commands may follow without waiting for the greeting. `on_event` is called while
 * input is read, `data` may be NULL. Never NULL; free with qmp_free(). */
struct qmp *qmp_new(int fd,
	void (*on_event)(void *ctx, const char *event, const struct json *data),
	void *ctx);
void qmp_free(struct qmp *q);

/* Sends one command. `arguments` is JSON text (borrowed) or NULL; `pass_fd` goes along
 * for `getfd` (-1: none) and stays the caller's. Its answer is not waited for; an error
 * in it is kept for qmp_failure(). ERR_INFRA when QEMU takes nothing any more. */
int qmp_send(struct qmp *q, const char *command, const char *arguments, int pass_fd,
	struct err *e) MUST_CHECK;
/* Sends and waits for the answer. *result (NULL: not wanted) is the caller's to free.
 * ERR_INFRA: refused (with QEMU's own words), no answer within the limit, or QEMU has
 * gone. */
int qmp_call(struct qmp *q, const char *command, const char *arguments, int pass_fd,
	int64_t limit_ms, struct json **result, struct err *e) MUST_CHECK;
/* Reads and handles what has arrived, without waiting. False once the other side has
 * gone or broken the protocol. */
bool qmp_pump(struct qmp *q);
/* The first refusal of a command nobody waited for; NULL when there was none. Borrowed.
 */
const char *qmp_failure(const struct qmp *q);
/* "7.2.22" out of the greeting; NULL before it. Borrowed. */
const char *qmp_version(const struct qmp *q);
/* To be polled for reading; -1 after the other side has gone. */
int qmp_fd(const struct qmp *q);

#endif
