#include "net/tcp.h"

#include "core/clock.h"
#include "core/log.h"
#include "net/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static NetResult
tcp_failed(const char *what, GError **error)
{
	core_throw(error, CORE_ERROR_UNREACHABLE, "%s: %s", what, g_strerror(errno));
	return NET_FAILED;
}

static NetResult
tcp_read(NetStream *stream, void *buffer, size_t size, size_t *n_r, GError **error)
{
	ssize_t n;

	do
		n = recv(stream->fd, buffer, size, 0);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return NET_EOF;
	if (n < 0)
		return errno == EAGAIN ? NET_AGAIN : tcp_failed("the connection was lost", error);
	stream->bytes_in += (uint64_t)n;
	*n_r = (size_t)n;
	return NET_DONE;
}

static NetResult
tcp_write(NetStream *stream, const void *bytes, size_t length, size_t *n_r, GError **error)
{
	ssize_t n;

	do
		n = send(stream->fd, bytes, length, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? NET_AGAIN : tcp_failed("the connection was lost", error);
	stream->bytes_out += (uint64_t)n;
	*n_r = (size_t)n;
	return NET_DONE;
}

static NetResult
tcp_flush(NetStream *stream, GError **error)
{
	return NET_DONE;
}

static short
tcp_wants(const NetStream *stream, bool reading, bool writing)
{
	return (short)((reading ? POLLIN : 0) | (writing ? POLLOUT : 0));
}

static bool
tcp_pending(const NetStream *stream)
{
	return false;
}

static void
tcp_free(NetStream *stream)
{
	close(stream->fd);
	g_free(stream);
}

static const NetStreamClass tcp_class = {
	.name = "tcp",
	.read = tcp_read,
	.write = tcp_write,
	.flush = tcp_flush,
	.wants = tcp_wants,
	.pending = tcp_pending,
	.free = tcp_free,
};

NetStream *
net_tcp_new_from_fd(int fd, CoreCancel *cancel)
{
	NetStream *stream = g_new(NetStream, 1);
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	net_stream_init(stream, &tcp_class, NULL, fd, cancel);
	return stream;
}

/* Commands go out at once, and a peer that vanished (a suspended laptop, a router that forgot us) is noticed within two
 * minutes although nothing is being said.  A refusal of the kernel only makes us slower. */
static void
tune(int fd)
{
	static const struct {
		int level, option, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },    { IPPROTO_TCP, TCP_KEEPIDLE, 60 }, { IPPROTO_TCP, TCP_KEEPINTVL, 15 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 4 },    { SOL_SOCKET, SO_KEEPALIVE, 1 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
		if (setsockopt(fd, options[i].level, options[i].option, &options[i].value, sizeof options[i].value) < 0)
			core_log(CORE_LOG_TRACE, "net", "setsockopt %d: %s", options[i].option, g_strerror(errno));
	}
}

NetStream *
net_tcp_connect(const char *host, uint16_t port, int timeout_ms, CoreCancel *cancel, GError **error)
{
	int64_t deadline_ms = core_clock_ms() + timeout_ms;
	g_autoptr(GArray) addresses = net_resolve(host, port, deadline_ms, cancel, error);
	int fd = -1;

	if (addresses) {
		NetAddress *list = (NetAddress *)(void *)addresses->data;
		net_dial_interleave(list, addresses->len);
		fd = net_dial(list, addresses->len, deadline_ms, cancel, error);
	}
	if (fd < 0) {
		core_prefix(error, "cannot connect to %s port %u: ", host, port);
		return NULL;
	}
	tune(fd);
	return net_tcp_new_from_fd(fd, cancel);
}

bool
net_tcp_is_loopback(const NetStream *stream)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_storage room;
	} peer = { 0 };
	socklen_t length = sizeof peer;

	g_return_val_if_fail(stream->class == &tcp_class, false);
	if (getpeername(stream->fd, &peer.any, &length) < 0)
		return false;
	switch (peer.any.sa_family) {
	case AF_UNIX:
		return true;
	case AF_INET:
		return ntohl(peer.v4.sin_addr.s_addr) >> 24 == 127;
	case AF_INET6:
		if (IN6_IS_ADDR_V4MAPPED(&peer.v6.sin6_addr))
			return peer.v6.sin6_addr.s6_addr[12] == 127;
		return IN6_IS_ADDR_LOOPBACK(&peer.v6.sin6_addr);
	default:
		return false;
	}
}
