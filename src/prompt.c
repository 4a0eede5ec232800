#include "prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

/* Reads up to the newline, which is dropped.  The terminal is in line mode, so read() gives whole lines. */
static bool
read_secret(int tty, int signals, char *buffer, size_t size, GError **error)
{
	struct pollfd fds[] = { { .fd = tty, .events = POLLIN }, { .fd = signals, .events = POLLIN } };
	size_t length = 0;

	while (length + 1 < size) {
		if (poll(fds, G_N_ELEMENTS(fds), -1) < 0 && errno != EINTR)
			return core_throw_errno(error, "cannot read from the terminal");
		if (fds[1].revents)
			return core_throw(error, CORE_ERROR_CANCELLED, "stopped");
		if (!fds[0].revents)
			continue;
		ssize_t n = read(tty, buffer + length, size - 1 - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		length += (size_t)n;
		if (buffer[length - 1] == '\n') {
			length--;
			break;
		}
	}
	buffer[length] = '\0';
	return length > 0 || core_throw(error, CORE_ERROR_LOGIN, "no password was typed");
}

bool
prompt_secret(const char *question, char *buffer, size_t size, GError **error)
{
	static const char newline[] = "\n";
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), signals = -1;
	struct termios before, silent;
	sigset_t stop, old;
	bool ok = false;

	if (tty < 0)
		return core_throw(error, CORE_ERROR_LOGIN,
		                  "there is no terminal to ask for the password; use password_command or password_file");
	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGHUP);
	sigaddset(&stop, SIGQUIT);
	sigaddset(&stop, SIGTSTP);
	sigprocmask(SIG_BLOCK, &stop, &old);
	signals = signalfd(-1, &stop, SFD_CLOEXEC);
	if (signals < 0 || tcgetattr(tty, &before) < 0) {
		core_throw_errno(error, "cannot use the terminal");
	} else {
		silent = before;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		silent.c_lflag |= ICANON | ISIG;
		tcsetattr(tty, TCSAFLUSH, &silent);
		if (write(tty, question, strlen(question)) > 0)
			ok = read_secret(tty, signals, buffer, size, error);
		else
			core_throw_errno(error, "cannot write to the terminal");
		tcsetattr(tty, TCSAFLUSH, &before);
		if (write(tty, newline, 1) < 0) {
			/* The line looks odd, that is all. */
		}
	}
	if (signals >= 0) {
		struct signalfd_siginfo seen;
		struct pollfd fd = { .fd = signals, .events = POLLIN };
		while (poll(&fd, 1, 0) > 0 && read(signals, &seen, sizeof seen) > 0)
			; /* taken here, so that they do not strike once unblocked */
		close(signals);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(tty);
	return ok;
}
