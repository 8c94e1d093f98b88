/*
 * Reads a JSON document into the structs that the key table describes; for the files
 * src/model/config*.c only.
 */
#ifndef XTEST_MODEL_CONFIG_READ_H
#define XTEST_MODEL_CONFIG_READ_H

#include "model/config-keys.h"

/* Fills an initialised object of the table, and says where each value was. On failure it
 * is partly filled and must be released. */
int config_read_text(const struct config_key *keys, void *object,
	struct config_origins *origins, const char *text, size_t len, const char *name,
	struct err *e) MUST_CHECK;

const struct config_origin *config_origins_find(
	const struct config_origins *o, const char *key);
void config_origins_release(struct config_origins *o);

#endif
