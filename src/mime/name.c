#include "mime/name.h"
