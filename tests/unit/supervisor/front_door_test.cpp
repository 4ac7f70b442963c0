#include "supervisor/front_door.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <stdexcept>

#include "supervisor/tls_files.h"
#include "tests/support/places.h"
#include "tests/unit/supervisor/text_file.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using std::chrono::hours;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

const std::filesystem::path kShipped = source_dir() / "deploy" / "haproxy";
const Timestamp kToday{hours(24) * 20'000};
constexpr hours kADay{24};

std::string proxy(const PlatformConfig& config = {}, const std::string& root = "/srv/with space") {
  return proxy_config(read_text(kShipped / "haproxy.cfg"), Layout(root), Ports{}, config,
                      "/etc/duet/chat.pem");
}

TEST(ProxyConfig, TheShippedTemplatesAreFilled) {
  const std::string conf = proxy();
  EXPECT_THAT(conf, HasSubstr("bind 127.0.0.1:8883 v4v6 ssl crt '/etc/duet/chat.pem'"));
  EXPECT_THAT(conf, HasSubstr("bind 127.0.0.1:8443 v4v6 ssl"));
  EXPECT_THAT(conf, HasSubstr("stats socket '/srv/with space/run/haproxy.sock' mode 600"));
  EXPECT_THAT(conf, HasSubstr("server auth 127.0.0.1:8080 check"));
  PlatformConfig config;
  config.tls.services_port = 8884;
  EXPECT_THAT(
      services_config(read_text(kShipped / "services.cfg"), Layout("/srv/duet"), config, "/c.pem"),
      HasSubstr("bind 127.0.0.1:8884 v4v6 ssl crt '/c.pem' ca-file '/srv/duet/tls/ca.pem' verify required"));
}

TEST(ProxyConfig, ListensOnEveryAddress) {
  PlatformConfig config;
  config.tls.addresses = {"192.0.2.1", "::"};
  EXPECT_THAT(proxy(config), HasSubstr("bind 192.0.2.1:8883,[::]:8883 v4v6"));
}

TEST(ProxyConfig, ExpectsAProxyHeaderOfLoadBalancersAlone) {
  EXPECT_THAT(proxy(), HasSubstr("acl from_balancer always_false"));
  PlatformConfig config;
  config.tls.accept_proxy = {"10.0.0.0/8", "fd00::1"};
  EXPECT_THAT(proxy(config), HasSubstr("acl from_balancer src 10.0.0.0/8 fd00::1\n"));
  EXPECT_THAT(services_config(read_text(kShipped / "services.cfg"), Layout("/srv/duet"), config, "/c.pem"),
              HasSubstr("acl from_balancer src 10.0.0.0/8 fd00::1\n"));
}

TEST(ProxyConfig, ZeroIsNoLimit) {
  PlatformConfig config;
  config.tls.logins_per_address = 0;
  EXPECT_THAT(proxy(config), HasSubstr("sc1_http_req_rate gt 4294967295"));
}

TEST(ProxyConfig, RefusesWhatHaproxyCannotBeTold) {
  EXPECT_THROW(proxy({}, "/srv/o'clock"), std::runtime_error);
  EXPECT_THROW(proxy({}, "/" + std::string(100, 'x')), std::runtime_error);
}

TEST(ProxyConfig, BrowsersInsistOnTlsForLongOnlyWithARealCertificate) {
  EXPECT_THAT(proxy(), HasSubstr("max-age=300"));
  PlatformConfig config;
  config.tls.certificate = "/etc/duet/chat.pem";
  EXPECT_THAT(proxy(config), HasSubstr("max-age=63072000"));
}

TEST(BehindTheFrontDoor, TheIssuerIsPublicAndTheProxyIsTrusted) {
  PlatformConfig config;
  EXPECT_EQ(behind_front_door(config, Ports{}).auth.public_url, "https://localhost:8443");
  EXPECT_THAT(behind_front_door(config, Ports{}).web.trusted_proxies, Contains("127.0.0.1"));
  config.tls.names = {"chat.example.com"};
  Ports ports;
  ports.https = 443;
  EXPECT_EQ(behind_front_door(config, ports).auth.public_url, "https://chat.example.com");
  config.auth.public_url = "https://id.example.com";
  EXPECT_EQ(behind_front_door(config, ports).auth.public_url, "https://id.example.com");
}

class TlsFiles : public testing::Test {
 protected:
  TlsFiles() { layout_.prepare(); }
  std::string server() const { return read_text(layout_.server_certificate()); }
  void renew(Timestamp now, const std::vector<std::string>& names = {"localhost"}) const {
    renew_server_certificate(layout_, names, now);
  }

  TemporaryDirectory directory_;
  Layout layout_{directory_.path() / "data"};
};

TEST_F(TlsFiles, TheServersCertificateIsRenewedInTime) {
  renew(kToday);
  const std::string first = server();
  const std::string authority = read_text(layout_.authority());
  renew(kToday + 59 * kADay);
  EXPECT_EQ(server(), first);
  renew(kToday + 61 * kADay);
  const std::string second = server();
  EXPECT_NE(second, first);
  renew(kToday + 61 * kADay, {"localhost", "chat.example.com"});
  EXPECT_NE(server(), second) << "it has a new name";
  EXPECT_EQ(read_text(layout_.authority()), authority) << "which clients trust";
}

TEST_F(TlsFiles, KeysAreNobodyElses) {
  renew(kToday);
  make_service_certificate(layout_, "push", kToday);
  for (const char* name : {"ca.key", "server.pem", "push.key"}) {
    struct stat status {};
    ASSERT_EQ(::stat((layout_.tls() / name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777, 0600U) << name;
  }
  EXPECT_THAT(read_text(layout_.tls() / "push.pem"), Not(HasSubstr("PRIVATE")));
}

TEST_F(TlsFiles, HalfAnAuthorityIsNamed) {
  renew(kToday);
  std::filesystem::remove(layout_.authority_key());
  try {
    renew(kToday);
    FAIL() << "it was accepted";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("ca.key is missing"));
  }
}

TEST_F(TlsFiles, ServicesHaveNamesThatAreFiles) {
  for (const char* name : {"", "ca", "server", "../push", "push.pem", "a b"}) {
    EXPECT_THROW(make_service_certificate(layout_, name, kToday), std::runtime_error) << name;
  }
}

}  // namespace
}  // namespace duet
