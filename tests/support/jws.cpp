#include "tests/support/jws.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <vector>

namespace duet {
namespace {

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* p) const {
    Free(p);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Memory = std::unique_ptr<BIO, Freer<BIO_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Freer<ECDSA_SIG_free>>;

Key load_private_key(std::string_view pem) {
  const Memory bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  if (!key) throw std::runtime_error("no private key in the PEM");
  return key;
}

// RFC 7518 3.4: r and s, 32 bytes each, instead of DER.
std::string raw_ecdsa(const std::vector<unsigned char>& der) {
  const unsigned char* at = der.data();
  const Signature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  std::array<unsigned char, 64> raw{};
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), raw.data(), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), raw.data() + 32, 32);
  return {raw.begin(), raw.end()};
}

std::string sign(const Key& key, const std::string& input) {
  const bool ed25519 = EVP_PKEY_is_a(key.get(), "ED25519") == 1;
  const Digest digest(EVP_MD_CTX_new());
  const auto* bytes = reinterpret_cast<const unsigned char*>(input.data());
  std::size_t size = 0;
  if (EVP_DigestSignInit(digest.get(), nullptr, ed25519 ? nullptr : EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(digest.get(), nullptr, &size, bytes, input.size()) != 1) {
    throw std::runtime_error("cannot sign");
  }
  std::vector<unsigned char> signature(size);
  if (EVP_DigestSign(digest.get(), signature.data(), &size, bytes, input.size()) != 1) {
    throw std::runtime_error("cannot sign");
  }
  signature.resize(size);
  if (EVP_PKEY_is_a(key.get(), "EC") == 1) return raw_ecdsa(signature);
  return {signature.begin(), signature.end()};
}

}  // namespace

std::string base64url(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return text;
}

std::string signing_input(const nlohmann::json& header, const nlohmann::json& claims) {
  return base64url(header.dump()) + "." + base64url(claims.dump());
}

std::string sign_jws(const nlohmann::json& header, const nlohmann::json& claims, std::string_view pem) {
  const std::string input = signing_input(header, claims);
  return input + "." + base64url(sign(load_private_key(pem), input));
}

std::string hmac_jws(const nlohmann::json& header, const nlohmann::json& claims, std::string_view secret) {
  const std::string input = signing_input(header, claims);
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(input.data()), input.size(), mac.data(), &size);
  return input + "." + base64url({reinterpret_cast<const char*>(mac.data()), size});
}

std::string public_pem(std::string_view private_pem) {
  const Key key = load_private_key(private_pem);
  const Memory bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PUBKEY(bio.get(), key.get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace duet
