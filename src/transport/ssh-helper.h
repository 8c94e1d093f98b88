/*
 * The process beside this one that holds a board's connection: everything that blocks,
 * and every secret, is in there. It gives the runner's bytes over one socket, and tells
 * over another, message by message, what people and the place should know.
 */
#ifndef XTEST_TRANSPORT_SSH_HELPER_H
#define XTEST_TRANSPORT_SSH_HELPER_H

#include "transport/transport.h"

/* The first byte of a message; the rest is text. */
enum ssh_report {
	SSH_REPORT_DOING = 'd', /* thousandths of the way (-1: unknown), blank, text */
	SSH_REPORT_NOTE = 'n',  /* a sentence for people */
	SSH_REPORT_ALLOW = 'w', /* milliseconds it may be silent, blank, what it does */
	SSH_REPORT_PREPARED = 'p', /* the hooks for the beginning have run */
	SSH_REPORT_RESET = 'r',    /* the hook for that is run: not again */
	SSH_REPORT_UP = 'u',       /* the way stands; the rest names the board */
	SSH_REPORT_FAILED = 'x',   /* it does not, or no more: why */
	SSH_REPORT_CUT = 'c',      /* the way was cut, the runner may be there still */
};

enum { SSH_REPORT_MAX = 4096 };

/* Starts it; *bytes_fd and *report_fd are the caller's. */
int ssh_helper_start(const struct place_config *config, pid_t *pid, int *bytes_fd,
	int *report_fd, struct err *e) MUST_CHECK;

#endif
