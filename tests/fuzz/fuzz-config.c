#include "model/config.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is refused has a message with a place; what is accepted has settings in every
 * profile. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xstrndup((const char *)data, size);
	struct config_settings settings;
	struct err e = {0};
	struct config *c = config_parse(text, strlen(text), "x.json", &e);

	if (!c) {
		if (e.kind != ERR_SETUP || !starts_with(e.msg, "x.json:"))
			abort();
		return 0;
	}
	for (size_t i = 0; i < c->profiles.len; i++)
		if (config_profile_settings(c, c->profiles.v[i].name, &settings, &e) < 0)
			abort();
	config_free(c);
	return 0;
}
