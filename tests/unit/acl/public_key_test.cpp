#include "acl/public_key.h"

#include <gtest/gtest.h>

#include <optional>

#include "acl/base64url.h"

namespace duet {
namespace {

std::string bytes(std::string_view base64url) {
  auto decoded = decode_base64url(base64url);
  EXPECT_TRUE(decoded) << base64url;
  return decoded.value_or("");
}

// An example of an RFC: a key, a text and its signature.
struct Example {
  const char* name;
  PublicKey key;
  std::string text;
  std::string signature;
};

// RFC 7515 A.3
const char* const kEcX = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const char* const kEcY = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
// RFC 7515 A.2
const char* const kRsaN =
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-"
    "SFd2lZS-"
    "pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-"
    "UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_"
    "h9iaGNj8q2ethFkMLs"
    "91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const char* const kRsaSignature =
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_"
    "O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_"
    "nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0G"
    "arZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-"
    "eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5A"
    "XLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const char* const kJoePayload =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
// RFC 8037 A.2
const char* const kEdX = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

std::vector<Example> rfc_examples() {
  return {
      {"ES256, RFC 7515 A.3", *PublicKey::ec_p256(bytes(kEcX), bytes(kEcY)),
       std::string("eyJhbGciOiJFUzI1NiJ9.") + kJoePayload,
       bytes("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")},
      {"RS256, RFC 7515 A.2", *PublicKey::rsa(bytes(kRsaN), bytes("AQAB")),
       std::string("eyJhbGciOiJSUzI1NiJ9.") + kJoePayload, bytes(kRsaSignature)},
      {"EdDSA, RFC 8037 A.4", *PublicKey::ed25519(bytes(kEdX)),
       "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
       bytes("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")},
  };
}

TEST(PublicKey, VerifiesTheExamplesOfTheRfcs) {
  for (const auto& example : rfc_examples()) {
    EXPECT_TRUE(example.key.verifies(example.text, example.signature)) << example.name;
  }
}

TEST(PublicKey, RefusesAnotherTextAndAnotherSignature) {
  for (const auto& example : rfc_examples()) {
    EXPECT_FALSE(example.key.verifies(example.text + "x", example.signature)) << example.name;
    EXPECT_FALSE(example.key.verifies("", example.signature)) << example.name;
    EXPECT_FALSE(example.key.verifies(example.text, "")) << example.name;
    EXPECT_FALSE(example.key.verifies(example.text, example.signature + '\0')) << example.name;
    EXPECT_FALSE(example.key.verifies(example.text, example.signature.substr(1))) << example.name;
    EXPECT_FALSE(example.key.verifies(example.text, std::string(example.signature.size(), '\0')))
        << example.name;
    EXPECT_FALSE(example.key.verifies(example.text, std::string(example.signature.size(), '\xff')))
        << example.name;
    for (std::size_t at = 0; at < example.signature.size(); ++at) {
      auto changed = example.signature;
      changed[at] = static_cast<char>(changed[at] ^ 1);
      EXPECT_FALSE(example.key.verifies(example.text, changed)) << example.name << ' ' << at;
    }
  }
}

TEST(PublicKey, RefusesASignatureByAnotherKind) {
  const auto examples = rfc_examples();
  for (const auto& one : examples) {
    for (const auto& other : examples) {
      if (&one == &other) continue;
      EXPECT_FALSE(one.key.verifies(other.text, other.signature)) << one.name << " / " << other.name;
    }
  }
}

TEST(PublicKey, RefusesUnsoundNumbers) {
  const auto x = bytes(kEcX);
  const auto y = bytes(kEcY);
  EXPECT_EQ(PublicKey::ec_p256(x.substr(1), y).error(), "a coordinate is not of 32 bytes");
  EXPECT_EQ(PublicKey::ec_p256(x, '\0' + y).error(), "a coordinate is not of 32 bytes");
  EXPECT_EQ(PublicKey::ec_p256("", "").error(), "a coordinate is not of 32 bytes");
  EXPECT_EQ(PublicKey::ec_p256(y, x).error(), "the point is not on the curve P-256");
  EXPECT_FALSE(PublicKey::ec_p256(std::string(32, '\0'), std::string(32, '\0')));
  EXPECT_FALSE(PublicKey::ec_p256(std::string(32, '\xff'), std::string(32, '\xff')));

  const auto modulus = bytes(kRsaN);
  EXPECT_EQ(PublicKey::rsa(modulus.substr(0, 255), bytes("AQAB")).error(),
            "the modulus has fewer than 2048 bits");
  EXPECT_EQ(PublicKey::rsa(std::string(1, '\0') + modulus.substr(1), bytes("AQAB")).error(),
            "the modulus has fewer than 2048 bits");
  EXPECT_EQ(PublicKey::rsa(std::string(5000, '\xff'), bytes("AQAB")).error(), "it is too large");
  EXPECT_FALSE(PublicKey::rsa(modulus, ""));
  EXPECT_FALSE(PublicKey::rsa(modulus, std::string(1, '\1')));
  EXPECT_FALSE(PublicKey::rsa(modulus, std::string(1, '\2')));
  EXPECT_FALSE(PublicKey::rsa("", ""));

  EXPECT_FALSE(PublicKey::ed25519(bytes(kEdX).substr(1)));
  EXPECT_FALSE(PublicKey::ed25519(""));
}

}  // namespace
}  // namespace duet
