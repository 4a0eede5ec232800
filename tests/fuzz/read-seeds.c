/* Stands in for libFuzzer where there is none: gives each file of the folders named to the target, once. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static bool
read_folder(const char *path)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GDir) dir = g_dir_open(path, 0, &error);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *file = g_build_filename(path, name, NULL), *text = NULL;
		gsize length;

		if (!g_file_get_contents(file, &text, &length, &error))
			break;
		LLVMFuzzerTestOneInput((const uint8_t *)text, length);
	}
	if (error)
		fprintf(stderr, "%s\n", error->message);
	return !error;
}

int
main(int argc, char **argv)
{
	bool fine = argc > 1;

	for (int i = 1; i < argc; i++)
		fine = read_folder(argv[i]) && fine;
	return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
