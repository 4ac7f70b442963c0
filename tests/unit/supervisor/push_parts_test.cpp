#include "supervisor/push_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <toml++/toml.h>

#include "tests/unit/supervisor/text_file.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class PushPartsTest : public ::testing::Test {
 protected:
  PushPartsTest() { layout_.prepare(); }

  std::filesystem::path apps(const std::string& text) {
    auto file = root_.path() / "apps.toml";
    write_text(file, text);
    return file;
  }
  std::vector<std::string> names() {
    std::vector<std::string> names;
    for (const auto& part : push_parts(Programs{}, layout_, options_, config_, -1)) {
      names.push_back(part.spec.name);
    }
    return names;
  }

  const TemporaryDirectory root_;
  const Layout layout_{root_.path() / "data"};
  Options options_;
  PlatformConfig config_;
};

TEST_F(PushPartsTest, WithoutPushServicesThereIsNoBridge) {
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(PushPartsTest, TheBridgeIsToldWhereEverythingIsAndWhatTheOperatorSays) {
  config_.push.config = apps("[decision]\ngrace_s = 3\n[[fcm]]\napp = \"chat\"\n");
  EXPECT_THAT(names(), ElementsAre("push"));
  const toml::table made = toml::parse_file(layout_.push_config().string());
  EXPECT_EQ(made["broker"]["token_file"].value<std::string>(), layout_.token("push").string());
  EXPECT_EQ(made["database"]["path"].value<std::string>(), layout_.push_database().string());
  EXPECT_EQ(made["ready_file"].value<std::string>(), layout_.push_ready().string());
  EXPECT_EQ(made["decision"]["grace_s"].value<int>(), 3);
  EXPECT_EQ(made["fcm"][0]["app"].value<std::string>(), "chat");
  EXPECT_EQ(std::filesystem::status(layout_.push_config()).permissions(), std::filesystem::perms(0600));
}

TEST_F(PushPartsTest, TheDoubleRunsOnlyWhereNothingIsConfigured) {
  options_.push_double = root_.path();
  EXPECT_THAT(names(), ElementsAre("push-double", "push"));
  config_.push.config = apps("");
  EXPECT_THAT(names(), ElementsAre("push"));
}

TEST_F(PushPartsTest, WhatIsWrongWithTheOperatorsFileIsToldAtOnce) {
  const auto message = [this](const std::string& text) {
    config_.push.config = apps(text);
    try {
      names();
    } catch (const std::runtime_error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(message("[broker]\nuri = \"mqtt://elsewhere\"\n"),
              HasSubstr("apps.toml: broker is the platform's"));
  EXPECT_THAT(message("[[fcm]\n"), HasSubstr("apps.toml"));
  std::filesystem::remove(config_.push.config);
  EXPECT_THROW(names(), std::runtime_error);
}

}  // namespace
}  // namespace duet
