#include "mime/html.h"
