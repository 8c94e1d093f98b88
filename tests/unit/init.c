/* What the first process of a machine decides before it can talk to anybody. */
#include "runner/init.h"

#include "runner/remove.h"

#include "tests/tap.h"

#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *name, *text, *expected;
} lists[] = {
	{"nothing", "", ""},
	{"one line", "/m/virtio.ko\n", "[/m/virtio.ko|]"},
	{"in their order, also without a last newline", "/m/b.ko\n/m/a.ko",
		"[/m/b.ko|][/m/a.ko|]"},
	{"comments and empty lines", "# made by hand\n\n \t\n/m/a.ko\n#/m/b.ko\n",
		"[/m/a.ko|]"},
	{"options", "/m/a.ko  debug=1 name=\"x y\" \n/m/b.ko\n",
		"[/m/a.ko|debug=1 name=\"x y\"][/m/b.ko|]"},
	{"blanks around, and lines of DOS", "  /m/a.ko\t\r\n/m/b.ko\r\n",
		"[/m/a.ko|][/m/b.ko|]"},
};

static void test_lists(void)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		char *text = strdup(lists[i].text), *at = text, *path, *options;
		char out[256] = "";
		size_t len = 0;

		while (init_next_module(&at, &path, &options))
			len += (size_t)snprintf(
				out + len, sizeof(out) - len, "[%s|%s]", path, options);
		is_str(out, lists[i].expected, lists[i].name);
		free(text);
	}
}

static char class_directory[] = "/tmp/xtest-init-XXXXXX";

/* An entry of the class; without a name as a port whose name has not come yet. */
static void add_port(const char *entry, const char *name)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", class_directory, entry);
	mkdir(path, 0755);
	if (!name)
		return;
	snprintf(path, sizeof(path), "%s/%s/name", class_directory, entry);
	f = fopen(path, "w");
	if (!f)
		exit(99);
	fputs(name, f);
	fclose(f);
}

static const char *find(const char *name, size_t size)
{
	static char device[64];

	return init_find_port(class_directory, name, device, size) ? device : NULL;
}

static void test_ports(void)
{
	char missing[64];

	if (!mkdtemp(class_directory))
		exit(99);
	snprintf(missing, sizeof(missing), "%s/none", class_directory);
	ok(!init_find_port(missing, "org.xtest.0", missing, sizeof(missing)),
		"no driver, no port");
	is_str(find("org.xtest.0", 64), NULL, "no port yet");
	add_port("vport0p1", NULL);
	is_str(find("org.xtest.0", 64), NULL, "its name has not come");
	add_port("vport1p1", "org.qemu.guest_agent.0\n");
	add_port("vport1p2", "org.xtest.01\n");
	is_str(find("org.xtest.0", 64), NULL, "other names, one of them longer");
	add_port("vport1p3", "org.xtest.0\n");
	is_str(find("org.xtest.0", 64), "/dev/vport1p3", "the one");
	is_str(find("org.xtest.0", 8), NULL, "a device name that does not fit");
	remove_tree(class_directory);
}

int main(void)
{
	char *argv[] = {
		(char *)(uintptr_t) "xtest-runner", (char *)(uintptr_t) "init", NULL};

	test_lists();
	test_ports();
	ok(!init_is_wanted(2, argv), "who is not the first process is no init");
	return tap_done();
}
