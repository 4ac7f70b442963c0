// tests/support/bridge_process.h: a running duet-push, with the double for providers.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/push_double.h"
#include "tests/support/test_platform.h"

namespace duet {

// One process at a time, on one directory. Used by one thread at a time. What does not start throws
// std::runtime_error, with the log in its text.
class BridgeProcess {
 public:
  // Both must outlive it. `decision`: lines of the section [decision]. `apps`: each on every platform.
  BridgeProcess(const TestPlatform& platform, const PushDouble& providers,
                const std::string& decision = "grace_s = 3\n",
                const std::vector<std::string>& apps = {"chat"});

  std::filesystem::path config() const { return dir_.path() / "push.toml"; }
  std::filesystem::path database() const { return dir_.path() / "push.db"; }
  std::string log() const;  // of all processes so far
  pid_t pid() const { return process_->pid(); }

  // From the next start() on it runs by this command, which goes before its own: {"env", "NAME=value"}.
  void run_by(std::vector<std::string> words) { before_ = std::move(words); }
  // From the next start() on it logs in with the token that the platform keeps fresh, as under duet-run;
  // until then with one of its own, good for an hour.
  void use_platform_token() const;
  void start();
  void kill();  // SIGKILL; start() goes on from there
  int stop();   // SIGTERM; the exit status

  Finished command(std::vector<std::string> words) const;
  // How many devices are registered, by duet-push check; -1 when it does not say.
  int registered() const;
  // What `why` says of a message's id, once it says `what`, or at last.
  std::string why(const std::string& message, const std::string& what) const;

  // An allowed host of Web Push where nobody listens: a browser vendor's service that is down.
  static constexpr const char* kDeadHost = "127.0.0.1:9";

 private:
  std::filesystem::path token_file() const { return dir_.path() / "push.jwt"; }
  std::filesystem::path ready_file() const { return dir_.path() / "ready"; }
  std::filesystem::path log_file() const { return dir_.path() / "push.log"; }
  std::string config_text(const PushDouble& providers, const std::string& decision) const;
  static std::string app_text(const PushDouble& providers, const std::string& app);

  const TestPlatform& platform_;
  TempDir dir_;
  std::vector<std::string> before_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace duet
