#include "core/size.h"

#include <glib.h>

char *
core_size_text(uint64_t bytes)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB" };
	double size = (double)bytes / 1000;
	gsize i = 0;

	if (bytes < 1000)
		return g_strdup_printf("%" G_GUINT64_FORMAT " bytes", bytes);
	while (size >= 999.95 && i + 1 < G_N_ELEMENTS(units)) {
		size /= 1000;
		i++;
	}
	return g_strdup_printf("%.1f %s", size, units[i]);
}
