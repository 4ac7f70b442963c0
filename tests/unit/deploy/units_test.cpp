// The files of deploy/ for systemd, looked at by systemd's own tools, which need no running systemd.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/places.h"
#include "tests/support/process.h"

namespace duet {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;

const fs::path kDeploy = source_dir() / "deploy";

std::vector<std::string> lines_of(const fs::path& file) {
  std::istringstream text(text_of(file));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) {
    if (!line.empty() && line[0] != '#') lines.push_back(line);
  }
  return lines;
}

class Units : public testing::Test {
 protected:
  // Copies of the units whose programs are there.
  Units() {
    const fs::path programs = dir_.path() / "bin";
    fs::create_directory(programs);
    for (const auto& file : fs::directory_iterator(kDeploy / "systemd")) {
      if (file.path().extension() == ".conf") continue;
      std::string text = text_of(file.path());
      const std::regex program(R"((ExecStart=)(/usr/s?bin/)(\S+))");
      for (std::sregex_iterator at(text.begin(), text.end(), program), end; at != end; ++at) {
        std::ofstream(programs / (*at)[3].str());
        fs::permissions(programs / (*at)[3].str(), fs::perms(0755));
      }
      text = std::regex_replace(text, program, "$1" + programs.string() + "/$3");
      const fs::path copy = dir_.path() / file.path().filename();
      std::ofstream(copy) << text;
      files_.push_back(copy.string());
      if (copy.extension() == ".service") services_.push_back(copy.string());
    }
  }
  std::set<std::string> values(const std::string& key) const {
    std::set<std::string> found;
    for (const auto& service : services_) {
      for (const auto& line : lines_of(service)) {
        if (line.starts_with(key + "=")) found.insert(line.substr(key.size() + 1));
      }
    }
    return found;
  }

  TempDir dir_;
  std::vector<std::string> files_;
  std::vector<std::string> services_;
};

TEST_F(Units, AreSound) {
  std::vector<std::string> command{"systemd-analyze", "verify", "--man=no"};
  command.insert(command.end(), files_.begin(), files_.end());
  const Finished verified = run_command(command);
  EXPECT_EQ(verified.status, 0);
  EXPECT_THAT(verified.err, IsEmpty());
  EXPECT_EQ(services_.size(), 7U);
}

// The tokens end by the time of day. A timer that counts from its last run alone stands still while the
// machine sleeps, and hears of no clock that is set.
TEST_F(Units, MintTokensWhenTheClockMovesOrTheMachineWakesUp) {
  EXPECT_THAT(lines_of(kDeploy / "systemd" / "duet-tokens.timer"),
              IsSupersetOf({"OnClockChange=yes", "OnTimezoneChange=yes"}));
  const auto service = lines_of(kDeploy / "systemd" / "duet-tokens.service");
  const std::string targets =
      "suspend.target hibernate.target hybrid-sleep.target suspend-then-hibernate.target";
  EXPECT_THAT(service,
              IsSupersetOf({"After=" + targets, "WantedBy=" + targets, std::string("Restart=on-failure")}));
}

// 0 is a service that can do nothing, 10 one that can do everything. The threshold is in tenths.
TEST_F(Units, LeaveServicesLittle) {
  for (const auto& service : services_) {
    const Finished judged = run_command(
        {"systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15", service});
    EXPECT_EQ(judged.status, 0) << judged.out.substr(judged.out.rfind("Overall"));
  }
}

// All but the one that only runs for a moment.
TEST_F(Units, TellSystemdThatTheyStartedAndThatTheyLive) {
  for (const auto& service : services_) {
    const auto lines = lines_of(service);
    const auto has = [&](const std::string& line) {
      return std::find(lines.begin(), lines.end(), line) != lines.end();
    };
    if (has("Type=oneshot")) continue;
    EXPECT_TRUE(has("Type=notify")) << service;
    EXPECT_TRUE(has("NotifyAccess=main")) << service;
    EXPECT_TRUE(has("WatchdogSec=30")) << service;
    EXPECT_TRUE(std::any_of(lines.begin(), lines.end(),
                            [](const std::string& line) {
                              return line.starts_with("RestrictAddressFamilies=") &&
                                     line.find("AF_UNIX") != std::string::npos;
                            }))
        << service << ": systemd's socket could not be reached";
  }
}

TEST_F(Units, HaveUsersOfTheirOwnThatAreMade) {
  const auto users = values("User");
  EXPECT_EQ(users.size(), services_.size());
  EXPECT_EQ(values("Group"), users);
  std::set<std::string> made;
  for (const auto& line : lines_of(kDeploy / "systemd" / "sysusers.conf")) {
    std::istringstream words(line);
    std::string type;
    std::string name;
    words >> type >> name;
    made.insert(name);
  }
  EXPECT_EQ(made, users);
  EXPECT_EQ(values("LimitCORE"), std::set<std::string>{"0"});
  EXPECT_EQ(values("UMask"), std::set<std::string>{"0077"});
}

TEST_F(Units, FilesForUsersAndDirectoriesAreRead) {
  const std::string root = "--root=" + (dir_.path() / "root").string();
  fs::create_directories(dir_.path() / "root" / "etc");
  const Finished users =
      run_command({"systemd-sysusers", "--dry-run", root, (kDeploy / "systemd" / "sysusers.conf").string()});
  EXPECT_EQ(users.status, 0) << users.err;
  EXPECT_THAT(users.err + users.out, HasSubstr("duet-mint"));
}

// The broker's configuration is a copy. Every setting of the template is in it, and nothing else.
TEST(InstalledBroker, IsConfiguredAsThePlatforms) {
  const auto shipped = lines_of(kDeploy / "etc" / "duet" / "mosquitto.conf");
  std::vector<std::regex> patterns;
  std::vector<std::string> templates;
  for (const auto& line : lines_of(source_dir() / "mosquitto.conf")) {
    if (std::regex_match(line, std::regex("@[A-Z_]+@"))) continue;  // a line that may be left out
    const auto quoted = std::regex_replace(line, std::regex(R"([.+*?()\[\]{}^$|\\])"), R"(\$&)");
    patterns.emplace_back(std::regex_replace(quoted, std::regex("@[A-Z_0-9]+@"), R"(\S+)"));
    templates.push_back(line);
  }
  const auto fits = [](const std::string& line, const std::regex& pattern) {
    return std::regex_match(line, pattern);
  };
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    EXPECT_TRUE(std::any_of(shipped.begin(), shipped.end(),
                            [&](const auto& line) { return fits(line, patterns[i]); }))
        << "deploy/etc/duet/mosquitto.conf lacks: " << templates[i];
  }
  for (const auto& line : shipped) {
    EXPECT_TRUE(std::any_of(patterns.begin(), patterns.end(),
                            [&](const auto& pattern) { return fits(line, pattern); }))
        << "mosquitto.conf has no: " << line;
  }
}

}  // namespace
}  // namespace duet
