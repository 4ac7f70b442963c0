// acl/openssl.h: owners for OpenSSL's handles. Only for the files that wrap OpenSSL: public_key.cpp,
// signing_key.cpp, push_bridge/webpush_encryption.cpp and supervisor/certificate.cpp.
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include <memory>

namespace duet::openssl {

template <auto Free>
struct Deleter {
  template <typename Handle>
  void operator()(Handle* handle) const {
    Free(handle);
  }
};
inline void free_openssl_memory(void* memory) {
  OPENSSL_free(memory);
}

using Bignum = std::unique_ptr<BIGNUM, Deleter<BN_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Deleter<ECDSA_SIG_free>>;
using MdContext = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using Memory = std::unique_ptr<unsigned char, Deleter<free_openssl_memory>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Deleter<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Deleter<OSSL_PARAM_free>>;
using Pkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Deleter<PKCS8_PRIV_KEY_INFO_free>>;
using Pkey = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>>;

// Takes back, at the end of its scope, what OpenSSL has put on the thread's error queue since: an error left
// there would be read as one of the next TLS operation of this thread, which is the broker's.
class ErrorScope {
 public:
  ErrorScope() { ERR_set_mark(); }
  ~ErrorScope() { ERR_pop_to_mark(); }
  ErrorScope(const ErrorScope&) = delete;
  ErrorScope& operator=(const ErrorScope&) = delete;
};

inline constexpr std::size_t kP256FieldBytes = 32;
inline constexpr int kMinRsaBits = 2048;

inline const unsigned char* bytes_of(const char* text) {
  return reinterpret_cast<const unsigned char*>(text);
}

}  // namespace duet::openssl
