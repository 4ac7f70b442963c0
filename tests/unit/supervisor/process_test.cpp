#include "supervisor/process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/unit/supervisor/text_file.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using testing::HasSubstr;
using testing::Not;

class ProcessTest : public testing::Test {
 protected:
  ProcessSpec shell(const std::string& script) {
    return ProcessSpec{.name = "part",
                       .command = {"/bin/sh", "-c", script},
                       .environment = {{"DUET_TEST", "set"}},
                       .log_file = directory_.path() / "part.log",
                       .open_files = std::nullopt,
                       .inherited_fd = lock_fd_};
  }

  // Waits for the end without reaping, then reaps.
  static ProcessEnd end_of(Process& process) {
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(process.pid()), &ended, WEXITED | WNOWAIT);
    return process.reap().value();
  }

  TemporaryDirectory directory_;
  int lock_fd_ = STDIN_FILENO;
};

TEST_F(ProcessTest, WritesBothOutputsToItsLog) {
  Process process(shell("echo out; echo err >&2; echo $DUET_TEST"));
  ASSERT_TRUE(process.start());
  EXPECT_EQ(end_of(process).how, "ended with status 0");
  EXPECT_EQ(read_text(directory_.path() / "part.log"), "out\nerr\nset\n");
  EXPECT_FALSE(process.running());
}

TEST_F(ProcessTest, TellsHowItEnded) {
  Process failing(shell("exit 3"));
  ASSERT_TRUE(failing.start());
  EXPECT_EQ(end_of(failing).how, "ended with status 3");

  Process killed(shell("kill -9 $$"));
  ASSERT_TRUE(killed.start());
  EXPECT_EQ(end_of(killed).how, "was killed by signal 9");
}

TEST_F(ProcessTest, RunsInItsOwnGroup) {
  Process process(shell("exec sleep 100"));
  ASSERT_TRUE(process.start());
  EXPECT_EQ(::getpgid(process.pid()), process.pid());
  process.send(SIGTERM);
  EXPECT_EQ(end_of(process).how, "was killed by signal 15");
}

TEST_F(ProcessTest, InheritsTheLockAndNothingElse) {
  const auto file = directory_.path() / "ours";
  const int ours = ::open(file.c_str(), O_RDWR | O_CREAT, 0600);  // inheritable on purpose
  ProcessSpec spec = shell("ls -l /proc/$$/fd");
  {
    Process process(spec);
    ASSERT_TRUE(process.start());
    end_of(process);
    EXPECT_THAT(read_text(spec.log_file), Not(HasSubstr(file.string())));
  }
  spec.inherited_fd = ours;
  Process process(spec);
  ASSERT_TRUE(process.start());
  end_of(process);
  EXPECT_THAT(read_text(spec.log_file), HasSubstr(file.string()));
  ::close(ours);
}

TEST_F(ProcessTest, SaysWhyAProgramCannotBeStarted) {
  ProcessSpec spec = shell("");
  spec.command = {"/nowhere/duet-store"};
  Process process(spec);
  const auto started = process.start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error(), HasSubstr("cannot start part (/nowhere/duet-store): No such file"));
  EXPECT_FALSE(process.running());
}

TEST_F(ProcessTest, RaisesTheLimitOfOpenFiles) {
  ProcessSpec spec = shell("ulimit -n");
  spec.open_files = 300;
  Process process(spec);
  ASSERT_TRUE(process.start());
  end_of(process);
  EXPECT_GE(std::stoi(read_text(directory_.path() / "part.log")), 300);
}

}  // namespace
}  // namespace duet
