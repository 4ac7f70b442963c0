#include "supervisor/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace duet {
namespace {

using std::chrono::hours;
using testing::HasSubstr;

const Timestamp kToday{std::chrono::hours(24) * 20'000};
const std::vector<std::string> kNames{"localhost", "127.0.0.1", "::1", "chat.example.com"};

Certificate authority() {
  return make_authority("test", kToday, kToday + hours(1000));
}

Certificate server_of(const Certificate& signer) {
  return issue_certificate({.common_name = "localhost",
                            .use = CertificateSpec::Use::server,
                            .names = kNames,
                            .from = kToday,
                            .until = kToday + hours(100)},
                           signer);
}

TEST(Certificate, ServesItsNamesForItsTime) {
  const Certificate signer = authority();
  const Certificate server = server_of(signer);
  EXPECT_THAT(server.key_pem, HasSubstr("BEGIN PRIVATE KEY"));
  EXPECT_TRUE(certificate_serves(server.pem, kNames, kToday + hours(99), signer.pem));
  EXPECT_TRUE(certificate_serves(server.key_pem + server.pem + signer.pem, kNames, kToday, signer.pem))
      << "in one file";
  EXPECT_FALSE(certificate_serves(server.pem, kNames, kToday + hours(101), signer.pem));
  EXPECT_FALSE(certificate_serves(server.pem, {"localhost", "other.example.com"}, kToday, signer.pem));
  EXPECT_FALSE(certificate_serves(server.pem, {"127.0.0.2"}, kToday, signer.pem));
  EXPECT_FALSE(certificate_serves(server.pem, kNames, kToday, authority().pem)) << "another authority";
  EXPECT_FALSE(certificate_serves("nonsense", kNames, kToday, signer.pem));
  EXPECT_FALSE(certificate_serves(server.pem, kNames, kToday, ""));
}

TEST(Certificate, TwoHaveNothingInCommon) {
  const Certificate signer = authority();
  const Certificate one = server_of(signer);
  const Certificate other = server_of(signer);
  EXPECT_NE(one.pem, other.pem);
  EXPECT_NE(one.key_pem, other.key_pem);
}

TEST(Certificate, NeedsAnAuthorityThatFitsItsKey) {
  EXPECT_THROW(server_of({.pem = "", .key_pem = ""}), std::runtime_error);
  EXPECT_THROW(server_of({.pem = authority().pem, .key_pem = authority().key_pem}), std::runtime_error);
}

}  // namespace
}  // namespace duet
