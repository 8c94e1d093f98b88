#include "adapter/cmake.h"

#include "base/fs.h"

#define API_DIR ".cmake/api/v1"

int cmake_model_query(const struct build_request *request, struct err *e)
{
	autofree char *dir = fs_join(request->build_dir, API_DIR "/query/client-xtest");
	autofree char *path = fs_join(dir, "codemodel-v2");

	if (fs_mkdir_p(dir, e) < 0)
		return -1;
	return fs_write_if_changed(path, "", 0, 0644, e);
}

void cmake_model_release(struct cmake_model *model)
{
	free(model->project);
	for (size_t i = 0; i < model->n_directories; i++) {
		free(model->directories[i].source);
		free(model->directories[i].project);
	}
	free(model->directories);
	for (size_t i = 0; i < model->n_targets; i++) {
		free(model->targets[i].name);
		free(model->targets[i].artifact);
		strv_release(&model->targets[i].libraries);
	}
	free(model->targets);
	*model = (struct cmake_model){0};
}

static int not_understood(const char *path, struct err *e)
{
	return err_set(e, ERR_METADATA,
		"%s: not the answer of CMake's file API that was expected; "
		"CMake 3.14 or newer is needed",
		path);
}

/* The newest index is the one whose name sorts last (cmake-file-api(7)). */
static struct json *load_index(const char *reply_dir, struct err *e)
{
	autorelease(strv) struct strv names = STRV_INIT;
	const char *last = NULL;
	autofree char *path = NULL;

	if (fs_list_dir(reply_dir, &names, e) < 0)
		return NULL;
	for (size_t i = 0; i < names.len; i++)
		if (starts_with(names.v[i], "index-"))
			last = names.v[i];
	if (!last) {
		not_understood(reply_dir, e);
		return NULL;
	}
	path = fs_join(reply_dir, last);
	return json_load(path, e);
}

static struct json *load_reply(const char *reply_dir, const char *name, struct err *e)
{
	autofree char *path = fs_join(reply_dir, name);

	return json_load(path, e);
}

static void read_directories(struct cmake_model *model, const struct json *configuration,
	const struct build_request *request)
{
	const struct json *directories = json_find(configuration, "directories");
	const struct json *projects = json_find(configuration, "projects");
	size_t n = json_len(directories);

	model->project =
		xstrdup_null(json_find_string(json_at(projects, 0), "name", NULL));
	model->directories = xcalloc(n + 1, sizeof *model->directories);
	for (size_t i = 0; i < n; i++) {
		const struct json *d = json_at(directories, i);
		int64_t index = json_int(json_find(d, "projectIndex"), 0);

		model->directories[i] = (struct cmake_directory){
			.source = fs_normalize(
				json_find_string(d, "source", "."), request->source_dir),
			.project = xstrdup(json_find_string(
				json_at(projects, (size_t)index), "name", "")),
		};
		model->n_directories++;
	}
}

/* The words of the link line behind the program's own objects. */
static void read_libraries(struct strv *libraries, const struct json *target)
{
	const struct json *fragments =
		json_find(json_find(target, "link"), "commandFragments");

	for (size_t i = 0; i < json_len(fragments); i++) {
		const struct json *f = json_at(fragments, i);
		autorelease(strv) struct strv words = STRV_INIT;

		if (!streq(json_find_string(f, "role", ""), "libraries"))
			continue;
		strv_split(&words, json_find_string(f, "fragment", ""), " ");
		for (size_t k = 0; k < words.len; k++)
			suite_add_library(libraries, words.v[k]);
	}
}

static void add_target(struct cmake_model *model, const struct json *target,
	const struct build_request *request)
{
	const char *type = json_find_string(target, "type", "");
	const struct json *artifact = json_at(json_find(target, "artifacts"), 0);
	const char *path = json_find_string(artifact, "path", NULL);

	if (!path || (!streq(type, "EXECUTABLE") && !streq(type, "SHARED_LIBRARY") &&
			     !streq(type, "MODULE_LIBRARY")))
		return;
	model->targets[model->n_targets] = (struct cmake_target){
		.name = xstrdup(json_find_string(target, "name", "")),
		.executable = streq(type, "EXECUTABLE"),
		.artifact = fs_normalize(path, request->build_dir),
	};
	read_libraries(&model->targets[model->n_targets++].libraries, target);
}

static int read_targets(struct cmake_model *model, const char *reply_dir,
	const struct json *configuration, const struct build_request *request,
	struct err *e)
{
	const struct json *targets = json_find(configuration, "targets");
	size_t n = json_len(targets);

	model->targets = xcalloc(n + 1, sizeof *model->targets);
	for (size_t i = 0; i < n; i++) {
		const char *name = json_find_string(json_at(targets, i), "jsonFile", "");
		autorelease_json struct json *target = load_reply(reply_dir, name, e);

		if (!target)
			return -1;
		add_target(model, target, request);
	}
	return 0;
}

int cmake_model_read(
	struct cmake_model *model, const struct build_request *request, struct err *e)
{
	autofree char *reply_dir = fs_join(request->build_dir, API_DIR "/reply");
	autorelease_json struct json *index = load_index(reply_dir, e);
	autorelease_json struct json *codemodel = NULL;
	const struct json *answer, *configuration;

	if (!index)
		return -1;
	answer = json_find(
		json_find(json_find(index, "reply"), "client-xtest"), "codemodel-v2");
	if (!json_find_string(answer, "jsonFile", NULL))
		return not_understood(reply_dir, e);
	codemodel = load_reply(reply_dir, json_find_string(answer, "jsonFile", ""), e);
	if (!codemodel)
		return -1;
	configuration = json_at(json_find(codemodel, "configurations"), 0);
	if (!configuration)
		return not_understood(reply_dir, e);
	read_directories(model, configuration, request);
	return read_targets(model, reply_dir, configuration, request, e);
}
