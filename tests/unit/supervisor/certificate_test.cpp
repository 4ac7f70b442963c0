#include "supervisor/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace duet {
namespace {

using std::chrono::hours;
using testing::HasSubstr;

const Timestamp kDayOfIssue{std::chrono::hours(24) * 20'000};
const std::vector<std::string> kNames{"localhost", "127.0.0.1", "::1", "chat.example.com"};

Certificate authority() {
  return make_authority("test", kDayOfIssue, kDayOfIssue + hours(1000));
}

Certificate server_of(const Certificate& signer) {
  return issue_certificate({.common_name = "localhost",
                            .use = CertificateSpec::Use::server,
                            .names = kNames,
                            .from = kDayOfIssue,
                            .until = kDayOfIssue + hours(100)},
                           signer);
}

TEST(Certificate, ServesItsNamesForItsTime) {
  const Certificate signer = authority();
  const Certificate server = server_of(signer);
  EXPECT_THAT(server.key_pem, HasSubstr("BEGIN PRIVATE KEY"));
  EXPECT_TRUE(certificate_serves(server.pem, kNames, kDayOfIssue + hours(99), signer.pem));
  EXPECT_TRUE(certificate_serves(server.key_pem + server.pem + signer.pem, kNames, kDayOfIssue, signer.pem))
      << "in one file";
  EXPECT_FALSE(certificate_serves(server.pem, kNames, kDayOfIssue + hours(101), signer.pem));
  EXPECT_FALSE(certificate_serves(server.pem, {"localhost", "other.example.com"}, kDayOfIssue, signer.pem));
  EXPECT_FALSE(certificate_serves(server.pem, {"127.0.0.2"}, kDayOfIssue, signer.pem));
  EXPECT_FALSE(certificate_serves(server.pem, kNames, kDayOfIssue, authority().pem)) << "another authority";
  EXPECT_FALSE(certificate_serves("nonsense", kNames, kDayOfIssue, signer.pem));
  EXPECT_FALSE(certificate_serves(server.pem, kNames, kDayOfIssue, ""));
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
