#include "acl/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <stdexcept>

namespace duet {
namespace {

constexpr std::size_t kSha256Bytes = 32;

void must_have(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("OpenSSL cannot ") + what);
}

unsigned char* writable(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

}  // namespace

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  must_have(RAND_bytes(writable(bytes), static_cast<int>(count)) == 1, "make random numbers");
  return bytes;
}

std::string sha256(std::string_view bytes) {
  std::string digest(kSha256Bytes, '\0');
  must_have(EVP_Digest(bytes.data(), bytes.size(), writable(digest), nullptr, EVP_sha256(), nullptr) == 1,
            "hash");
  return digest;
}

std::string hmac_sha256(std::string_view key, std::string_view message) {
  std::string digest(kSha256Bytes, '\0');
  unsigned int size = kSha256Bytes;
  const auto* text = reinterpret_cast<const unsigned char*>(message.data());
  must_have(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), text, message.size(),
                 writable(digest), &size) != nullptr,
            "hash");
  return digest;
}

bool equal_secrets(std::string_view one, std::string_view other) {
  return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

}  // namespace duet
