// What the platform says of its own health while something is wrong, and when it is right again:
// /healthz/ready and `duet probe` have fifteen seconds for each. DUET_HEALTH_CASES=1 tries all of the cases.

#include <gmock/gmock.h>

#include <csignal>
#include <deque>
#include <fstream>
#include <memory>
#include <sstream>

#include "tests/support/environment.h"
#include "tests/support/platform_test.h"
#include "tests/support/small_disk.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr auto kMayTake = 15s;  // for health to turn, either way
constexpr std::size_t kMebibyte = std::size_t{1024} * 1024;

class HealthOfPlatform : public OwnPlatformTest {
 protected:
  using Disks = std::deque<SmallDisk>;  // the journal's and the store's

  HealthOfPlatform() : HealthOfPlatform(std::make_shared<Disks>()) {}
  explicit HealthOfPlatform(const std::shared_ptr<Disks>& disks)
      : OwnPlatformTest(PlatformSpec{
            .environment = {{"LD_PRELOAD", (build_dir() / "lib" / "libduet_clock_shim.so").string()},
                            {"DUET_CLOCK_OFFSET", "{dir}/clock"},
                            {"DUET_CLOCK_ONLY", "mosquitto"}},
            .prepare =
                [disks](const std::filesystem::path& data) {
                  for (const char* directory : {"journal", "store"}) {
                    std::filesystem::create_directories(data / directory);
                    disks->emplace_back(data / directory, 24 * kMebibyte);
                  }
                },
            .tls = true}),
        disks_(disks) {}

  void SetUp() override {
    ASSERT_TRUE(eventually([&] { return says_ready() && front_door_says_ready(); })) << verdict();
    ASSERT_TRUE(eventually([&] { return probe().status == 0; })) << probe().out;
  }
  void TearDown() override {
    OwnPlatformTest::TearDown();
    platform().stop();  // before its disks go
  }

  std::filesystem::path in_data(const std::string& path) { return platform().data_dir() / path; }

  // The answer of a unix socket of DIR/run: status and body.
  std::pair<int, std::string> get(const std::string& socket, const std::string& path) {
    const Finished curl =
        run_command({"curl", "-s", "--max-time", "5", "--unix-socket", in_data("run/" + socket).string(),
                     "-w", "\n%{http_code}", "http://localhost" + path});
    const auto line = curl.out.rfind('\n');
    if (line == std::string::npos) return {0, ""};
    return {std::atoi(curl.out.c_str() + line + 1), curl.out.substr(0, line)};
  }
  bool says_ready() { return get("platform.health", "/healthz/ready").first == 200; }
  bool front_door_says_ready() { return get("metrics.sock", "/healthz/ready").first == 200; }
  std::string verdict() { return get("platform.health", "/healthz/ready").second; }

  Finished probe() {
    return run_command(
        {program("duet"), "probe", "--data", platform().data_dir().string(), "--timeout", "3", "--json"});
  }

  // What `ready.json` says of one process.
  bool file_says_ready(const std::string& process) {
    const auto ready = platform().ready();
    return ready && ready->at("processes").at(process).at("ready").get<bool>();
  }
  bool file_says_ready() {
    const auto ready = platform().ready();
    return ready && ready->at("ready").get<bool>();
  }

  void set_broker_clock(std::chrono::nanoseconds ahead) {
    const std::int64_t count = ahead.count();
    std::fstream file(platform().data_dir().parent_path() / "clock",
                      std::ios::in | std::ios::out | std::ios::binary);
    file.write(reinterpret_cast<const char*>(&count), sizeof count);
    ASSERT_TRUE(file.flush());
  }
  // A file becomes another one, and what it was before.
  void replace(const std::string& file, const std::string& text) {
    kept_ = text_of(in_data(file));
    std::ofstream(in_data(file), std::ios::trunc) << text;
  }
  void put_back(const std::string& file) { std::ofstream(in_data(file), std::ios::trunc) << kept_; }

  void signal_all(int number) {
    if (number == SIGSTOP) kill(platform().supervisor_pid(), SIGSTOP);
    for (const auto service : {Service::broker, Service::store, Service::gateway, Service::auth}) {
      platform().kill(service, number);
    }
    if (number == SIGCONT) kill(platform().supervisor_pid(), SIGCONT);
  }

  struct Case {
    std::string name;
    std::function<void()> harm;
    std::function<void()> mend;
    // The process that ready.json names; empty: the file is not written while it lasts.
    std::string process = "";
    bool front_door_sees_it = true;
    bool in_ci = false;
  };
  std::vector<Case> cases();
  void try_case(const Case& one);

 private:
  const std::shared_ptr<Disks> disks_;
  std::string kept_;

 protected:
  SmallDisk& journal_disk() { return disks_->at(0); }
  SmallDisk& store_disk() { return disks_->at(1); }
};

