#include "bench/processes.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

namespace duet {
namespace {

constexpr std::chrono::milliseconds kExitPoll{10};
constexpr std::chrono::milliseconds kPoliteEnd{20'000};

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::system_category(), what);
}

// In the child, between fork and exec: only what is async-signal-safe.
[[noreturn]] void become(const std::vector<char*>& argv, int log, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

std::string tail(const std::filesystem::path& log) {
  constexpr std::size_t kBytes = 2000;
  const std::string text = read_file(log);
  return text.substr(text.size() - std::min(text.size(), kBytes));
}

int loopback_socket(std::uint16_t port, sockaddr_in& address) {
  address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw_errno("socket");
  return fd;
}

sockaddr* as_sockaddr(sockaddr_in& address) {
  return reinterpret_cast<sockaddr*>(&address);
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& argv, std::filesystem::path log)
    : log_(std::move(log)) {
  std::vector<std::string> words = argv;
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const int fd = ::open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) throw_errno("open " + log_.string());
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) become(pointers, fd, parent);
  ::close(fd);
  if (pid_ < 0) throw_errno("fork");
}

ChildProcess::~ChildProcess() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGTERM);
  if (wait_for(kPoliteEnd)) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void ChildProcess::check() {
  int status = 0;
  if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) != pid_) return;
  pid_ = -1;
  throw std::runtime_error("a process of the measurement has ended; its log ends with:\n" + tail(log_));
}

bool ChildProcess::wait_for(std::chrono::milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(kExitPoll);
  }
  return true;
}

ScratchDirectory::ScratchDirectory(const std::filesystem::path& parent) {
  std::string name = (parent / "duet-bench.XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw_errno("mkdtemp " + name);
  path_ = name;
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;  // nothing depends on it being gone
  std::filesystem::remove_all(path_, ignored);
}

std::chrono::nanoseconds cpu_time(const MeasuredProcess& process) {
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(process.pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0) {
    throw std::runtime_error("the " + process.name + " process is gone");
  }
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::uint64_t anonymous_bytes(const MeasuredProcess& process) {
  std::ifstream status("/proc/" + std::to_string(process.pid) + "/status");
  for (std::string name; status >> name;) {
    std::uint64_t kib = 0;
    if (name == "RssAnon:" && status >> kib) return kib * 1024;
  }
  throw std::runtime_error("the " + process.name + " process is gone");
}

std::uint16_t free_port() {
  sockaddr_in address{};
  const int fd = loopback_socket(0, address);
  socklen_t size = sizeof(address);
  const bool bound =
      ::bind(fd, as_sockaddr(address), size) == 0 && ::getsockname(fd, as_sockaddr(address), &size) == 0;
  ::close(fd);
  if (!bound) throw_errno("bind");
  return ntohs(address.sin_port);
}

bool accepts_connections(std::uint16_t port) {
  sockaddr_in address{};
  const int fd = loopback_socket(port, address);
  const bool connected = ::connect(fd, as_sockaddr(address), sizeof(address)) == 0;
  ::close(fd);
  return connected;
}

void raise_file_limit(std::size_t files) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  if (limit.rlim_max < files || ::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    throw std::runtime_error("so many pairs need " + std::to_string(files) + " open files; the limit is " +
                             std::to_string(limit.rlim_max));
  }
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream out(path);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace duet
