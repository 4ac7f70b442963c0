#include "supervisor/client_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace duet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatienceAtTheEnd{5};

struct Pipe {
  Pipe() {
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
      throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
    }
  }
  std::array<int, 2> ends{};
};

bool wait_readable(int fd, Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  pollfd handle{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&handle, 1, static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000))) == 1;
}

}  // namespace

ClientProcess::ClientProcess(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);

  const Pipe in;
  const Pipe out;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in.ends[0], STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out.ends[1], STDOUT_FILENO);
  const int error = ::posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(in.ends[0]);
  ::close(out.ends[1]);
  input_ = in.ends[1];
  output_ = out.ends[0];
  if (error == 0) return;
  ::close(input_);
  ::close(output_);
  throw std::system_error(error, std::generic_category(), command.front());
}

ClientProcess::~ClientProcess() {
  ::close(input_);
  // Its end is the end of its output.
  const auto deadline = Clock::now() + kPatienceAtTheEnd;
  while (read_line(deadline)) continue;
  if (Clock::now() >= deadline) ::kill(pid_, SIGKILL);
  ::close(output_);
  ::waitpid(pid_, nullptr, 0);
}

void ClientProcess::write_line(const std::string& line) const {
  const std::string text = line + "\n";
  // Short enough for one write to a pipe. Whether it had an effect, its output will show.
  [[maybe_unused]] const auto written = ::write(input_, text.data(), text.size());
}

std::optional<std::string> ClientProcess::read_line(Clock::time_point deadline) {
  while (true) {
    if (const auto end = read_.find('\n'); end != std::string::npos) {
      const std::string line = read_.substr(0, end);
      read_.erase(0, end + 1);
      return line;
    }
    if (!wait_readable(output_, deadline)) return std::nullopt;
    std::array<char, 4096> chunk{};
    const auto got = ::read(output_, chunk.data(), chunk.size());
    if (got <= 0) return std::nullopt;
    read_.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace duet
