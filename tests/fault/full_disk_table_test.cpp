// Every process, the places where it writes, and the points of its life, with no room on the disk: nothing
// ends, what cannot be kept is refused, and as soon as there is room everything works again by itself.
//
// The rows that CI makes have all of the platform's data on one disk, as it is in life. DUET_FULL_DISKS=1
// makes those too in which each directory has a disk of its own.

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <set>
#include <utility>

#include "acl/signing_key.h"
#include "file_io/file.h"
#include "push_bridge/push_database.h"
#include "tests/support/auth_client.h"
#include "tests/support/environment.h"
#include "tests/support/fake_provider.h"
#include "tests/support/platform_test.h"
#include "tests/support/small_disk.h"

namespace duet {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

constexpr std::size_t kDiskBytes = std::size_t{32} * 1024 * 1024;
constexpr const char* kPassword = "correct horse";

// The platform's processes, and what the command line of each names below the data directory.
const std::map<std::string, std::string> kParts{
    {"broker", "run/mosquitto.conf"}, {"store", "run/store.toml"}, {"gateway", "run/gateway.toml"},
    {"auth", "run/auth.toml"},        {"push", "run/push.toml"},   {"push-double", "run/push-double"},
    {"proxy", "run/haproxy.cfg"},     {"keys", "issuers"}};

bool listens(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return connected;
}

// Where the data lies: one disk for all, or one for each directory.
class Disks {
 public:
  Disks(const fs::path& root, const std::vector<std::string>& directories) {
    for (const auto& name : directories) {
      disks_.emplace(std::piecewise_construct, std::forward_as_tuple(name),
                     std::forward_as_tuple(name.empty() ? root : root / name, kDiskBytes));
    }
  }
  const SmallDisk& of(const std::string& directory) const { return disks_.at(directory); }

 private:
  std::map<std::string, SmallDisk> disks_;
};

// Everything that the platform does for its users, done again and again. What was acknowledged is remembered.
class Users {
 public:
  explicit Users(TestPlatform& platform) : platform_(platform) {}

  // Connects anew where a connection has ended.
  bool is_sent() {
    if (!reconnect()) return false;
    const auto id = next("m");
    if (!accepted(alice_->publish_message("bob", "text", id))) return false;
    messages_.insert(id);
    const auto sent = in_topic("alice", "bob", InKind::sent);
    return alice_->mqtt()
        .wait_for([&](const Received& got) { return got.topic == sent && got.json().value("id", "") == id; },
                  milliseconds(1500))
        .has_value();
  }
  bool signs_up() {
    if (!listens(platform_.http_port())) return false;
    const auto name = next("user");
    const auto answer = AuthClient(platform_.http_port(), "duet").sign_up(name, kPassword);
    if (answer.status == 201) accounts_.push_back(name);
    statuses_.insert(answer.status);
    return answer.status == 201;
  }
  // Each on a device of its own.
  bool registers_for_pushes() {
    const auto name = next("pushed");
    if (!says_registration(name)) return false;
    return eventually([&] { return is_registered(name); }, milliseconds(1500));
  }
  bool says_registration(const std::string& name) {
    TestDevice device(platform_, name);
    if (device.connect() != kSuccess) return false;
    const nlohmann::json registration{{"platform", "fcm"}, {"token", "token-of-" + name}};
    if (!accepted(device.mqtt().publish(
            {.topic = device.push_topic(), .payload = registration.dump(), .correlation = {}}))) {
      return false;
    }
    registrations_.insert(name);
    return true;
  }

  // How much of what was acknowledged is not there. Forgets it.
  std::size_t count_lost() {
    std::size_t lost = 0;
    std::set<std::string> stored;
    reconnect();
    for (const auto& envelope : alice_->history("bob")) stored.insert(envelope.id.str());
    for (const auto& id : std::exchange(messages_, {})) {
      if (!stored.contains(id)) ++lost;
    }
    for (const auto& name : std::exchange(accounts_, {})) {
      if (AuthClient(platform_.http_port(), "duet").log_in(name, kPassword).status != 200) ++lost;
    }
    for (const auto& name : std::exchange(registrations_, {})) {
      if (!eventually([&] { return is_registered(name); }, std::chrono::seconds(5))) ++lost;
    }
    return lost;
  }
  std::set<int> take_statuses() { return std::exchange(statuses_, {}); }
  std::string next(const std::string& kind) { return kind + "-" + std::to_string(++number_); }

