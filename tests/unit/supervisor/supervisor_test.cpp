#include "supervisor/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

#include "tests/unit/supervisor/text_file.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Parts are shell scripts. The supervisor runs in the test's thread; the hooks, which it calls, are the test.
class SupervisorTest : public testing::Test {
 protected:
  Part part(const std::string& name, const std::string& script) {
    return Part{.spec = {.name = name,
                         .command = {"/bin/sh", "-c", script},
                         .environment = {},
                         .log_file = directory_.path() / (name + ".log"),
                         .open_files = std::nullopt,
                         .inherited_fd = STDERR_FILENO},
                .before_start = {},
                .is_ready = [](pid_t) { return true; }};
  }

  // Asks this process, so the supervisor, to stop.
  static void ask_to_stop() { ::kill(::getpid(), SIGTERM); }

  SupervisorHooks hooks() {
    return {.on_ready = [] {}, .on_pids = [](const auto&) {}, .on_stopping = [] {}, .on_tick = [] {}};
  }

  TemporaryDirectory directory_;
  Signals signals_;
  Report report_{directory_.path() / "supervisor.log"};
};

TEST_F(SupervisorTest, StopsInTheOppositeOrderOfStarting) {
  const std::string script = "trap 'echo NAME >> " + (directory_.path() / "order").string() +
                             "; exit 0' TERM; echo up; while :; do sleep 0.01; done";
  std::vector<Part> parts;
  for (const std::string name : {"broker", "store"}) {
    std::string own = script;
    own.replace(own.find("NAME"), 4, name);
    parts.push_back(part(name, own));
    parts.back().is_ready = [log = parts.back().spec.log_file](pid_t) { return !read_text(log).empty(); };
  }
  auto h = hooks();
  h.on_ready = ask_to_stop;
  Supervisor(std::move(parts), h, signals_, report_).run();
  EXPECT_EQ(read_text(directory_.path() / "order"), "store\nbroker\n");
}

TEST_F(SupervisorTest, StartsAKilledPartAgainAndTellsItsNewProcess) {
  std::vector<Part> parts;
  parts.push_back(part("broker", "exec sleep 100"));
  parts.push_back(part("store", "exec sleep 100"));
  std::vector<std::map<std::string, pid_t>> told;
  auto h = hooks();
  h.on_pids = [&](const auto& pids) {
    told.push_back(pids);
    if (told.size() == 1) ::kill(pids.at("broker"), SIGKILL);
    if (told.size() == 2) ask_to_stop();
  };
  Supervisor(std::move(parts), h, signals_, report_).run();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_NE(told[0].at("broker"), told[1].at("broker"));
  EXPECT_EQ(told[0].at("store"), told[1].at("store"));
  EXPECT_THAT(read_text(directory_.path() / "supervisor.log"), HasSubstr("broker was killed by signal 9"));
}

TEST_F(SupervisorTest, StartsAPartWhenTheOneItComesAfterIsReady) {
  std::vector<Part> parts;
  parts.push_back(part("second", "exec sleep 100"));
  parts.push_back(part("first", "exec sleep 100"));
  int asked = 0;
  bool ready = false;
  parts[1].is_ready = [&](pid_t) { return ready = ++asked > 3; };
  parts[0].after = "first";
  std::vector<bool> starts;
  parts[0].before_start = [&] { starts.push_back(ready); };
  auto h = hooks();
  h.on_ready = ask_to_stop;
  Supervisor(std::move(parts), h, signals_, report_).run();
  EXPECT_THAT(starts, ElementsAre(true));
}

TEST_F(SupervisorTest, GivesUpOnAPartThatNeverStarts) {
  std::vector<Part> parts;
  parts.push_back(part("broker", "exec sleep 100"));
  parts.push_back(part("store", "echo 'error: page 7 is damaged'; exit 1"));
  parts.back().is_ready = [](pid_t) { return false; };
  bool stopping = false;
  auto h = hooks();
  h.on_ready = [] { FAIL() << "it was never ready"; };
  h.on_stopping = [&] { stopping = true; };
  try {
    Supervisor(std::move(parts), h, signals_, report_).run();
    FAIL() << "it did not give up";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "store cannot start: error: page 7 is damaged");
  }
  EXPECT_TRUE(stopping);
}

// As duet-push, whose configuration is written before each start, on a full disk.
TEST_F(SupervisorTest, StartsAPartWhosePreparationFailedAsSoonAsItSucceeds) {
  std::vector<Part> parts;
  parts.push_back(part("broker", "exec sleep 100"));
  parts.push_back(part("push", "exec sleep 100"));
  int attempts = 0;
  parts.back().before_start = [&] {
    ++attempts;
    if (attempts > 1 && attempts < 5) throw std::runtime_error("cannot write run/push.toml");
  };
  std::vector<std::map<std::string, pid_t>> told;
  auto h = hooks();
  h.on_pids = [&](const auto& pids) {
    told.push_back(pids);
    if (told.size() == 1) ::kill(pids.at("push"), SIGKILL);
    if (told.size() == 2) ask_to_stop();
  };
  Supervisor(std::move(parts), h, signals_, report_).run();
  EXPECT_EQ(attempts, 5);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].at("broker"), told[1].at("broker"));
  const auto log = read_text(directory_.path() / "supervisor.log");
  const auto line = log.find("push cannot write run/push.toml");
  ASSERT_NE(line, std::string::npos) << log;
  EXPECT_EQ(log.find("push cannot write run/push.toml", line + 1), std::string::npos) << "told once: " << log;
}

TEST_F(SupervisorTest, DoesNotGiveUpOnAPartWhileItIsHeldUp) {
  std::vector<Part> parts;
  parts.push_back(part("store", "exit 1"));
  parts.back().is_ready = [](pid_t) { return false; };
  int starts = 0;
  parts.back().before_start = [&] {
    if (++starts > Supervisor::kMaxEarlyEnds) ask_to_stop();
  };
  auto h = hooks();
  h.held_up = [] { return true; };
  Supervisor(std::move(parts), h, signals_, report_).run();
  EXPECT_GT(starts, Supervisor::kMaxEarlyEnds);
}

TEST_F(SupervisorTest, StopsEverythingWhenAHookThrows) {
  std::vector<Part> parts;
  parts.push_back(part("broker", "trap 'echo stopped; exit 0' TERM; echo up; while :; do sleep 0.01; done"));
  const auto log = parts.back().spec.log_file;
  parts.back().is_ready = [log](pid_t) { return !read_text(log).empty(); };
  bool stopping = false;
  auto h = hooks();
  h.on_ready = [] { throw std::runtime_error("no room"); };
  h.on_stopping = [&] { stopping = true; };
  EXPECT_THROW(Supervisor(std::move(parts), h, signals_, report_).run(), std::runtime_error);
  EXPECT_TRUE(stopping);
  EXPECT_EQ(read_text(log), "up\nstopped\n");
}

TEST_F(SupervisorTest, StopsWhileStarting) {
  std::vector<Part> parts;
  parts.push_back(part("broker", "exec sleep 100"));
  parts.back().is_ready = [](pid_t) {
    ask_to_stop();
    return false;
  };
  Supervisor(std::move(parts), hooks(), signals_, report_).run();
  EXPECT_THAT(read_text(directory_.path() / "supervisor.log"), HasSubstr("stopping"));
}

}  // namespace
}  // namespace duet
