#include "push_bridge/webpush_encryption.h"

#include <openssl/kdf.h>
#include <openssl/rand.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <utility>

#include "acl/openssl.h"
#include "push_bridge/webpush_encryption_vectors.h"

namespace duet {
namespace {

using openssl::bytes_of;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, openssl::Deleter<EVP_CIPHER_CTX_free>>;

constexpr std::size_t kPointBytes = 65;  // uncompressed, SEC 1 2.3.3
constexpr std::size_t kSecretBytes = 16;
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kTagBytes = 16;
constexpr char kLastRecord = '\x02';  // RFC 8188 2

void must(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("OpenSSL cannot ") + what);
}

unsigned char* writable(std::string& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

// A name with the NUL that ends it, which is part of what is hashed.
template <std::size_t N>
std::string_view with_nul(const char (&text)[N]) {
  return {text, N};
}

openssl::Pkey key_of(std::string_view point, const BIGNUM* number) {
  const openssl::ParamBuilder builder(OSSL_PARAM_BLD_new());
  must(
      builder &&
          OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
          OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                           point.size()) == 1 &&
          (number == nullptr || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, number) == 1),
      "describe a key");
  const openssl::Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const openssl::PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  must(params && context && EVP_PKEY_fromdata_init(context.get()) == 1, "read a key");
  EVP_PKEY* key = nullptr;
  const int selection = number == nullptr ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR;
  if (EVP_PKEY_fromdata(context.get(), &key, selection, params.get()) != 1) return nullptr;
  return openssl::Pkey(key);
}

// nullptr unless it is a point of the curve, which keeps our side of the secret from being guessed. That is
// all there is to check: all points of P-256 but the one at infinity are of the same order, so it is not
// multiplied by it, which takes as long as everything else.
openssl::Pkey receiver_key(std::string_view point) {
  if (point.size() != kPointBytes || point.front() != '\x04') return nullptr;
  auto key = key_of(point, nullptr);
  if (!key) return nullptr;
  const openssl::PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (!context || EVP_PKEY_public_check_quick(context.get()) != 1) return nullptr;
  return key;
}

std::string point_of(const EVP_PKEY* key) {
  std::string point(kPointBytes, '\0');
  std::size_t size = 0;
  must(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, writable(point), point.size(), &size) ==
               1 &&
           size == kPointBytes && point.front() == '\x04',
       "write a point");
  return point;
}

// `other` is a receiver_key().
std::string agree(EVP_PKEY* own, EVP_PKEY* other) {
  constexpr int kCheckedAlready = 0;
  const openssl::PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, own, nullptr));
  std::string secret(openssl::kP256FieldBytes, '\0');
  std::size_t size = secret.size();
  must(context && EVP_PKEY_derive_init(context.get()) == 1 &&
           EVP_PKEY_derive_set_peer_ex(context.get(), other, kCheckedAlready) == 1 &&
           EVP_PKEY_derive(context.get(), writable(secret), &size) == 1 && size == secret.size(),
       "agree on a secret");
  return secret;
}

// HKDF-SHA-256 (RFC 5869).
std::string hkdf(std::string_view salt, std::string_view keying_material, std::string_view use,
                 std::size_t bytes) {
  const openssl::PkeyContext context(EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr));
  std::string derived(bytes, '\0');
  std::size_t size = bytes;
  const auto length = [](std::string_view text) { return static_cast<int>(text.size()); };
  must(context && EVP_PKEY_derive_init(context.get()) == 1 &&
           EVP_PKEY_CTX_set_hkdf_md(context.get(), EVP_sha256()) == 1 &&
           EVP_PKEY_CTX_set1_hkdf_salt(context.get(), bytes_of(salt.data()), length(salt)) == 1 &&
           EVP_PKEY_CTX_set1_hkdf_key(context.get(), bytes_of(keying_material.data()),
                                      length(keying_material)) == 1 &&
           EVP_PKEY_CTX_add1_hkdf_info(context.get(), bytes_of(use.data()), length(use)) == 1 &&
           EVP_PKEY_derive(context.get(), writable(derived), &size) == 1 && size == bytes,
       "derive a key");
  return derived;
}

