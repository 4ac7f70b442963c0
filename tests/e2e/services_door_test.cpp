// The door for services on other machines: they come in with a certificate of the platform's own authority.

#include <gmock/gmock.h>

#include <mutex>

#include "mqtt_link/link.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

using ::testing::HasSubstr;

class ServicesDoor : public OwnPlatformTest {
 protected:
  ServicesDoor()
      : OwnPlatformTest(PlatformSpec{.config = std::string(kUnlimited) + "[tls]\nservices_port = " +
                                               std::to_string(services_port()) + "\n",
                                     .tls = true}) {}

  std::filesystem::path made(const std::filesystem::path& data, const std::string& file) const {
    return data / "tls" / file;
  }
  static Finished make_certificate(const std::filesystem::path& data) {
    return run_command({program("duet-run"), "--data", data.string(), "--service-certificate", "push"});
  }
  // Whether a service with these files gets a connection; what the link said is in `said_`.
  bool connects(const LinkTls& tls) {
    LinkOptions options;
    options.uri = "mqtts://localhost:" + std::to_string(services_port());
    options.client_id = "duet-auth.elsewhere";
    options.password = [&] { return platform().tokens().service(Role::auth); };
    options.tls = tls;
    said_.clear();
    std::mutex mutex;
    std::string said;
    Link link(options, {.on_connected = [] {},
                        .on_message = [](const LinkMessage&) {},
                        .on_state =
                            [&](const std::string& state) {
                              const std::lock_guard lock(mutex);
                              said += state + "\n";
                            }});
    link.start();
    EXPECT_TRUE(eventually([&] {
      const std::lock_guard lock(mutex);
      return !said.empty();
    }));
    const bool connected = link.connected();
    link.stop();
    said_ = said;
    return connected;
  }

  static std::uint16_t services_port() {
    static const std::uint16_t port = free_port();
    return port;
  }

  std::string said_;
};

TEST_F(ServicesDoor, OpensToACertificateOfOurAuthorityAlone) {
  const auto data = platform().data_dir();
  const auto finished = make_certificate(data);
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr(made(data, "push.pem").string()));
  const LinkTls good{.ca_file = platform().ca_file(),
                     .certificate_file = made(data, "push.pem"),
                     .key_file = made(data, "push.key")};
  EXPECT_TRUE(connects(good)) << said_;
  EXPECT_TRUE(eventually([&] { return platform().log_of("proxy").find("\"push\"") != std::string::npos; }));

  EXPECT_FALSE(connects({.ca_file = platform().ca_file(), .certificate_file = {}, .key_file = {}}))
      << "no certificate";
  const TempDir elsewhere;
  ASSERT_EQ(make_certificate(elsewhere.path() / "data").status, 0);
  const auto other = elsewhere.path() / "data";
  EXPECT_FALSE(connects({.ca_file = platform().ca_file(),
                         .certificate_file = made(other, "push.pem"),
                         .key_file = made(other, "push.key")}))
      << "another authority's";
  EXPECT_FALSE(connects({.ca_file = made(data, "server.pem"),
                         .certificate_file = made(data, "server.pem"),
                         .key_file = made(data, "server.pem")}))
      << "a server's certificate is no client's";
  EXPECT_FALSE(connects({.ca_file = made(other, "ca.pem"),
                         .certificate_file = made(data, "push.pem"),
                         .key_file = made(data, "push.key")}))
      << "the service does not trust this server";
}

}  // namespace
}  // namespace duet
