# Sourced by the other scripts: Debian packages, installed when they are missing.

build_packages='gcc libc6-dev meson ninja-build pkg-config libfuse3-dev libglib2.0-dev libgmime-3.0-dev libgnutls28-dev
libsqlite3-dev libxml2-dev nettle-dev zlib1g-dev fuse3 ca-certificates'
server_packages='python3 dovecot-imapd openssl'
test_packages='python3-pytest python3-pytest-timeout python3-hypothesis aerc attr clang ed emacs-nox git libclang-rt-14-dev libglib2.0-bin llvm maildir-utils mutt nano
neomutt notmuch patch ripgrep rsync scdoc tar util-linux vim'

# as_root COMMAND…: runs it as root, through sudo if need be.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		echo "$0: packages are missing, and without sudo only root can install them" >&2
		exit 69
	fi
}

# need_packages PACKAGE…: asks nothing; touches apt only if something is missing.
need_packages() {
	missing=
	for package; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	echo "installing:$missing"

	# A mail server that comes with the tests must not begin to serve this machine.
	guard=
	case $missing in
	*dovecot*)
		if [ ! -e /usr/sbin/policy-rc.d ] && [ "$(dpkg-query -W -f '${db:Status-Status}' dovecot-core 2>/dev/null)" != installed ]; then
			guard=/usr/sbin/policy-rc.d
			as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$guard && chmod 755 $guard"
		fi ;;
	esac
	result=0
	# shellcheck disable=SC2086 # a list of words
	apt_install $missing || { echo 'refreshing the list of packages'; apt_quietly update && apt_install $missing; } || result=$?
	if [ -n "$guard" ]; then
		as_root rm -f "$guard"
		if [ -d /run/systemd/system ]; then
			as_root systemctl disable --quiet dovecot.service dovecot.socket 2>/dev/null || :
		fi
	fi
	if [ "$result" -ne 0 ]; then
		echo "$0: apt-get could not install:$missing" >&2
		exit 69
	fi
}

apt_install() {
	apt_quietly install -y --no-install-recommends "$@"
}

apt_quietly() {
	apt_log=$(mktemp)
	if as_root env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" </dev/null >"$apt_log" 2>&1; then
		rm -f "$apt_log"
	else
		tail -n 5 "$apt_log" >&2
		rm -f "$apt_log"
		return 1
	fi
}