// AES-128-GCM: the ciphertext, and its tag behind it.
std::string seal(std::string_view key, std::string_view nonce, std::string_view plaintext) {
  const CipherContext context(EVP_CIPHER_CTX_new());
  std::string sealed(plaintext.size() + kTagBytes, '\0');
  int size = 0;
  int rest = 0;
  must(context &&
           EVP_EncryptInit_ex2(context.get(), EVP_aes_128_gcm(), bytes_of(key.data()), bytes_of(nonce.data()),
                               nullptr) == 1 &&
           EVP_EncryptUpdate(context.get(), writable(sealed), &size, bytes_of(plaintext.data()),
                             static_cast<int>(plaintext.size())) == 1 &&
           EVP_EncryptFinal_ex(context.get(), writable(sealed) + size, &rest) == 1 &&
           EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kTagBytes),
                               sealed.data() + plaintext.size()) == 1,
       "encrypt");
  return sealed;
}

Result<std::string, std::string> encrypt(std::string_view plaintext, std::string_view key,
                                         std::string_view secret, EVP_PKEY* sender, std::string_view salt,
                                         std::size_t padded_to) {
  if (plaintext.size() > kMostWebPushPlaintextBytes) return Failure<std::string>("the message is too large");
  if (secret.size() != kSecretBytes)
    return Failure<std::string>("the subscription's secret is not of 16 bytes");
  const auto receiver = receiver_key(key);
  if (!receiver) return Failure<std::string>("the subscription's key is not a point of P-256");
  const std::string sender_point = point_of(sender);
  const std::string use = std::string(with_nul("WebPush: info")).append(key).append(sender_point);
  const std::string keying_material = hkdf(secret, agree(sender, receiver.get()), use, 32);
  return not_for_sending::encode_aes128gcm(plaintext, keying_material, salt, sender_point, padded_to);
}

}  // namespace

Result<std::string, std::string> encrypt_web_push(std::string_view plaintext, std::string_view key,
                                                  std::string_view secret, std::size_t padded_to) {
  const openssl::ErrorScope errors;
  const openssl::Pkey sender(EVP_EC_gen("P-256"));
  must(sender != nullptr, "make a key");
  std::string salt(kSaltBytes, '\0');
  must(RAND_bytes(writable(salt), static_cast<int>(salt.size())) == 1, "make random numbers");
  return encrypt(plaintext, key, secret, sender.get(), salt, padded_to);
}

namespace not_for_sending {

std::string encode_aes128gcm(std::string_view plaintext, std::string_view keying_material,
                             std::string_view salt, std::string_view keyid, std::size_t padded_to) {
  const openssl::ErrorScope errors;
  const auto key = hkdf(salt, keying_material, with_nul("Content-Encoding: aes128gcm"), 16);
  const auto nonce = hkdf(salt, keying_material, with_nul("Content-Encoding: nonce"), 12);
  constexpr std::string_view kRecordBytes("\0\0\x10\0", 4);  // 4096, big-endian
  std::string encoded = std::string(salt).append(kRecordBytes);
  encoded.push_back(static_cast<char>(keyid.size()));
  encoded.append(keyid);
  std::string record = std::string(plaintext) + kLastRecord;
  if (plaintext.size() < padded_to) record.append(padded_to - plaintext.size(), '\0');
  return encoded.append(seal(key, nonce, record));
}

Result<std::string, std::string> encrypt_web_push(std::string_view plaintext, std::string_view key,
                                                  std::string_view secret, std::string_view sender_private,
                                                  std::string_view sender_public, std::string_view salt) {
  const openssl::ErrorScope errors;
  const openssl::Bignum number(
      BN_bin2bn(bytes_of(sender_private.data()), static_cast<int>(sender_private.size()), nullptr));
  const auto sender = key_of(sender_public, number.get());
  must(sender != nullptr, "read the sender's key");
  return encrypt(plaintext, key, secret, sender.get(), salt, 0);
}

}  // namespace not_for_sending

}  // namespace duet
