#include "tests/support/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace duet {
namespace {

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno("pipe");
  return ends;
}

// What the child's standard streams become.
class SpawnActions {
 public:
  SpawnActions() { posix_spawn_file_actions_init(&actions_); }
  ~SpawnActions() { posix_spawn_file_actions_destroy(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;

  void duplicate(int from, int to) { posix_spawn_file_actions_adddup2(&actions_, from, to); }
  void open(int fd, const std::filesystem::path& path, int flags) {
    posix_spawn_file_actions_addopen(&actions_, fd, path.c_str(), flags, 0600);
  }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

// The child gets default signals, whatever this process ignores or blocks.
class SpawnAttributes {
 public:
  SpawnAttributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    sigaddset(&signals, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnAttributes() { posix_spawnattr_destroy(&attributes_); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

pid_t spawn(const std::vector<std::string>& argv, const SpawnActions& actions) {
  const SpawnAttributes attributes;
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = -1;
  errno = posix_spawnp(&pid, arguments[0], actions.get(), attributes.get(), arguments.data(), environ);
  if (errno != 0) throw_errno("cannot start " + argv[0]);
  return pid;
}

// As a shell tells it.
int exit_status_of(int raw) {
  return WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& argv, Streams streams,
                           const std::filesystem::path& log) {
  constexpr int kAppend = O_WRONLY | O_CREAT | O_APPEND;
  SpawnActions actions;
  if (streams == Streams::to_log) {
    actions.open(STDIN_FILENO, "/dev/null", O_RDONLY);
    actions.open(STDOUT_FILENO, log, kAppend);
    actions.open(STDERR_FILENO, log, kAppend);
    pid_ = spawn(argv, actions);
    return;
  }
  std::signal(SIGPIPE, SIG_IGN);  // a child that has gone must not take the test with it
  const auto in = make_pipe();
  const auto out = make_pipe();
  actions.duplicate(in[0], STDIN_FILENO);
  actions.duplicate(out[1], STDOUT_FILENO);
  actions.open(STDERR_FILENO, log, kAppend);
  pid_ = spawn(argv, actions);
  close(in[0]);
  close(out[1]);
  stdin_ = in[1];
  stdout_ = out[0];
}

ChildProcess::~ChildProcess() {
  if (!exit_status()) {
    signal(SIGKILL);
    wait();
  }
  close_stdin();
  if (stdout_ >= 0) close(stdout_);
}

void ChildProcess::signal(int number) const {
  if (!status_) kill(pid_, number);
}

std::optional<int> ChildProcess::exit_status() {
  if (status_) return status_;
  int raw = 0;
  if (waitpid(pid_, &raw, WNOHANG) != pid_) return std::nullopt;
  status_ = exit_status_of(raw);
  return status_;
}

std::optional<int> ChildProcess::wait(std::chrono::milliseconds patience) {
  eventually([this] { return exit_status().has_value(); }, patience);
  return status_;
}

void ChildProcess::write_line(const std::string& line) const {
  const std::string text = line + "\n";
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t written = write(stdin_, rest.data(), rest.size());
    if (written < 0) throw_errno("the child reads no more");
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

void ChildProcess::close_stdin() {
  if (stdin_ >= 0) close(stdin_);
  stdin_ = -1;
}

std::optional<std::string> ChildProcess::read_line(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    if (const auto end = unread_.find('\n'); end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return line;
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd readable{stdout_, POLLIN, 0};
    if (at_end_ || left.count() <= 0 || poll(&readable, 1, static_cast<int>(left.count())) <= 0) {
      return std::nullopt;
    }
    std::array<char, 4096> buffer;
    const ssize_t got = read(stdout_, buffer.data(), buffer.size());
    if (got <= 0) {
      at_end_ = true;
    } else {
      unread_.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
}

Finished run_command(const std::vector<std::string>& argv, const std::string& input) {
  // Files, not pipes: a program that goes on in the background may keep its streams open.
  const TempDir dir;
  const auto in = dir.path() / "in";
  const auto out = dir.path() / "out";
  const auto err = dir.path() / "err";
  std::ofstream(in, std::ios::binary) << input;
  SpawnActions actions;
  actions.open(STDIN_FILENO, in, O_RDONLY);
  actions.open(STDOUT_FILENO, out, O_WRONLY | O_CREAT | O_APPEND);
  actions.open(STDERR_FILENO, err, O_WRONLY | O_CREAT | O_APPEND);
  const pid_t pid = spawn(argv, actions);
  int raw = 0;
  if (!eventually([&] { return waitpid(pid, &raw, WNOHANG) == pid; })) {
    kill(pid, SIGKILL);
    waitpid(pid, &raw, 0);
  }
  return Finished{exit_status_of(raw), text_of(out), text_of(err)};
}

namespace {

constexpr unsigned kFirstPort = 15'000;
constexpr unsigned kSlices = 340;
constexpr unsigned kSlicePorts = 50;

// Tests run side by side, and a port is only taken some time after it was given, and again after a restart:
// so ports are given in slices, each of one process's for as long as that lives. The lock of a file says so.
bool lock_slice(unsigned slice) {
  const auto file = std::filesystem::temp_directory_path() / ("duet-test-ports-" + std::to_string(slice));
  const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) return true;  // the end of the process closes it
  if (fd >= 0) close(fd);
  return false;
}

unsigned take_slice() {
  const auto first = static_cast<unsigned>(getpid());
  for (unsigned attempt = 0; attempt < kSlices; ++attempt) {
    const unsigned slice = (first + attempt) % kSlices;
    if (lock_slice(slice)) return slice;
  }
  throw std::runtime_error("no slice of ports is free");
}

bool can_bind(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool free = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return free;
}

}  // namespace

std::uint16_t free_port() {
  static std::mutex mutex;
  static unsigned slice = take_slice();
  static unsigned given = 0;
  const std::scoped_lock lock(mutex);
  for (unsigned attempt = 0; attempt < kSlices * kSlicePorts; ++attempt) {
    if (given == kSlicePorts) {
      slice = take_slice();  // the ones before stay this process's
      given = 0;
    }
    const auto port = static_cast<std::uint16_t>(kFirstPort + slice * kSlicePorts + given++);
    if (can_bind(port)) return port;
  }
  throw std::runtime_error("no free port between 15000 and 31999");
}

bool process_runs(pid_t pid) {
  const std::string stat = text_of("/proc/" + std::to_string(pid) + "/stat");
  const auto end_of_name = stat.rfind(')');
  if (end_of_name == std::string::npos || end_of_name + 2 >= stat.size()) return false;
  const char state = stat[end_of_name + 2];
  return state != 'Z' && state != 'X';
}

std::vector<pid_t> processes_naming(const std::filesystem::path& path) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc{}) continue;
    if (pid == getpid()) continue;
    if (text_of(entry.path() / "cmdline").find(path.string()) != std::string::npos) found.push_back(pid);
  }
  return found;
}

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "duet-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw_errno("cannot make " + name);
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;  // a leftover directory is no reason to fail a test
  std::filesystem::remove_all(path_, ignored);
}

std::string text_of(const std::filesystem::path& path) {
  const std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace duet