 private:
  bool reconnect() {
    if (alice_ && alice_->mqtt().connected()) return true;
    alice_ = std::make_unique<TestDevice>(platform_, "alice");
    return alice_->connect() == kSuccess && alice_->mqtt().subscribe(alice_->inbox()) == 1 &&
           alice_->mqtt().subscribe(alice_->device_topics()) == 1;
  }
  bool is_registered(const std::string& name) const try {
    PushDatabase database(platform_.data_dir() / "push" / "push.db", PushDatabase::Access::reader);
    return database.registrations().find({*UserId::parse(name), *DeviceId::parse("phone")}).has_value();
  } catch (const std::runtime_error&) {
    return false;
  }

  TestPlatform& platform_;
  std::unique_ptr<TestDevice> alice_;
  int number_ = 0;
  std::set<std::string> messages_;
  std::vector<std::string> accounts_;
  std::set<std::string> registrations_;
  std::set<int> statuses_;  // of answers to sign-ups
};

class FullDiskTable : public ::testing::Test {
 protected:
  void TearDown() override {
    if (HasFailure() && platform_) {
      std::cerr << platform_->logs() << platform_->log_of("push") << platform_->log_of("keys")
                << platform_->log_of("supervisor");
    }
    users_.reset();
    platform_.reset();  // before its disks go
    disks_.reset();
  }

  void start(const std::vector<std::string>& directories) {
    provider_.publish(SigningKey::generate(SignatureAlgorithm::es256).jwk_set());
    const auto issuers = dir_.path() / "issuers.json";
    write_file_atomically(issuers, nlohmann::json{{"issuers",
                                                   {{{"issuer", provider_.issuer()},
                                                     {"jwks_url", provider_.keys_url()},
                                                     {"audience", "duet"},
                                                     {"refresh_s", 1},
                                                     {"ca_file", provider_.ca_file()}}}}}
                                       .dump());
    platform_ = std::make_unique<TestPlatform>(
        PlatformSpec{.config = "[tokens]\nissuers_file = \"" + issuers.string() + "\"\nservice_ttl_s = 60\n" +
                               std::string(kUnlimited),
                     .tls = true,
                     .push_double = true});
    platform_->stop();
    for (const auto& entry : fs::directory_iterator(platform_->data_dir() / "run")) {
      if (entry.is_socket()) fs::remove(entry);  // which no copy has
    }
    disks_.emplace(platform_->data_dir(), directories);
    platform_->start();
    users_ = std::make_unique<Users>(*platform_);
    await_everything("", "", "warm-up");
  }

  // What must work: by the name of the process that does it.
  using Probes = std::map<std::string, std::function<bool()>>;
  Probes probes() {
    const auto keys_before = keys_stamp();
    return {{"store", [this] { return users_->is_sent(); }},
            {"auth", [this] { return users_->signs_up(); }},
            {"push", [this] { return users_->registers_for_pushes(); }},
            {"gateway", [this] { return listens(platform_->ws_port()); }},
            {"proxy", [this] { return listens(platform_->https_port()); }},
            {"keys", [this, keys_before] { return keys_stamp() != keys_before; }},
            {"supervisor", [this] { return names_living_processes(); }}};
  }
  // The file that changes each time when the provider was asked.
  std::string keys_stamp() const {
    for (const auto& entry : fs::directory_iterator(platform_->data_dir() / "issuers")) {
      if (entry.path().extension() == ".checked") return text_of(entry.path());
    }
    return "";
  }
  bool names_living_processes() const {
    const auto said = platform_->ready();
    if (!said || said->value("supervisor", -1) != platform_->supervisor_pid()) return false;
    const auto& pids = said->at("pids");
    return std::all_of(pids.begin(), pids.end(), [](const auto& pid) { return process_runs(pid); });
  }

