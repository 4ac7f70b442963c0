#include "acl/signing_key.h"

#include <openssl/pem.h>
#include <openssl/rand.h>

#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "acl/base64url.h"
#include "acl/openssl.h"
#include "protocol/json_codec.h"

namespace duet {

using nlohmann::json;
using openssl::bytes_of;
using openssl::kP256FieldBytes;

struct SigningKey::Pkey {
  openssl::Pkey pkey;
  json required_members;  // of the public JWK, those that its thumbprint is over (RFC 7638 3.2)
  std::string key_id;
};

namespace {

constexpr std::array<std::pair<SignatureAlgorithm, std::string_view>, 3> kAlgorithms{
    {{SignatureAlgorithm::es256, "ES256"},
     {SignatureAlgorithm::rs256, "RS256"},
     {SignatureAlgorithm::eddsa, "EdDSA"}}};

// What cannot fail with a sound key and enough memory.
void require(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("OpenSSL cannot ") + what);
}

openssl::Pkey generate_pkey(SignatureAlgorithm algorithm) {
  switch (algorithm) {
    case SignatureAlgorithm::es256:
      return openssl::Pkey(EVP_EC_gen("P-256"));
    case SignatureAlgorithm::rs256:
      return openssl::Pkey(EVP_RSA_gen(static_cast<unsigned>(openssl::kMinRsaBits)));
    case SignatureAlgorithm::eddsa:
      return openssl::Pkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  }
  return nullptr;
}

Result<SignatureAlgorithm, std::string> algorithm_of(const EVP_PKEY* pkey) {
  std::array<char, 64> group{};
  std::size_t size = 0;
  if (EVP_PKEY_is_a(pkey, "EC") != 0) {
    const bool named = EVP_PKEY_get_group_name(pkey, group.data(), group.size(), &size) == 1;
    if (named && std::string_view(group.data(), size) == "prime256v1") return SignatureAlgorithm::es256;
    return Failure<std::string>("the EC key is not on the curve P-256");
  }
  if (EVP_PKEY_is_a(pkey, "RSA") != 0) {
    if (EVP_PKEY_get_bits(pkey) >= openssl::kMinRsaBits) return SignatureAlgorithm::rs256;
    return Failure<std::string>("the RSA key has fewer than 2048 bits");
  }
  if (EVP_PKEY_is_a(pkey, "ED25519") != 0) return SignatureAlgorithm::eddsa;
  return Failure<std::string>("the key is neither EC P-256, RSA nor Ed25519");
}

// Big-endian bytes of a number of the key, at least `min_bytes` (leading zeros).
std::string number_of(const EVP_PKEY* pkey, const char* name, std::size_t min_bytes) {
  BIGNUM* found = nullptr;
  require(EVP_PKEY_get_bn_param(pkey, name, &found) == 1, "read the public key");
  const openssl::Bignum number(found);
  std::string bytes(std::max(min_bytes, static_cast<std::size_t>(BN_num_bytes(number.get()))), '\0');
  auto* out = reinterpret_cast<unsigned char*>(bytes.data());
  require(BN_bn2binpad(number.get(), out, static_cast<int>(bytes.size())) >= 0, "read the public key");
  return bytes;
}

std::string raw_public_key(const EVP_PKEY* pkey) {
  std::array<char, 32> bytes{};
  std::size_t size = bytes.size();
  auto* out = reinterpret_cast<unsigned char*>(bytes.data());
  require(EVP_PKEY_get_raw_public_key(pkey, out, &size) == 1, "read the public key");
  return {bytes.data(), size};
}

json required_members_of(const EVP_PKEY* pkey, SignatureAlgorithm algorithm) {
  const auto number = [pkey](const char* name, std::size_t min_bytes) {
    return encode_base64url(number_of(pkey, name, min_bytes));
  };
  switch (algorithm) {
    case SignatureAlgorithm::es256:
      return {{"kty", "EC"},
              {"crv", "P-256"},
              {"x", number(OSSL_PKEY_PARAM_EC_PUB_X, kP256FieldBytes)},
              {"y", number(OSSL_PKEY_PARAM_EC_PUB_Y, kP256FieldBytes)}};
    case SignatureAlgorithm::rs256:
      return {
          {"kty", "RSA"}, {"n", number(OSSL_PKEY_PARAM_RSA_N, 0)}, {"e", number(OSSL_PKEY_PARAM_RSA_E, 0)}};
    case SignatureAlgorithm::eddsa:
      return {{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", encode_base64url(raw_public_key(pkey))}};
  }
  return json::object();
}

// RFC 7638 3: SHA-256 of the required members, in the order of their names, without white space.
std::string thumbprint(const json& required_members) {
  const std::string text = dump(required_members);
  std::array<char, 32> digest{};
  auto* out = reinterpret_cast<unsigned char*>(digest.data());
  require(EVP_Digest(text.data(), text.size(), out, nullptr, EVP_sha256(), nullptr) == 1, "hash");
  return encode_base64url({digest.data(), digest.size()});
}

// OpenSSL has R and S in a DER sequence, JWS as two numbers of fixed size (RFC 7518 3.4).
std::string from_der(std::string_view der) {
  const unsigned char* in = bytes_of(der.data());
  const openssl::EcdsaSignature signature(d2i_ECDSA_SIG(nullptr, &in, static_cast<long>(der.size())));
  require(signature != nullptr, "read its own signature");
  std::string raw(2 * kP256FieldBytes, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  constexpr int kSize = static_cast<int>(kP256FieldBytes);
  require(BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out, kSize) == kSize &&
              BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out + kSize, kSize) == kSize,
          "read its own signature");
  return raw;
}

std::string sign_text(EVP_PKEY* pkey, SignatureAlgorithm algorithm, std::string_view text) {
  const EVP_MD* digest = algorithm == SignatureAlgorithm::eddsa ? nullptr : EVP_sha256();
  const openssl::MdContext context(EVP_MD_CTX_new());
  std::size_t size = 0;
  require(context && EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, pkey) == 1 &&
              EVP_DigestSign(context.get(), nullptr, &size, bytes_of(text.data()), text.size()) == 1,
          "sign");
  std::string signature(size, '\0');
  auto* out = reinterpret_cast<unsigned char*>(signature.data());
  require(EVP_DigestSign(context.get(), out, &size, bytes_of(text.data()), text.size()) == 1, "sign");
  signature.resize(size);
  return algorithm == SignatureAlgorithm::es256 ? from_der(signature) : signature;
}

std::string random_id() {
  std::array<char, 16> bytes{};
  require(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) == 1,
          "make random numbers");
  return encode_base64url({bytes.data(), bytes.size()});
}

