#include "auth_service/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <stdexcept>

namespace duet {
namespace {

constexpr std::size_t kDigestBytes = 32;

void require(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("OpenSSL cannot ") + what);
}

unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

}  // namespace

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  require(RAND_bytes(bytes_of(bytes), static_cast<int>(count)) == 1, "make random numbers");
  return bytes;
}

std::string sha256(std::string_view bytes) {
  std::string digest(kDigestBytes, '\0');
  require(EVP_Digest(bytes.data(), bytes.size(), bytes_of(digest), nullptr, EVP_sha256(), nullptr) == 1,
          "hash");
  return digest;
}

std::string hmac_sha256(std::string_view key, std::string_view message) {
  std::string digest(kDigestBytes, '\0');
  unsigned int size = kDigestBytes;
  const auto* text = reinterpret_cast<const unsigned char*>(message.data());
  require(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), text, message.size(), bytes_of(digest),
               &size) != nullptr,
          "hash");
  return digest;
}

bool equal_secrets(std::string_view one, std::string_view other) {
  return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

}  // namespace duet