  // Waits until everything works, prints the row and checks that nothing is lost.
  void await_everything(const std::string& directory, const std::string& process, const std::string& point) {
    const auto since = Clock::now();
    auto missing = probes();
    std::string last;
    milliseconds took{};
    EXPECT_TRUE(eventually([&] {
      std::erase_if(missing, [&](const auto& probe) {
        if (!probe.second()) return false;
        last = probe.first;
        took = std::chrono::duration_cast<milliseconds>(Clock::now() - since);
        return true;
      });
      return missing.empty();
    })) << directory
        << " " << process << " " << point << ": " << missing.size() << " do not work, "
        << (missing.empty() ? "" : missing.begin()->first);
    if (HasFailure()) return;
    const auto lost = users_->count_lost();
    EXPECT_EQ(lost, 0U) << directory << " " << process << " " << point;
    if (process.empty()) return;
    std::cout << "| " << (directory.empty() ? "all" : directory) << " | " << process << " | " << point
              << " | " << took.count() << " (" << last << ") | " << lost << " |" << std::endl;
  }

  pid_t pid_of(const std::string& process) const {
    const auto said = platform_->ready();
    return said ? said->at("pids").value(process, -1) : -1;
  }
  std::map<std::string, pid_t> pids() const {
    return platform_->ready().value_or(nlohmann::json{{"pids", nlohmann::json::object()}}).at("pids");
  }
  bool runs_anew(const std::string& process, pid_t before) const {
    const auto now = processes_naming(platform_->data_dir() / kParts.at(process));
    return std::any_of(now.begin(), now.end(), [before](pid_t pid) { return pid != before; });
  }
  bool supervisor_runs() const { return process_runs(platform_->supervisor_pid()); }

  void running(const std::string& directory);
  void killed(const std::string& directory, const std::string& process);
  void started(const std::string& directory, const std::string& point);

