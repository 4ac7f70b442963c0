#include "tests/unit/acl/forge.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "acl/base64url.h"
#include "acl/openssl.h"

namespace duet {
namespace {

using openssl::bytes_of;

std::string signed_text(std::string_view header, std::string_view payload) {
  return encode_base64url(header) + '.' + encode_base64url(payload);
}

// R and S of a DER signature, taken by hand: SEQUENCE { INTEGER, INTEGER } with one-byte lengths, as P-256's
// are.
std::string raw_of_der(std::string_view der) {
  std::string raw;
  std::size_t at = 2;
  for (int i = 0; i < 2; ++i) {
    const auto size = static_cast<std::size_t>(static_cast<unsigned char>(der.at(at + 1)));
    auto number = std::string(der.substr(at + 2, size));
    at += 2 + size;
    number.erase(0, number.size() > 32 ? number.size() - 32 : 0);
    raw += std::string(32 - number.size(), '\0') + number;
  }
  return raw;
}

// OpenSSL's handle of the key. Kept: reading the PEM takes longer than signing.
EVP_PKEY* handle_of(const SigningKey& key) {
  static std::map<std::string, openssl::Pkey> handles;
  auto& handle = handles[key.key_id()];
  if (!handle) {
    const std::string pem = key.to_pem();
    const openssl::Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    handle.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  }
  return handle.get();
}

}  // namespace

std::string forge_token(const SigningKey& key, std::string_view header, std::string_view payload) {
  EVP_PKEY* pkey = handle_of(key);
  const openssl::MdContext context(EVP_MD_CTX_new());
  const std::string text = signed_text(header, payload);
  const bool eddsa = key.algorithm() == SignatureAlgorithm::eddsa;
  std::string signature(1024, '\0');
  std::size_t size = signature.size();
  if (EVP_DigestSignInit(context.get(), nullptr, eddsa ? nullptr : EVP_sha256(), nullptr, pkey) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     bytes_of(text.data()), text.size()) != 1) {
    throw std::runtime_error("cannot sign");
  }
  signature.resize(size);
  if (key.algorithm() == SignatureAlgorithm::es256) signature = raw_of_der(signature);
  return text + '.' + encode_base64url(signature);
}

std::string forge_hmac_token(std::string_view secret, std::string_view header, std::string_view payload) {
  const std::string text = signed_text(header, payload);
  std::string mac(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes_of(text.data()), text.size(),
           reinterpret_cast<unsigned char*>(mac.data()), &size) == nullptr) {
    throw std::runtime_error("cannot make a MAC");
  }
  mac.resize(size);
  return text + '.' + encode_base64url(mac);
}

const SigningKey& ec_key() {
  static const SigningKey key = SigningKey::generate(SignatureAlgorithm::es256);
  return key;
}

const SigningKey& rsa_key() {
  static const SigningKey key = SigningKey::generate(SignatureAlgorithm::rs256);
  return key;
}

const SigningKey& ed_key() {
  static const SigningKey key = SigningKey::generate(SignatureAlgorithm::eddsa);
  return key;
}

nlohmann::json with(nlohmann::json object, const char* name, const nlohmann::json& value) {
  object[name] = value;
  return object;
}

nlohmann::json without(nlohmann::json object, const char* name) {
  object.erase(name);
  return object;
}

}  // namespace duet
