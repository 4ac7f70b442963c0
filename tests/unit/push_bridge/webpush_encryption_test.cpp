#include "push_bridge/webpush_encryption.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <memory>
#include <string>

#include "acl/base64url.h"
#include "push_bridge/webpush_encryption_vectors.h"

namespace duet {
namespace {

std::string unbase64(std::string_view text) {
  return decode_base64url(text).value();
}

// RFC 8291 5 and appendix A.
const std::string kPlaintext = "When I grow up, I want to be a watermelon";
const std::string kSenderPrivate = unbase64("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw");
const std::string kSenderPublic =
    unbase64("BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8");
const std::string kReceiverPrivate = unbase64("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94");
const std::string kReceiverPublic =
    unbase64("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4");
const std::string kAuthSecret = unbase64("BTBZMqHH6r4Tts7J_aSIgg");
const std::string kSalt = unbase64("DGv6ra1nlYgDCS1FRnbzlw");

TEST(WebPushEncryption, MatchesRfc8291) {
  const auto body = not_for_sending::encrypt_web_push(kPlaintext, kReceiverPublic, kAuthSecret,
                                                      kSenderPrivate, kSenderPublic, kSalt);
  ASSERT_TRUE(body) << body.error();
  EXPECT_EQ(encode_base64url(*body),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_"
            "c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6P"
            "Bru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN");
}

TEST(WebPushEncryption, MatchesRfc8188) {  // its section 3.1
  EXPECT_EQ(
      encode_base64url(not_for_sending::encode_aes128gcm(
          "I am the walrus", unbase64("yqdlZ-tYemfogSmv7Ws5PQ"), unbase64("I1BsxtFttlv3u_Oo94xnmw"), "")),
      "I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg");
}

// The browser's side, with OpenSSL's older functions, and HKDF (RFC 5869) as one HMAC after the other.

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* p) const {
    Free(p);
  }
};

const unsigned char* bytes(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string hmac(const std::string& key, const std::string& text) {
  std::string mac(32, '\0');
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes(text), text.size(),
       reinterpret_cast<unsigned char*>(mac.data()), nullptr);
  return mac;
}

std::string derive(const std::string& salt, const std::string& secret, const std::string& use,
                   std::size_t size) {
  return hmac(hmac(salt, secret), use + '\x01').substr(0, size);
}

// x of the point that the receiver's number and the sender's point make.
std::string shared_secret(const std::string& number, const std::string& point) {
  const std::unique_ptr<EC_GROUP, Freer<EC_GROUP_free>> group(
      EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const std::unique_ptr<EC_POINT, Freer<EC_POINT_free>> other(EC_POINT_new(group.get()));
  const std::unique_ptr<EC_POINT, Freer<EC_POINT_free>> product(EC_POINT_new(group.get()));
  const std::unique_ptr<BIGNUM, Freer<BN_free>> own(
      BN_bin2bn(bytes(number), static_cast<int>(number.size()), nullptr));
  const std::unique_ptr<BIGNUM, Freer<BN_free>> x(BN_new());
  EXPECT_EQ(EC_POINT_oct2point(group.get(), other.get(), bytes(point), point.size(), nullptr), 1);
  EXPECT_EQ(EC_POINT_mul(group.get(), product.get(), nullptr, other.get(), own.get(), nullptr), 1);
  EXPECT_EQ(EC_POINT_get_affine_coordinates(group.get(), product.get(), x.get(), nullptr, nullptr), 1);
  std::string secret(32, '\0');
  BN_bn2binpad(x.get(), reinterpret_cast<unsigned char*>(secret.data()), 32);
  return secret;
}

std::string unseal(const std::string& key, const std::string& nonce, const std::string& sealed) {
  const std::unique_ptr<EVP_CIPHER_CTX, Freer<EVP_CIPHER_CTX_free>> context(EVP_CIPHER_CTX_new());
  std::string tag = sealed.substr(sealed.size() - 16);
  std::string text(sealed.size() - 16, '\0');
  int size = 0;
  auto* out = reinterpret_cast<unsigned char*>(text.data());
  EVP_DecryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, bytes(key), bytes(nonce));
  EVP_DecryptUpdate(context.get(), out, &size, bytes(sealed), static_cast<int>(text.size()));
  EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, 16, tag.data());
  EXPECT_EQ(EVP_DecryptFinal_ex(context.get(), out + size, &size), 1) << "the tag does not fit";
  return text;
}

