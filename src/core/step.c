#include "core/step.h"

void (*core_step_hook)(const char *step);
