#include "broker_plugin/revocation_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/unit/broker_plugin/recording_broker.h"
#include "tests/unit/file_size_limit.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Timestamp kToday{std::chrono::hours(24 * 365 * 50)};
constexpr std::chrono::seconds kLoginLife{900};

Device named_device(std::string_view client_id) {
  return *parse_client_id(client_id);
}
RevocationUpdate ended_login(std::string_view client_id, Timestamp before = kToday) {
  const Device device = named_device(client_id);
  return {false, {{device.user, device.device, before, before + kLoginLife}}};
}

class RevocationFileTest : public testing::Test {
 protected:
  RevocationFile open() { return {path_, broker_}; }
  std::string content() const {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }
  bool knows(const RevocationFile& file, std::string_view client_id) const {
    return file.list().revokes(named_device(client_id), kToday - std::chrono::seconds(1));
  }

  TemporaryDirectory directory_;
  std::filesystem::path path_ = directory_.path() / "revocations";
  RecordingBroker broker_;
};

TEST_F(RevocationFileTest, RemembersWhatAnotherProcessWasTold) {
  open().apply(ended_login("alice:phone"), kToday);
  open().apply(ended_login("bob:phone"), kToday);
  const auto third = open();
  EXPECT_TRUE(knows(third, "alice:phone"));
  EXPECT_TRUE(knows(third, "bob:phone"));
  EXPECT_FALSE(knows(third, "alice:laptop"));
  EXPECT_THAT(third.list(), SizeIs(2));
}

TEST_F(RevocationFileTest, AResetIsRememberedToo) {
  auto file = open();
  file.apply(ended_login("alice:phone"), kToday);
  file.apply({true, ended_login("bob:phone").add}, kToday);
  EXPECT_FALSE(knows(open(), "alice:phone"));
  EXPECT_TRUE(knows(open(), "bob:phone"));
}

// The auth service tells all it knows whenever it connects.
TEST_F(RevocationFileTest, WhatIsKnownIsNotWrittenAgain) {
  auto file = open();
  file.apply(ended_login("alice:phone"), kToday);
  const auto before = content();
  file.apply(ended_login("alice:phone"), kToday);
  EXPECT_EQ(content(), before);
}

TEST_F(RevocationFileTest, DropsALineThatAKillCutShort) {
  open().apply(ended_login("alice:phone"), kToday);
  const auto whole = content();
  std::ofstream(path_, std::ios::app) << whole.substr(0, whole.size() / 2);
  EXPECT_TRUE(knows(open(), "alice:phone"));
  open().apply(ended_login("bob:phone"), kToday);
  EXPECT_TRUE(knows(open(), "bob:phone"));
}

// Whoever is shut out must not be guessed.
TEST_F(RevocationFileTest, RefusesAFileThatIsDamaged) {
  open().apply(ended_login("alice:phone"), kToday);
  std::ofstream(path_, std::ios::app) << "nonsense\n";
  try {
    open();
    FAIL() << "it was opened";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("line 2"));
  }
}

TEST_F(RevocationFileTest, DoesNotGrowWithLoginsThatAreOver) {
  constexpr int kLogins = 20'000;
  auto file = open();
  for (int login = 0; login < kLogins; ++login) {
    const Timestamp now = kToday + login * std::chrono::seconds(1);
    file.apply(ended_login("user" + std::to_string(login) + ":phone", now), now);
  }
  EXPECT_LT(std::filesystem::file_size(path_), 600U * 1024);
  const Timestamp last = kToday + (kLogins - 1) * std::chrono::seconds(1);
  EXPECT_TRUE(open().list().revokes(named_device("user19999:phone"), last - std::chrono::seconds(1)));
}

TEST_F(RevocationFileTest, ADiskThatIsFullIsToldOnceAndTheListIsRight) {
  auto file = open();
  const FileSizeLimit full(8);
  file.apply(ended_login("alice:phone"), kToday);
  file.apply(ended_login("bob:phone"), kToday);
  EXPECT_TRUE(knows(file, "alice:phone"));
  EXPECT_TRUE(knows(file, "bob:phone"));
  EXPECT_THAT(broker_.take_log(), SizeIs(1));
}

}  // namespace
}  // namespace duet
