// The privacy kit against the real platform: it finds nothing, tries all that the access table yields, and
// finds each leak that is planted in a platform of the same parts (tests/leaks).

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>

#include "privacy_kit/topics.h"
#include "tests/leaks/leaks.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::IsEmpty;
using ::testing::Not;

struct KitRun {
  Finished finished;
  json report;  // null: none was written
};

KitRun run_kit(const std::vector<std::string>& options) {
  const TempDir dir;
  const auto file = dir.path() / "report.json";
  std::vector<std::string> argv{
      program("duet-privacy-kit"), "--rate", "0", "--quiet", "--json", file.string()};
  argv.insert(argv.end(), options.begin(), options.end());
  KitRun run{run_command(argv), json()};
  if (std::filesystem::exists(file)) run.report = json::parse(text_of(file));
  return run;
}

std::size_t cells_of(const json& report, const std::string& principal, const std::string& action) {
  for (const auto& square : report.at("table")) {
    if (square.at("principal") == principal && square.at("action") == action) return square.at("cells");
  }
  return 0;
}

class PrivacyKit : public SharedPlatformTest<PrivacyKit> {
 protected:
  static std::vector<std::string> here() { return {"--data", platform().data_dir().string()}; }
};

TEST_F(PrivacyKit, FindsNoLeakInAnythingThatTheTableYields) {
  const auto run = run_kit(here());
  EXPECT_EQ(run.finished.status, 0) << run.finished.out << run.finished.err;
  ASSERT_FALSE(run.report.is_null());
  EXPECT_THAT(run.report.at("leaks"), IsEmpty());
  EXPECT_THAT(run.report.at("failures"), IsEmpty());
  EXPECT_THAT(run.report.at("skipped"), IsEmpty());

  // A stranger's four users and two devices, as many as in the kit.
  const auto users = {*UserId::parse("kit-a"), *UserId::parse("kit-b"), *UserId::parse("kit-c"),
                      *UserId::parse("kit-d")};
  const privacy::Cast cast{users, {*DeviceId::parse("phone"), *DeviceId::parse("watch")}};
  const std::size_t names = privacy::topic_names(cast).size();
  for (const std::string principal : {"owner", "owner's other device", "stranger", "peer", "blocked user"}) {
    EXPECT_EQ(cells_of(run.report, principal, "subscribe"), privacy::topic_filters(cast).size()) << principal;
    EXPECT_EQ(cells_of(run.report, principal, "publish retained"), names) << principal;
    EXPECT_EQ(cells_of(run.report, principal, "publish QoS 0"), names) << principal;
    EXPECT_GE(cells_of(run.report, principal, "publish"), names + privacy::near_names(cast).size())
        << principal;
    EXPECT_GT(cells_of(run.report, principal, "will"), 0U) << principal;
    EXPECT_GT(cells_of(run.report, principal, "receive"), 0U) << principal;
  }
  for (const std::string principal : {"service store", "service push", "service auth"}) {
    EXPECT_GT(cells_of(run.report, principal, "publish"), names) << principal;
    EXPECT_GT(cells_of(run.report, principal, "subscribe"), names) << principal;
  }
}

// As against a server elsewhere: accounts over HTTP, no key. What that leaves out is said.
TEST_F(PrivacyKit, NeedsNoKey) {
  const auto run =
      run_kit({"--url", "mqtt://127.0.0.1:" + std::to_string(platform().mqtt_port()), "--auth-url",
               "http://127.0.0.1:" + std::to_string(platform().http_port()), "--part", "request", "--part",
               "connect", "--part", "revocation", "--part", "account"});
  EXPECT_EQ(run.finished.status, 0) << run.finished.out << run.finished.err;
  ASSERT_FALSE(run.report.is_null());
  EXPECT_GT(cells_of(run.report, "stranger", "request"), 0U);
  EXPECT_GT(cells_of(run.report, "revoked login", "connect"), 0U);
  EXPECT_THAT(run.report.at("skipped"), Not(IsEmpty()));
  EXPECT_EQ(run.finished.out.find("eyJ"), std::string::npos) << "a token is printed";
}

