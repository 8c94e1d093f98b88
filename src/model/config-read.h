/*
 * Reads a JSON document into the structs that the key table describes; for config.c only.
 */
#ifndef XTEST_MODEL_CONFIG_READ_H
#define XTEST_MODEL_CONFIG_READ_H

#include "model/config.h"

/* Fills an initialised configuration. On failure *c is partly filled and must be
 * released. */
int config_read_text(struct config *c, const char *text, size_t len, const char *name,
	struct err *e) MUST_CHECK;

#endif
