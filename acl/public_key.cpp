#include "acl/public_key.h"

#include <utility>

#include "acl/openssl.h"

namespace duet {

using openssl::bytes_of;
using openssl::kP256FieldBytes;

struct PublicKey::Handle {
  openssl::Pkey pkey;
};

namespace {

Failure<std::string> refused(std::string what) {
  return Failure<std::string>(std::move(what));
}

openssl::Bignum to_bignum(std::string_view big_endian) {
  return openssl::Bignum(
      BN_bin2bn(bytes_of(big_endian.data()), static_cast<int>(big_endian.size()), nullptr));
}

openssl::Pkey from_params(const char* type, OSSL_PARAM_BLD* builder) {
  const openssl::Params params(OSSL_PARAM_BLD_to_param(builder));
  const openssl::PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* pkey = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &pkey, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return openssl::Pkey(pkey);
}

// The point is on the curve, the modulus is odd, and so on.
bool passes_check(EVP_PKEY* pkey) {
  const openssl::PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, pkey, nullptr));
  return context && EVP_PKEY_public_check(context.get()) == 1;
}

// JWS has R and S as two fixed-size numbers, OpenSSL as a DER sequence. Empty: cannot be a signature.
std::string to_der(std::string_view raw) {
  if (raw.size() != 2 * kP256FieldBytes) return {};
  auto r = to_bignum(raw.substr(0, kP256FieldBytes));
  auto s = to_bignum(raw.substr(kP256FieldBytes));
  const openssl::EcdsaSignature signature(ECDSA_SIG_new());
  if (!r || !s || !signature || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) return {};
  static_cast<void>(r.release());  // now the signature's
  static_cast<void>(s.release());
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  const openssl::Memory owner(der);
  if (size <= 0) return {};
  return std::string(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
}

}  // namespace

PublicKey::PublicKey(std::shared_ptr<const Handle> handle, SignatureAlgorithm algorithm)
    : handle_(std::move(handle)), algorithm_(algorithm) {}

Result<PublicKey, std::string> PublicKey::ec_p256(std::string_view x, std::string_view y) {
  const openssl::ErrorScope errors;
  // RFC 7518 6.2.1.2: the full size of a coordinate, leading zeros included.
  if (x.size() != kP256FieldBytes || y.size() != kP256FieldBytes) {
    return refused("a coordinate is not of 32 bytes");
  }
  const std::string point = std::string("\x04").append(x).append(y);  // uncompressed, SEC 1 2.3.3
  const openssl::ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) !=
          1) {
    return refused("OpenSSL refuses it");
  }
  auto pkey = from_params("EC", builder.get());
  if (!pkey || !passes_check(pkey.get())) return refused("the point is not on the curve P-256");
  return PublicKey(std::make_shared<Handle>(Handle{std::move(pkey)}), SignatureAlgorithm::es256);
}

Result<PublicKey, std::string> PublicKey::rsa(std::string_view modulus, std::string_view exponent) {
  const openssl::ErrorScope errors;
  constexpr std::size_t kMaxModulusBytes = 2048;  // OPENSSL_RSA_MAX_MODULUS_BITS / 8
  if (modulus.size() > kMaxModulusBytes || exponent.size() > kMaxModulusBytes)
    return refused("it is too large");
  const auto n = to_bignum(modulus);
  const auto e = to_bignum(exponent);
  const openssl::ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder || !n || !e || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return refused("OpenSSL refuses it");
  }
  if (BN_num_bits(n.get()) < openssl::kMinRsaBits) return refused("the modulus has fewer than 2048 bits");
  auto pkey = from_params("RSA", builder.get());
  if (!pkey || !passes_check(pkey.get())) return refused("it is not a valid RSA public key");
  return PublicKey(std::make_shared<Handle>(Handle{std::move(pkey)}), SignatureAlgorithm::rs256);
}

Result<PublicKey, std::string> PublicKey::ed25519(std::string_view x) {
  const openssl::ErrorScope errors;
  openssl::Pkey pkey(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(x.data()), x.size()));
  if (!pkey) return refused("'x' is not of 32 bytes");
  return PublicKey(std::make_shared<Handle>(Handle{std::move(pkey)}), SignatureAlgorithm::eddsa);
}

bool PublicKey::verifies(std::string_view signed_text, std::string_view signature) const {
  const openssl::ErrorScope errors;
  std::string der;
  if (algorithm_ == SignatureAlgorithm::es256) {
    der = to_der(signature);
    if (der.empty()) return false;
    signature = der;
  }
  // Ed25519 hashes by itself; the others are over SHA-256.
  const EVP_MD* digest = algorithm_ == SignatureAlgorithm::eddsa ? nullptr : EVP_sha256();
  const openssl::MdContext context(EVP_MD_CTX_new());
  return context && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, handle_->pkey.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature.data()), signature.size(),
                          bytes_of(signed_text.data()), signed_text.size()) == 1;
}

}  // namespace duet