  TempDir dir_;
  FakeProvider provider_;
  std::unique_ptr<TestPlatform> platform_;
  std::optional<Disks> disks_;
  std::unique_ptr<Users> users_;
};

// Everything is asked for while nothing can be written.
void FullDiskTable::running(const std::string& directory) {
  const auto& disk = disks_->of(directory);
  const auto before = pids();
  const bool push = directory.empty() || directory == "push";
  disk.fill();
  // The bridge takes registrations until it finds that it cannot keep one, and then leaves the broker.
  if (push) {
    const auto said = platform_->log_of("push").size();
    EXPECT_TRUE(eventually([&] {
      disk.fill();  // what the logs could not take
      users_->says_registration(users_->next("pushed"));
      TestDevice device(*platform_, "refused");
      return device.connect() == kSuccess && device.mqtt().subscribe(device.error_topic()) == 1 &&
             !accepted(device.mqtt().publish({.topic = device.push_topic(),
                                              .payload = R"({"platform":"fcm","token":"refused"})",
                                              .correlation = {}})) &&
             device.wait_error(ErrorCode::unavailable, device.push_topic()).refusal.code ==
                 ErrorCode::unavailable;
    })) << platform_->log_of("push").substr(said);
  }
  // An account is made as long as the write-ahead log has a page left; then the answer is 503.
  if (directory.empty() || directory == "auth") {
    EXPECT_TRUE(eventually([&] {
      disk.fill();
      users_->signs_up();
      return users_->take_statuses().contains(503);
    }));
  }
  users_->is_sent();
  EXPECT_TRUE(supervisor_runs());
  EXPECT_EQ(pids(), before);
  for (const auto& [name, pid] : before) EXPECT_TRUE(process_runs(pid)) << name;
  disk.make_room();
  await_everything(directory, "all", "running");
  EXPECT_EQ(pids(), before) << "everything went on in the same processes";
}

// The process is killed while nothing can be written, and must start like that, or later.
void FullDiskTable::killed(const std::string& directory, const std::string& process) {
  const auto& disk = disks_->of(directory);
  const pid_t before = pid_of(process);
  ASSERT_TRUE(process_runs(before)) << process;
  const auto said = platform_->log_of("run").size();
  disk.fill();
  ::kill(before, SIGKILL);
  // Told once more: a start failed. Otherwise it runs.
  const auto tried = [&] {
    const auto log = platform_->log_of("run");
    const auto first = log.find(process + " was killed by signal 9", said);
    if (first == std::string::npos) return false;
    return log.find("\n" + process + " ", first) != std::string::npos || runs_anew(process, before);
  };
  EXPECT_TRUE(eventually(tried)) << process;
  disk.fill();  // what the dead one had
  EXPECT_TRUE(supervisor_runs());
  EXPECT_TRUE(fs::exists(platform_->data_dir() / "ready.json"));
  disk.make_room();
  await_everything(directory, process, "killed");
  EXPECT_NE(pid_of(process), before);
}

// The platform is started while nothing can be written.
void FullDiskTable::started(const std::string& directory, const std::string& point) {
  const auto& disk = disks_->of(directory);
  if (point == "start after a reset") {
    platform_->crash();
  } else {
    EXPECT_EQ(platform_->stop(), 0);
  }
  disk.fill();
  const auto said = platform_->log_of("run").size();
  platform_->launch();
  EXPECT_TRUE(eventually([&] {
    return platform_->is_ready() ||
           platform_->log_of("run").find("waits until there is room", said) != std::string::npos;
  }));
  EXPECT_TRUE(!directory.empty() || !fs::exists(platform_->data_dir() / "ready.json"));
  EXPECT_TRUE(supervisor_runs()) << platform_->log_of("run").substr(said);
  disk.make_room();
  await_everything(directory, "all", point);
}

TEST_F(FullDiskTable, OneDiskForEverything) {
  start({""});
  running("");
  for (const auto& [process, file] : kParts) killed("", process);
  started("", "start after a reset");
  started("", "start after a stop");
}

// Nobody may be there when a machine boots: a start in the background says that it waits, and does.
TEST_F(FullDiskTable, ADetachedStartGoesOnWaiting) {
  platform_ = std::make_unique<TestPlatform>(PlatformSpec{});
  platform_->stop();
  disks_.emplace(platform_->data_dir(), std::vector<std::string>{""});
  disks_->of("").fill();
  auto command = platform_->command();
  auto stop = command;
  command.insert(command.end(), {"--no-demo", "--detach"});
  const auto detached = run_command(command);
  EXPECT_EQ(detached.status, EX_TEMPFAIL) << detached.err;
  EXPECT_THAT(detached.out, HasSubstr("No space left on device; the start waits until there is room"));
  disks_->of("").make_room();
  EXPECT_TRUE(eventually([&] { return platform_->ready().has_value(); }));
  stop.emplace_back("--stop");
  EXPECT_EQ(run_command(stop).status, 0);
  EXPECT_FALSE(platform_->ready());
}

// Somebody is looking, and there is nothing to be served yet.
TEST_F(FullDiskTable, AFirstStartFailsWithOneLine) {
  const SmallDisk disk(dir_.path(), kDiskBytes);
  disk.fill();
  const auto data = dir_.path() / "data";
  const auto run = run_command({program("duet-run"), "--data", data, "--no-demo", "--mqtt-port",
                                std::to_string(free_port()), "--ws-port", std::to_string(free_port()),
                                "--http-port", std::to_string(free_port())});
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.err, HasSubstr("No space left on device"));
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
  EXPECT_FALSE(fs::exists(data / "ready.json"));
}

TEST_F(FullDiskTable, ADiskForEachDirectory) {
  if (number_from_environment("DUET_FULL_DISKS", 0) == 0) GTEST_SKIP() << "DUET_FULL_DISKS=1 asks for it";
  const std::vector<std::string> directories{"journal", "store", "push", "auth",   "secrets",
                                             "run",     "log",   "tls",  "issuers"};
  start(directories);
  for (const auto& directory : directories) {
    running(directory);
    for (const auto& [process, file] : kParts) killed(directory, process);
    started(directory, "start after a reset");
    started(directory, "start after a stop");
  }
}

}  // namespace
}  // namespace duet
