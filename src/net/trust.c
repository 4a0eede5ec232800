#include "net/trust.h"

#include "core/log.h"
#include "net/pin.h"

#include <arpa/inet.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>
#include <time.h>

#define MAX_NAMES_TOLD 4

struct NetTrust {
	gnutls_certificate_credentials_t credentials;
	char *host;          /* in ASCII, without the last dot */
	uint8_t address[16]; /* when the host is one */
	unsigned address_size;
	bool pinned;
	uint8_t pin[NET_PIN_SIZE];
};

static bool
read_file(const char *path, gnutls_datum_t *data_r, GError **error)
{
	g_autoptr(GError) reason = NULL;
	char *text;
	gsize length;

	if (!g_file_get_contents(path, &text, &length, &reason))
		return core_throw(error, CORE_ERROR_CONFIG, "%s", reason->message);
	if (length > G_MAXINT) {
		g_free(text);
		return core_throw(error, CORE_ERROR_CONFIG, "%s is too big", path);
	}
	*data_r = (gnutls_datum_t){ .data = (unsigned char *)text, .size = (unsigned)length };
	return true;
}

static void
wipe(gnutls_datum_t *data)
{
	if (data->data)
		gnutls_memset(data->data, 0, data->size);
	g_clear_pointer(&data->data, g_free);
}

static bool
load_anchors(NetTrust *trust, const char *ca_file, GError **error)
{
	gnutls_datum_t data = { 0 };
	int n = gnutls_certificate_set_x509_system_trust(trust->credentials);

	if (n <= 0)
		core_log(CORE_LOG_INFO, "net", "the system has no trust anchors");
	if (!ca_file)
		return true;
	if (!read_file(ca_file, &data, error))
		return core_prefix(error, "tls_ca: ");
	n = gnutls_certificate_set_x509_trust_mem(trust->credentials, &data, GNUTLS_X509_FMT_PEM);
	g_free(data.data);
	if (n <= 0)
		return core_throw(error, CORE_ERROR_CONFIG, "tls_ca: no certificate can be read from %s: %s", ca_file,
		                  n < 0 ? gnutls_strerror(n) : "there is none");
	return true;
}

static bool
load_client(NetTrust *trust, const char *cert_file, const char *key_file, GError **error)
{
	gnutls_datum_t cert = { 0 }, key = { 0 };
	bool ok = false;
	int code;

	if (!read_file(cert_file, &cert, error)) {
		core_prefix(error, "tls_cert: ");
	} else if (!read_file(key_file, &key, error)) {
		core_prefix(error, "tls_key: ");
	} else {
		code = gnutls_certificate_set_x509_key_mem(trust->credentials, &cert, &key, GNUTLS_X509_FMT_PEM);
		ok = code >= 0 || core_throw(error, CORE_ERROR_CONFIG, "tls_cert, tls_key: %s and %s cannot be used: %s", cert_file,
		                             key_file, gnutls_strerror(code));
	}
	g_free(cert.data);
	wipe(&key);
	return ok;
}

static void
set_host(NetTrust *trust, const char *host)
{
	g_autofree char *bare = g_strdup(host);

	bare[strcspn(bare, "%")] = '\0'; /* fe80::1%eth0 */
	if (inet_pton(AF_INET, bare, trust->address) == 1) {
		trust->address_size = 4;
	} else if (inet_pton(AF_INET6, bare, trust->address) == 1) {
		trust->address_size = 16;
	} else {
		g_clear_pointer(&bare, g_free);
		bare = g_hostname_to_ascii(host);
		if (!bare)
			bare = g_strdup(host); /* no certificate will match */
		if (g_str_has_suffix(bare, "."))
			bare[strlen(bare) - 1] = '\0';
	}
	trust->host = g_steal_pointer(&bare);
}

NetTrust *
net_trust_new(const NetTlsConfig *config, const char *host, GError **error)
{
	g_autoptr(NetTrust) trust = g_new0(NetTrust, 1);
	int code = gnutls_certificate_allocate_credentials(&trust->credentials);

	if (code < 0) {
		core_throw(error, CORE_ERROR_IO, "cannot start TLS: %s", gnutls_strerror(code));
		return NULL;
	}
	set_host(trust, host);
	trust->pinned = config->pin != NULL;
	if (config->pin && !net_pin_parse(config->pin, trust->pin, error))
		return NULL;
	if (!config->pin && !load_anchors(trust, config->ca_file, error))
		return NULL;
	if (config->key_file && !config->cert_file) {
		core_throw(error, CORE_ERROR_CONFIG, "tls_key: needs tls_cert");
		return NULL;
	}
	if (config->cert_file &&
	    !load_client(trust, config->cert_file, config->key_file ? config->key_file : config->cert_file, error))
		return NULL;
	return g_steal_pointer(&trust);
}