std::string decrypt_as_receiver(const std::string& body) {
  EXPECT_EQ(body.substr(16, 5), std::string("\0\0\x10\0\x41", 5));  // rs 4096, keyid of 65 bytes
  const std::string salt = body.substr(0, 16);
  const std::string sender = body.substr(21, 65);
  const std::string use = std::string("WebPush: info\0", 14) + kReceiverPublic + sender;
  const std::string ikm = derive(kAuthSecret, shared_secret(kReceiverPrivate, sender), use, 32);
  std::string text =
      unseal(derive(salt, ikm, std::string("Content-Encoding: aes128gcm\0", 28), 16),
             derive(salt, ikm, std::string("Content-Encoding: nonce\0", 24), 12), body.substr(86));
  text.resize(text.find_last_not_of('\0') + 1);  // the padding
  EXPECT_EQ(text.back(), '\x02');
  text.pop_back();
  return text;
}

TEST(WebPushEncryption, IsReadByTheReceiver) {
  for (const auto& text :
       {kPlaintext, std::string(), std::string("\0\x02", 2), std::string(kMostWebPushPlaintextBytes, 'x')}) {
    const auto body = encrypt_web_push(text, kReceiverPublic, kAuthSecret);
    ASSERT_TRUE(body) << body.error();
    EXPECT_EQ(body->size(), text.size() + 103);
    EXPECT_LE(body->size(), kMostWebPushBytes);
    EXPECT_EQ(decrypt_as_receiver(*body), text);
  }
}

TEST(WebPushEncryption, PadsToALengthThatSaysNothing) {
  constexpr std::size_t kPadded = 40;
  for (const auto& text : {std::string(), std::string("\x02"), std::string(kPadded - 1, 'x'),
                           std::string(kPadded, 'x'), std::string(kPadded + 1, 'x')}) {
    const auto body = encrypt_web_push(text, kReceiverPublic, kAuthSecret, kPadded);
    ASSERT_TRUE(body) << body.error();
    EXPECT_EQ(body->size(), std::max(text.size(), kPadded) + 103);
    EXPECT_EQ(decrypt_as_receiver(*body), text);
  }
}

TEST(WebPushEncryption, NeverUsesAKeyOrASaltTwice) {
  const auto one = encrypt_web_push(kPlaintext, kReceiverPublic, kAuthSecret).value();
  const auto other = encrypt_web_push(kPlaintext, kReceiverPublic, kAuthSecret).value();
  EXPECT_NE(one.substr(0, 16), other.substr(0, 16));
  EXPECT_NE(one.substr(21, 65), other.substr(21, 65));
  EXPECT_NE(one.substr(86), other.substr(86));
}

TEST(WebPushEncryption, RefusesWhatIsNoSubscription) {
  auto off_curve = kReceiverPublic;
  off_curve.back() = static_cast<char>(off_curve.back() ^ 1);
  const std::string compressed = "\x03" + kReceiverPublic.substr(1, 32);
  auto hybrid = kReceiverPublic;
  hybrid.front() = '\x06';
  const std::string infinity(65, '\0');
  for (const auto& key : {std::string(), off_curve, compressed, hybrid, infinity, std::string("\0", 1),
                          std::string("\x04") + std::string(64, '\0'),
                          std::string("\x04") + std::string(64, '\xff'), kReceiverPublic + "x"}) {
    EXPECT_FALSE(encrypt_web_push(kPlaintext, key, kAuthSecret)) << encode_base64url(key);
  }
  for (const auto& secret : {std::string(), kAuthSecret.substr(1), kAuthSecret + "x"}) {
    EXPECT_FALSE(encrypt_web_push(kPlaintext, kReceiverPublic, secret));
  }
  EXPECT_FALSE(
      encrypt_web_push(std::string(kMostWebPushPlaintextBytes + 1, 'x'), kReceiverPublic, kAuthSecret));
}

}  // namespace
}  // namespace duet
