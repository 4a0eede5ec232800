#include "store/messages.h"