bool
net_trust_apply(NetTrust *trust, gnutls_session_t session, GError **error)
{
	int code = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, trust->credentials);

	if (code >= 0 && trust->address_size == 0)
		code = gnutls_server_name_set(session, GNUTLS_NAME_DNS, trust->host, strlen(trust->host));
	return code >= 0 || core_throw(error, CORE_ERROR_CONFIG, "%s", gnutls_strerror(code));
}

/* SHA-256 of the SubjectPublicKeyInfo. */
static bool
key_digest(gnutls_x509_crt_t cert, uint8_t digest[static NET_PIN_SIZE])
{
	gnutls_pubkey_t key;
	gnutls_datum_t der = { 0 };
	bool ok;

	if (gnutls_pubkey_init(&key) < 0)
		return false;
	ok = gnutls_pubkey_import_x509(key, cert, 0) >= 0 && gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &der) >= 0 &&
	     gnutls_hash_fast(GNUTLS_DIG_SHA256, der.data, der.size, digest) >= 0;
	gnutls_free(der.data);
	gnutls_pubkey_deinit(key);
	return ok;
}

/* What the peer wrote, fit to be shown. */
static void
append_safe(GString *text, const char *bytes, size_t length)
{
	for (size_t i = 0; i < MIN(length, 80); i++)
		g_string_append_c(text, g_ascii_isgraph(bytes[i]) || bytes[i] == ' ' ? bytes[i] : '?');
}

static void
append_date(GString *text, const char *what, time_t when)
{
	char date[32] = "";
	struct tm tm;

	if (when != (time_t)-1 && gmtime_r(&when, &tm))
		strftime(date, sizeof date, " %Y-%m-%d", &tm);
	g_string_append_printf(text, "%s%s", what, date);
}

/* "it is for a.example, 192.0.2.1, not for b.example" */
static void
append_names(GString *text, gnutls_x509_crt_t cert, const NetTrust *trust)
{
	unsigned told = 0;
	int type = 0;

	g_string_append(text, "it is for ");
	for (unsigned i = 0; told < MAX_NAMES_TOLD && type >= 0; i++) {
		char name[256], address[INET6_ADDRSTRLEN];
		size_t size = sizeof name;

		type = gnutls_x509_crt_get_subject_alt_name(cert, i, name, &size, NULL);
		if (type != GNUTLS_SAN_DNSNAME && (type != GNUTLS_SAN_IPADDRESS || (size != 4 && size != 16)))
			continue;
		g_string_append(text, told++ ? ", " : "");
		if (type == GNUTLS_SAN_DNSNAME)
			append_safe(text, name, strnlen(name, size));
		else
			g_string_append(text, inet_ntop(size == 4 ? AF_INET : AF_INET6, name, address, sizeof address));
	}
	g_string_append_printf(text, "%s, not for %s%s", told ? "" : "another name", trust->address_size ? "the address " : "",
	                       trust->host);
}

static void
append_issuer(GString *text, gnutls_x509_crt_t cert)
{
	gnutls_datum_t name = { 0 };

	g_string_append(text, "its issuer is unknown");
	if (gnutls_x509_crt_get_issuer_dn2(cert, &name) >= 0 && name.size > 0) {
		g_string_append(text, " (");
		append_safe(text, (const char *)name.data, name.size);
		g_string_append(text, ")");
	}
	gnutls_free(name.data);
}

