#include "mime/derive.h"
