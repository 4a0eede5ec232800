#include "imap/response.h"