std::vector<HealthOfPlatform::Case> HealthOfPlatform::cases() {
  const auto stop = [this](Service service) {
    return [this, service] { platform().kill(service, SIGSTOP); };
  };
  const auto go_on = [this](Service service) {
    return [this, service] { platform().kill(service, SIGCONT); };
  };
  return {
      {.name = "the disk of the database is full",
       .harm = [this] { store_disk().fill(); },
       .mend = [this] { store_disk().make_room(); },
       .process = "store",
       .in_ci = true},
      {.name = "the store is frozen",
       .harm = stop(Service::store),
       .mend = go_on(Service::store),
       .process = "store",
       .in_ci = true},
      {.name = "the disk of the journal is full",
       .harm = [this] { journal_disk().fill(); },
       .mend = [this] { journal_disk().make_room(); },
       .process = "broker"},
      {.name = "the broker is frozen",
       .harm = stop(Service::broker),
       .mend = go_on(Service::broker),
       .process = "broker"},
      {.name = "the gateway is frozen",
       .harm = stop(Service::gateway),
       .mend = go_on(Service::gateway),
       .process = "gateway"},
      {.name = "the accounts are frozen",
       .harm = stop(Service::auth),
       .mend = go_on(Service::auth),
       .process = "auth"},
      {.name = "everything is frozen",
       .harm = [this] { signal_all(SIGSTOP); },
       .mend = [this] { signal_all(SIGCONT); }},
      // It finds its configuration gone, and is started again and again.
      {.name = "the broker is gone",
       .harm =
           [this] {
             replace("run/mosquitto.conf", "no configuration");
             platform().kill(Service::broker, SIGKILL);
           },
       .mend = [this] { put_back("run/mosquitto.conf"); },
       .process = "broker"},
      {.name = "the store is refused",
       .harm =
           [this] {
             replace("secrets/store.token", "no token");
             platform().kill(Service::store, SIGKILL);
           },
       .mend = [this] { put_back("secrets/store.token"); },
       .process = "store"},
      {.name = "the broker's clock is two hours ahead",
       .harm = [this] { set_broker_clock(2h); },
       .mend = [this] { set_broker_clock(0h); },
       .process = "store"},
      {.name = "the broker's clock is two hours behind",
       .harm =
           [this] {
             set_broker_clock(-2h);
             platform().kill(Service::store, SIGKILL);
           },
       .mend = [this] { set_broker_clock(0h); },
       .process = "store"},
      // HAProxy goes on with the one it has: only the supervisor knows that it is not the file's.
      {.name = "the certificate's file holds none",
       .harm = [this] { replace("tls/server.pem", "no certificate"); },
       .mend = [this] { put_back("tls/server.pem"); },
       .process = "proxy",
       .front_door_sees_it = false},
  };
}

void HealthOfPlatform::try_case(const Case& one) {
  SCOPED_TRACE(one.name);
  const auto began = std::chrono::steady_clock::now();
  one.harm();
  EXPECT_TRUE(eventually([&] { return !says_ready(); }, kMayTake));
  const std::chrono::duration<double> bad_after = std::chrono::steady_clock::now() - began;
  const std::string why = verdict();
  if (one.front_door_sees_it) {
    EXPECT_TRUE(eventually([&] { return !front_door_says_ready(); }, kMayTake));
  }
  if (!one.process.empty()) {
    EXPECT_TRUE(eventually([&] { return !file_says_ready(); }, kMayTake));
    EXPECT_TRUE(
        eventually([&] { return one.process == "proxy" || !file_says_ready(one.process); }, kMayTake));
  }
  const Finished bad = probe();
  EXPECT_EQ(bad.status, 1) << bad.out << why;

  const auto mended = std::chrono::steady_clock::now();
  one.mend();
  EXPECT_TRUE(eventually([&] { return says_ready(); }, kMayTake)) << verdict();
  const std::chrono::duration<double> good_after = std::chrono::steady_clock::now() - mended;
  EXPECT_TRUE(eventually([&] { return front_door_says_ready(); }, kMayTake));
  Finished good;
  EXPECT_TRUE(eventually([&] { return (good = probe()).status == 0; }, kMayTake)) << good.out << verdict();
  EXPECT_TRUE(eventually([&] { return file_says_ready(); }, kMayTake));
  std::cout << "| " << one.name << " | " << bad_after.count() << " | " << good_after.count() << " |"
            << std::endl;
}

TEST_F(HealthOfPlatform, TurnsBadAndGoodWithEachFault) {
  const bool all = number_from_environment("DUET_HEALTH_CASES", 0) != 0;
  for (const auto& one : cases()) {
    if (all || one.in_ci) try_case(one);
  }
}

}  // namespace
}  // namespace duet
