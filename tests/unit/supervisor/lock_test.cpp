#include "supervisor/lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using testing::HasSubstr;

// A process that holds the lock until it is told to end: record locks do not exist within one process.
class Holder {
 public:
  explicit Holder(const std::filesystem::path& file) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      const SupervisorLock lock(file);
      [[maybe_unused]] const auto sent = ::write(ends[1], "x", 1);
      ::pause();
      ::_exit(0);
    }
    ::close(ends[1]);
    char locked = 0;
    if (::read(ends[0], &locked, 1) != 1) throw std::runtime_error("the holder did not lock");
    ::close(ends[0]);
  }
  ~Holder() { end(); }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  void end() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

TEST(SupervisorLock, TellsItsHolderAndRefusesASecond) {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "duet.lock";
  const Holder holder(file);

  EXPECT_EQ(SupervisorLock::holder(file), holder.pid());
  try {
    const SupervisorLock second(file);
    FAIL() << "it was locked twice";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr(directory.path().string()));
    EXPECT_THAT(error.what(), HasSubstr("process " + std::to_string(holder.pid())));
  }
}

TEST(SupervisorLock, IsFreeOnceItsHolderWasKilled) {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "duet.lock";
  Holder holder(file);
  holder.end();

  EXPECT_EQ(SupervisorLock::holder(file), std::nullopt);
  EXPECT_NO_THROW(SupervisorLock{file});
}

TEST(SupervisorLock, NobodyHoldsAFileThatIsNotThere) {
  const TemporaryDirectory directory;
  EXPECT_EQ(SupervisorLock::holder(directory.path() / "duet.lock"), std::nullopt);
}

TEST(ProcessLock, IsHeldAsLongAsAnyoneHasTheDescriptor) {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "processes.lock";
  int inherited = -1;
  {
    const ProcessLock lock(file, std::chrono::milliseconds(0));
    inherited = ::dup(lock.fd());
  }
  EXPECT_THROW(ProcessLock(file, std::chrono::milliseconds(0)), std::runtime_error);
  ::close(inherited);
  EXPECT_NO_THROW(ProcessLock(file, std::chrono::milliseconds(0)));
}

}  // namespace
}  // namespace duet