// A PUBACK of MQTT 3.1.1 says nothing: the error topic and the watchers do.
TEST_F(PrivacyKit, FindsNoLeakWithMqtt311) {
  auto options = here();
  options.insert(options.end(),
                 {"--mqtt", "3.1.1", "--part", "request", "--part", "connect", "--part", "subscribe",
                  "--part", "publish", "--part", "will", "--part", "block", "--part", "retained"});
  const auto run = run_kit(options);
  EXPECT_EQ(run.finished.status, 0) << run.finished.out << run.finished.err;
  ASSERT_FALSE(run.report.is_null());
  EXPECT_GT(cells_of(run.report, "stranger", "publish"), 0U);
}

TEST_F(PrivacyKit, SaysWhenItCannotRun) {
  EXPECT_EQ(run_kit({}).finished.status, 2);
  EXPECT_EQ(run_kit({"--data", "/nowhere", "--url", "mqtt://127.0.0.1:1"}).finished.status, 2);
  auto elsewhere = here();
  elsewhere.insert(elsewhere.end(), {"--url", "mqtt://127.0.0.1:" + std::to_string(free_port())});
  EXPECT_EQ(run_kit(elsewhere).finished.status, 2);
}

// One platform for all leaks, which are planted one after the other.
class LeakyPlatform : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    PlatformSpec spec;
    spec.environment = {{"DUET_LEAK_FILE", "{dir}/leak"}};
    spec.plugin = build_dir() / "tests" / "leaky" / "lib" / "duet_plugin.so";
    platform_ = std::make_unique<TestPlatform>(spec);
  }
  static void TearDownTestSuite() { platform_.reset(); }
  void TearDown() override {
    if (HasFailure()) std::cerr << platform_->logs();
  }

  static KitRun run_with(std::string_view leak, std::vector<std::string> options) {
    std::ofstream(platform_->data_dir().parent_path() / "leak") << leak << '\n';
    options.insert(options.end(), {"--data", platform_->data_dir().string(), "--patience", "3"});
    return run_kit(options);
  }
  // All of the kit takes longer than anybody waits for; the part that must find it is enough.
  static std::vector<std::string> part(std::string_view name) {
    if (std::getenv("DUET_PRIVACY_ALL") != nullptr) return {};
    return {"--part", std::string(name)};
  }

 private:
  static inline std::unique_ptr<TestPlatform> platform_;
};

class PlantedLeaks : public LeakyPlatform, public ::testing::WithParamInterface<PlantedLeak> {
 protected:
  static bool is_the_finding(const json& leak) {
    const auto said = leak.at("what").get<std::string>() + " " + leak.at("seen").get<std::string>();
    return leak.at("principal") == std::string(GetParam().principal) &&
           leak.at("action") == std::string(GetParam().action) &&
           said.find(GetParam().says) != std::string::npos;
  }
};

TEST_P(PlantedLeaks, AreFound) {
  const auto run = run_with(GetParam().name, part(GetParam().part));
  EXPECT_EQ(run.finished.status, 1) << run.finished.out << run.finished.err;
  ASSERT_FALSE(run.report.is_null());
  const auto& leaks = run.report.at("leaks");
  EXPECT_TRUE(std::any_of(leaks.begin(), leaks.end(), is_the_finding)) << run.finished.out;
}

INSTANTIATE_TEST_SUITE_P(Each, PlantedLeaks, ::testing::ValuesIn(kPlantedLeaks), [](const auto& leak) {
  std::string name(leak.param.name);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

// It is the leak that is found above, not the way it is planted.
TEST_F(LeakyPlatform, HasNoLeakUntilOneIsPlanted) {
  const auto run =
      run_with("none", {"--part", "request", "--part", "connect", "--part", "subscribe", "--part", "publish",
                        "--part", "will", "--part", "block", "--part", "retained"});
  EXPECT_EQ(run.finished.status, 0) << run.finished.out << run.finished.err;
}

// Where nothing arrives at all, that nothing arrives is no proof.
TEST_F(LeakyPlatform, ThatDeliversNothingIsNotFoundSound) {
  const auto run = run_with("mute", {"--part", "request"});
  EXPECT_EQ(run.finished.status, 2) << run.finished.out << run.finished.err;
}

}  // namespace
}  // namespace duet