/* What is wrong, in the order of what people can do something about. */
static void
append_reasons(GString *text, const NetTrust *trust, gnutls_x509_crt_t cert, unsigned status)
{
	static const struct {
		unsigned bit;
		const char *words;
	} rows[] = {
		{ GNUTLS_CERT_REVOKED, "it was revoked" },
		{ GNUTLS_CERT_SIGNATURE_FAILURE, "its signature is wrong" },
		{ GNUTLS_CERT_INSECURE_ALGORITHM, "it uses an algorithm or a key that is too weak" },
		{ GNUTLS_CERT_SIGNER_NOT_CA, "its issuer is not an authority" },
		{ GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, "its issuer may not issue it" },
		{ GNUTLS_CERT_PURPOSE_MISMATCH, "it is not meant for servers" },
		{ GNUTLS_CERT_MISSING_OCSP_STATUS, "the proof that it was not revoked is missing" },
		{ GNUTLS_CERT_INVALID_OCSP_STATUS, "the proof that it was not revoked is wrong" },
	};
	size_t before = text->len;

	if (status & GNUTLS_CERT_EXPIRED)
		append_date(text, "it expired", gnutls_x509_crt_get_expiration_time(cert));
	if (status & GNUTLS_CERT_NOT_ACTIVATED)
		append_date(text, "it is not valid before", gnutls_x509_crt_get_activation_time(cert));
	if (status & GNUTLS_CERT_UNEXPECTED_OWNER) {
		g_string_append(text, text->len > before ? "; " : "");
		append_names(text, cert, trust);
	}
	if (status & GNUTLS_CERT_SIGNER_NOT_FOUND) {
		g_string_append(text, text->len > before ? "; " : "");
		append_issuer(text, cert);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (status & rows[i].bit)
			g_string_append_printf(text, "%s%s", text->len > before ? "; " : "", rows[i].words);
	}
	if (text->len == before)
		g_string_append(text, "it is not valid");
}

static bool
refuse(const NetTrust *trust, gnutls_x509_crt_t cert, unsigned status, const uint8_t *digest, GError **error)
{
	g_autofree char *base64 = g_base64_encode(digest, NET_PIN_SIZE);
	g_autoptr(GString) text = g_string_new("the certificate is not trusted: ");

	append_reasons(text, trust, cert, status);
	g_string_append_printf(text, "; its key is sha256//%s; if you know it, tls_ca or tls_pin can say so", base64);
	return core_throw(error, CORE_ERROR_UNTRUSTED, "%s", text->str);
}

static bool
check_chain(const NetTrust *trust, gnutls_session_t session, gnutls_x509_crt_t cert, const uint8_t *digest,
            GError **error)
{
	gnutls_typed_vdata_st wanted[2] = {
		{ .type = GNUTLS_DT_DNS_HOSTNAME, .data = (unsigned char *)trust->host },
		{ .type = GNUTLS_DT_KEY_PURPOSE_OID },
	};
	char purpose[] = GNUTLS_KP_TLS_WWW_SERVER;
	uint8_t address[16];
	unsigned status = 0;
	int code;

	wanted[1].data = (unsigned char *)purpose;
	if (trust->address_size > 0) {
		memcpy(address, trust->address, sizeof address);
		wanted[0] = (gnutls_typed_vdata_st){ GNUTLS_DT_IP_ADDRESS, address, trust->address_size };
	}
	code = gnutls_certificate_verify_peers(session, wanted, G_N_ELEMENTS(wanted), &status);
	if (code < 0)
		return core_throw(error, CORE_ERROR_UNTRUSTED, "the certificate cannot be checked: %s", gnutls_strerror(code));
	return status == 0 || refuse(trust, cert, status, digest, error);
}

static bool
check_pin(const NetTrust *trust, const uint8_t *digest, GError **error)
{
	if (gnutls_memcmp(digest, trust->pin, NET_PIN_SIZE) == 0)
		return true;

	g_autofree char *base64 = g_base64_encode(digest, NET_PIN_SIZE);
	return core_throw(error, CORE_ERROR_UNTRUSTED, "the server's key is not the one of tls_pin, it is sha256//%s", base64);
}

bool
net_trust_check(const NetTrust *trust, gnutls_session_t session, GError **error)
{
	unsigned n = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &n);
	gnutls_x509_crt_t cert;
	uint8_t digest[NET_PIN_SIZE];
	bool ok;

	if (!chain || n == 0 || gnutls_certificate_type_get(session) != GNUTLS_CRT_X509)
		return core_throw(error, CORE_ERROR_UNTRUSTED, "the server presented no certificate");
	if (gnutls_x509_crt_init(&cert) < 0)
		return core_throw(error, CORE_ERROR_UNTRUSTED, "the certificate cannot be read");
	if (gnutls_x509_crt_import(cert, &chain[0], GNUTLS_X509_FMT_DER) < 0 || !key_digest(cert, digest))
		ok = core_throw(error, CORE_ERROR_UNTRUSTED, "the certificate cannot be read");
	else if (trust->pinned)
		ok = check_pin(trust, digest, error);
	else
		ok = check_chain(trust, session, cert, digest, error);
	gnutls_x509_crt_deinit(cert);
	return ok;
}

void
net_trust_free(NetTrust *trust)
{
	if (!trust)
		return;
	if (trust->credentials)
		gnutls_certificate_free_credentials(trust->credentials);
	g_free(trust->host);
	g_free(trust);
}
