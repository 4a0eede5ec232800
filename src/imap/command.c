#include "imap/command.h"
