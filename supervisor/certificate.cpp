#include "supervisor/certificate.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <memory>
#include <optional>
#include <stdexcept>

#include "acl/openssl.h"
#include "service/address.h"

namespace duet {
namespace {

using X509Handle = std::unique_ptr<X509, openssl::Deleter<X509_free>>;
using ExtensionHandle = std::unique_ptr<X509_EXTENSION, openssl::Deleter<X509_EXTENSION_free>>;

// RFC 5280 4.1.2.2: positive, at most 20 octets.
constexpr int kSerialBits = 127;

// What cannot fail with a sound key and enough memory.
void require_done(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("OpenSSL cannot ") + what);
}

std::time_t to_seconds(Timestamp time) {
  return std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
}

openssl::Bio bio_of(std::string_view text) {
  return openssl::Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string text_of(const openssl::Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

X509Handle parse_certificate(std::string_view pem) {
  const openssl::ErrorScope errors;
  const auto bio = bio_of(pem);
  return X509Handle(bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr);
}

Certificate to_pem(X509* certificate, EVP_PKEY* key) {
  const openssl::Bio text(BIO_new(BIO_s_mem()));
  const openssl::Bio key_text(BIO_new(BIO_s_mem()));
  require_done(text && PEM_write_bio_X509(text.get(), certificate) == 1, "write a certificate");
  require_done(
      key_text && PEM_write_bio_PrivateKey(key_text.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
      "write a key");
  return {.pem = text_of(text), .key_pem = text_of(key_text)};
}

void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionHandle extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  require_done(extension && X509_add_ext(certificate, extension.get(), -1) == 1, "extend a certificate");
}

// RFC 5280 4.2.1.6, as OpenSSL's configuration spells it.
std::string alternative_names(const std::vector<std::string>& names) {
  std::string list;
  for (const auto& name : names) {
    if (!list.empty()) list += ',';
    list += (IpAddress::parse(name) ? "IP:" : "DNS:") + name;
  }
  return list;
}

// Everything but issuer, extensions and signature.
X509Handle blank_certificate(const std::string& common_name, Timestamp from, Timestamp until, EVP_PKEY* key) {
  X509Handle certificate(X509_new());
  const openssl::Bignum serial(BN_new());
  require_done(certificate && serial, "make a certificate");
  const auto* name = openssl::bytes_of(common_name.c_str());
  const bool done = X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
                    BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
                    BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate.get())) != nullptr &&
                    ASN1_TIME_set(X509_getm_notBefore(certificate.get()), to_seconds(from)) != nullptr &&
                    ASN1_TIME_set(X509_getm_notAfter(certificate.get()), to_seconds(until)) != nullptr &&
                    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                                               name, -1, -1, 0) == 1 &&
                    X509_set_pubkey(certificate.get(), key) == 1;
  require_done(done, "fill a certificate");
  return certificate;
}

void sign_certificate(X509* certificate, X509* issuer, EVP_PKEY* issuer_key) {
  require_done(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1, "name an issuer");
  extend(certificate, issuer, NID_subject_key_identifier, "hash");
  if (issuer != certificate) extend(certificate, issuer, NID_authority_key_identifier, "keyid:always");
  require_done(X509_sign(certificate, issuer_key, EVP_sha256()) > 0, "sign a certificate");
}

// A key with a passphrase is not asked for: there may be a terminal, and the platform must not wait at it.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*context*/) {
  return -1;
}

openssl::Pkey parse_private_key(std::string_view pem) {
  const openssl::ErrorScope errors;
  const auto bio = bio_of(pem);
  return openssl::Pkey(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr) : nullptr);
}

// RFC 5280 4.1.2.5: in UTC, to the second.
std::optional<Timestamp> to_timestamp(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return Timestamp(std::chrono::seconds(::timegm(&parts)));
}

bool is_good_for(X509* certificate, const std::string& name) {
  if (IpAddress::parse(name)) return X509_check_ip_asc(certificate, name.c_str(), 0) == 1;
  return X509_check_host(certificate, name.data(), name.size(), 0, nullptr) == 1;
}

}  // namespace

Certificate make_authority(const std::string& common_name, Timestamp from, Timestamp until) {
  const openssl::Pkey key(EVP_EC_gen("P-256"));
  require_done(key != nullptr, "make a key");
  const auto certificate = blank_certificate(common_name, from, until, key.get());
  extend(certificate.get(), certificate.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  extend(certificate.get(), certificate.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  sign_certificate(certificate.get(), certificate.get(), key.get());
  return to_pem(certificate.get(), key.get());
}

Certificate issue_certificate(const CertificateSpec& spec, const Certificate& authority) {
  const auto issuer = parse_certificate(authority.pem);
  const auto bio = bio_of(authority.key_pem);
  const openssl::Pkey issuer_key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr)
                                     : nullptr);
  if (!issuer || !issuer_key || X509_check_private_key(issuer.get(), issuer_key.get()) != 1) {
    throw std::runtime_error(
        "the certificate authority or its key is damaged, or they do not fit each other");
  }
  const openssl::Pkey key(EVP_EC_gen("P-256"));
  require_done(key != nullptr, "make a key");
  const auto certificate = blank_certificate(spec.common_name, spec.from, spec.until, key.get());
  const bool server = spec.use == CertificateSpec::Use::server;
  extend(certificate.get(), issuer.get(), NID_basic_constraints, "critical,CA:FALSE");
  extend(certificate.get(), issuer.get(), NID_key_usage, "critical,digitalSignature");
  extend(certificate.get(), issuer.get(), NID_ext_key_usage, server ? "serverAuth" : "clientAuth");
  if (!spec.names.empty()) {
    extend(certificate.get(), issuer.get(), NID_subject_alt_name, alternative_names(spec.names));
  }
  sign_certificate(certificate.get(), issuer.get(), issuer_key.get());
  return to_pem(certificate.get(), key.get());
}

bool certificate_serves(std::string_view pem, const std::vector<std::string>& names, Timestamp until,
                        std::string_view authority_pem) {
  const openssl::ErrorScope errors;
  const auto certificate = parse_certificate(pem);
  const auto authority = parse_certificate(authority_pem);
  if (!certificate || !authority) return false;
  std::time_t moment = to_seconds(until);
  return X509_verify(certificate.get(), X509_get0_pubkey(authority.get())) == 1 &&
         X509_cmp_time(X509_get0_notAfter(certificate.get()), &moment) > 0 &&
         std::all_of(names.begin(), names.end(),
                     [&](const std::string& name) { return is_good_for(certificate.get(), name); });
}

Result<Validity, std::string> read_server_certificate(std::string_view pem) {
  using Wrong = Failure<std::string>;
  const openssl::ErrorScope errors;
  const auto certificate = parse_certificate(pem);
  if (!certificate) return Wrong("has no certificate that can be read");
  const auto key = parse_private_key(pem);
  if (!key) return Wrong("has no private key that can be read without a passphrase");
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return Wrong("has a private key that does not belong to its first certificate");
  }
  const auto from = to_timestamp(X509_get0_notBefore(certificate.get()));
  const auto until = to_timestamp(X509_get0_notAfter(certificate.get()));
  if (!from || !until) return Wrong("has a certificate whose dates cannot be read");
  return Validity{.from = *from, .until = *until};
}

bool has_private_key(std::string_view pem) {
  return parse_private_key(pem) != nullptr;
}

}  // namespace duet
