#pragma once

/* What DIR/README says. */
extern const char readme_text[];
