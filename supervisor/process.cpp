#include "supervisor/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <system_error>
#include <utility>

namespace duet {
namespace {

// What the child needs, made before the fork: after it, only async-signal-safe calls are used.
struct Image {
  std::vector<char*> arguments;
  std::vector<std::string> environment_text;
  std::vector<char*> environment;
};

Image make_image(const ProcessSpec& spec) {
  Image image;
  for (const auto& argument : spec.command) image.arguments.push_back(const_cast<char*>(argument.c_str()));
  image.arguments.push_back(nullptr);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (spec.environment.count(text.substr(0, text.find('='))) == 0) image.environment_text.push_back(text);
  }
  for (const auto& [name, value] : spec.environment) {
    image.environment_text.push_back(name);
    image.environment_text.back().append("=").append(value);
  }
  for (auto& text : image.environment_text) image.environment.push_back(text.data());
  image.environment.push_back(nullptr);
  return image;
}

void raise_open_files(std::uint64_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlimit enough{wanted, std::max<rlim_t>(wanted, limit.rlim_max)};
  if (::setrlimit(RLIMIT_NOFILE, &enough) == 0) return;  // beyond the hard limit: root alone
  const rlimit possible{std::min<rlim_t>(wanted, limit.rlim_max), limit.rlim_max};
  if (possible.rlim_cur > limit.rlim_cur) ::setrlimit(RLIMIT_NOFILE, &possible);
}

// In the child. Returns only when something failed; errno says what.
void become(const ProcessSpec& spec, const Image& image, int log_fd, pid_t supervisor) {
  ::setpgid(0, 0);
  // With the supervisor gone nobody would restart or stop this process, so it ends too. It may have gone
  // before the call.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != supervisor) ::_exit(EXIT_FAILURE);

  const int null_fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null_fd < 0 || ::dup2(null_fd, STDIN_FILENO) < 0 || ::dup2(log_fd, STDOUT_FILENO) < 0 ||
      ::dup2(log_fd, STDERR_FILENO) < 0) {
    return;
  }
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  ::fcntl(spec.inherited_fd, F_SETFD, 0);
  if (spec.open_files) raise_open_files(*spec.open_files);

  ::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(image.arguments[0], image.arguments.data(), image.environment.data());
}

// Tells the parent whether the program was executed: the write end closes by itself when it was; before
// that, the child sends its errno.
class StatusPipe {
 public:
  StatusPipe() : error_(::pipe2(ends_.data(), O_CLOEXEC) == 0 ? 0 : errno) {}
  ~StatusPipe() {
    for (const int end : ends_) {
      if (end >= 0) ::close(end);
    }
  }
  StatusPipe(const StatusPipe&) = delete;
  StatusPipe& operator=(const StatusPipe&) = delete;

  int error() const { return error_; }

  // In the child.
  void send(int error) const { [[maybe_unused]] const auto sent = ::write(ends_[1], &error, sizeof error); }

  // In the parent: waits for the child. 0: the program runs.
  int receive() {
    ::close(std::exchange(ends_[1], -1));
    int error = 0;
    while (true) {
      const auto got = ::read(ends_[0], &error, sizeof error);
      if (got < 0 && errno == EINTR) continue;
      return got == sizeof error ? error : 0;
    }
  }

 private:
  std::array<int, 2> ends_{-1, -1};
  int error_;
};

std::string describe(int status) {
  if (WIFSIGNALED(status)) return "was killed by signal " + std::to_string(WTERMSIG(status));
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Process::Process(ProcessSpec spec) : spec_(std::move(spec)), log_(spec_.log_file) {}

Process::~Process() {
  if (!pid_) return;
  ::kill(*pid_, SIGKILL);
  ::waitpid(*pid_, nullptr, 0);
}

Result<void, std::string> Process::start() {
  assert(!pid_);
  const auto failure = [this](int error) {
    return Failure<std::string>("cannot start " + spec_.name + " (" + spec_.command[0] +
                                "): " + std::generic_category().message(error));
  };
  const Image image = make_image(spec_);
  StatusPipe status;
  if (status.error() != 0) return failure(status.error());
  const int log_fd = log_.open_for_process();
  if (log_fd < 0) return failure(errno);

  const pid_t supervisor = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    become(spec_, image, log_fd, supervisor);
    status.send(errno);
    ::_exit(127);
  }
  const int fork_error = errno;
  ::close(log_fd);
  if (pid < 0) return failure(fork_error);
  if (const int error = status.receive(); error != 0) {
    ::waitpid(pid, nullptr, 0);
    return failure(error);
  }
  pid_ = pid;
  started_at_ = std::chrono::steady_clock::now();
  return {};
}

std::optional<ProcessEnd> Process::reap() {
  if (!pid_) return std::nullopt;
  int status = 0;
  if (::waitpid(*pid_, &status, WNOHANG) != *pid_) return std::nullopt;
  pid_.reset();
  return ProcessEnd{.how = describe(status),
                    .lifetime = std::chrono::ceil<std::chrono::milliseconds>(
                        std::chrono::steady_clock::now() - started_at_)};
}

void Process::send(int signal) const {
  if (pid_) ::kill(*pid_, signal);
}

std::optional<std::filesystem::path> find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream directories(std::string(path == nullptr ? "" : path) +
                                 ":/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin");
  for (std::string directory; std::getline(directories, directory, ':');) {
    if (directory.empty()) continue;
    const auto program = std::filesystem::path(directory) / name;
    if (::access(program.c_str(), X_OK) == 0) return program;
  }
  return std::nullopt;
}

}  // namespace duet