std::int64_t to_seconds(Timestamp time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

}  // namespace

std::string_view to_string(SignatureAlgorithm algorithm) {
  for (const auto& [known, text] : kAlgorithms) {
    if (known == algorithm) return text;
  }
  return "unknown";
}

std::optional<SignatureAlgorithm> parse_signature_algorithm(std::string_view text) {
  for (const auto& [algorithm, known] : kAlgorithms) {
    if (known == text) return algorithm;
  }
  return std::nullopt;
}

SigningKey::SigningKey(std::shared_ptr<const Pkey> key, SignatureAlgorithm algorithm)
    : key_(std::move(key)), algorithm_(algorithm) {}

SigningKey SigningKey::generate(SignatureAlgorithm algorithm) {
  const openssl::ErrorScope errors;
  auto pkey = generate_pkey(algorithm);
  require(pkey != nullptr, "make a key");
  auto members = required_members_of(pkey.get(), algorithm);
  auto key_id = thumbprint(members);
  return {std::make_shared<Pkey>(Pkey{std::move(pkey), std::move(members), std::move(key_id)}), algorithm};
}

Result<SigningKey, std::string> SigningKey::from_pem(std::string_view pem) {
  const openssl::ErrorScope errors;
  const openssl::Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  require(bio != nullptr, "read a key");
  // This form only: it cannot be encrypted, so OpenSSL never asks a terminal for a password.
  const openssl::Pkcs8 pkcs8(PEM_read_bio_PKCS8_PRIV_KEY_INFO(bio.get(), nullptr, nullptr, nullptr));
  if (!pkcs8) return Failure<std::string>("it is not an unencrypted PKCS #8 private key (BEGIN PRIVATE KEY)");
  openssl::Pkey pkey(EVP_PKCS82PKEY(pkcs8.get()));
  if (!pkey) return Failure<std::string>("it holds a key that OpenSSL cannot read");
  const auto algorithm = algorithm_of(pkey.get());
  if (!algorithm) return Failure<std::string>(algorithm.error());
  auto members = required_members_of(pkey.get(), *algorithm);
  auto key_id = thumbprint(members);
  return SigningKey(std::make_shared<Pkey>(Pkey{std::move(pkey), std::move(members), std::move(key_id)}),
                    *algorithm);
}

std::string SigningKey::to_pem() const {
  const openssl::ErrorScope errors;
  const openssl::Bio bio(BIO_new(BIO_s_mem()));
  require(bio && PEM_write_bio_PKCS8PrivateKey(bio.get(), key_->pkey.get(), nullptr, nullptr, 0, nullptr,
                                               nullptr) == 1,
          "write the key");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string SigningKey::key_id() const {
  return key_->key_id;
}

std::string SigningKey::public_jwk() const {
  json jwk = key_->required_members;
  jwk["kid"] = key_->key_id;
  jwk["alg"] = to_string(algorithm_);
  jwk["use"] = "sig";
  return dump(jwk);
}

std::string SigningKey::jwk_set() const {
  return R"({"keys":[)" + public_jwk() + "]}";
}

std::string SigningKey::sign(const TokenSpec& spec) const {
  const openssl::ErrorScope errors;
  const json header{{"alg", to_string(algorithm_)}, {"kid", key_->key_id}, {"typ", "JWT"}};
  json claims{{"iss", spec.issuer},
              {"aud", spec.audience},
              {"sub", spec.subject},
              {"scope", to_string(spec.role)},
              {"iat", to_seconds(spec.issued_at)},
              {"exp", to_seconds(spec.expires_at)},
              {"jti", random_id()}};
  if (spec.device) claims["device"] = spec.device->str();
  return sign_jws(dump(header), dump(claims));
}

std::string SigningKey::sign_jws(std::string_view header, std::string_view claims) const {
  const openssl::ErrorScope errors;
  const std::string text = encode_base64url(header) + '.' + encode_base64url(claims);
  return text + '.' + encode_base64url(sign_text(key_->pkey.get(), algorithm_, text));
}

}  // namespace duet
