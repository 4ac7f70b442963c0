#include "key_fetcher/key_fetcher.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "acl/issuers.h"
#include "file_io/file.h"
#include "http_client/http_client.h"
#include "key_fetcher/fetch_schedule.h"
#include "key_fetcher/issuer_keys.h"

namespace duet {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxRemoteIssuers = 64;
constexpr std::chrono::seconds kBetweenLooksAtList{1};
constexpr std::chrono::seconds kMaxWriteRetry{10};  // the provider is asked again each time

Timestamp wall_clock() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

// Returns early when the thread shall end.
void wait_for(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any ended;
  std::unique_lock lock(mutex);
  ended.wait_for(lock, stop, time, [] { return false; });
}

// Which file of that name it is; all 0: there is none.
using FileStamp = std::tuple<ino_t, time_t, long, off_t>;
FileStamp stamp_of(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {status.st_ino, status.st_ctim.tv_sec, status.st_ctim.tv_nsec, status.st_size};
}

std::vector<IssuerEntry> remote_issuers(const fs::path& list) {
  auto entries = parse_issuers(read_file(list), {});
  if (!entries) throw std::runtime_error(list.string() + ": " + entries.error());
  std::erase_if(*entries, [](const IssuerEntry& entry) { return !entry.remote; });
  if (entries->size() > kMaxRemoteIssuers) {
    throw std::runtime_error(list.string() + ": more than " + std::to_string(kMaxRemoteIssuers) +
                             " issuers have keys that are fetched");
  }
  return *std::move(entries);
}

void keep_fetching(const std::stop_token& stop, const IssuerEntry& entry, const fs::path& directory,
                   const std::function<void()>& failed) try {
  HttpClient client;
  IssuerKeys keys(entry, directory, [&client](const HttpRequest& request, const std::stop_token& token) {
    return client.get(request, token);
  });
  std::minstd_rand random(std::random_device{}());
  std::uniform_real_distribution<double> part(0, 1);
  int failures = 0;  // to write, in a row
  while (!stop.stop_requested()) {
    std::chrono::milliseconds pause{};
    try {
      pause = keys.attempt(wall_clock(), part(random), stop);
      if (std::exchange(failures, 0) > 0) spdlog::info("keys can be written again");
    } catch (const std::system_error& error) {
      if (++failures == 1) spdlog::error("{}; the keys that are there stay in use, retrying", error.what());
      pause = std::min<std::chrono::milliseconds>(retry_after(failures, part(random)), kMaxWriteRetry);
    }
    wait_for(pause, stop);
  }
} catch (const std::exception& error) {
  spdlog::error("{}", error.what());
  failed();
}

}  // namespace

// Used by one thread after the other.
class KeyFetcher::Issuers {
 public:
  Issuers(fs::path list, fs::path directory, Health& health, std::function<void()> failed)
      : list_(std::move(list)),
        directory_(std::move(directory)),
        list_health_(health.add_state()),
        turns_(health.add_loop("the look at the list of issuers")),
        failed_(std::move(failed)) {
    const HttpClient first;  // sets libcurl up while there is one thread
    seen_ = stamp_of(list_);
    start(remote_issuers(list_));
  }

  void follow() {
    turns_.turned();
    const FileStamp now = stamp_of(list_);
    if (now == seen_) return;
    seen_ = now;
    try {
      start(remote_issuers(list_));
      list_health_.good();
    } catch (const std::exception& error) {
      spdlog::error("the issuers stay as they were: {}", error.what());
      list_health_.bad(std::string("the list of issuers cannot be read: ") + error.what());
    }
  }

 private:
  void start(std::vector<IssuerEntry> entries) {
    for (auto& thread : threads_) thread.request_stop();
    threads_.clear();  // waits for each
    for (auto& entry : entries) {
      spdlog::info("fetching the keys of {}", entry.issuer.issuer);
      threads_.emplace_back([this, entry = std::move(entry)](const std::stop_token& stop) {
        keep_fetching(stop, entry, directory_, failed_);
      });
    }
  }

  const fs::path list_;
  const fs::path directory_;
  Health::State& list_health_;
  Health::Loop& turns_;
  const std::function<void()> failed_;
  FileStamp seen_;
  std::vector<std::jthread> threads_;
};

KeyFetcher::KeyFetcher(fs::path issuers, fs::path directory, Health& health, std::function<void()> failed)
    : issuers_(
          std::make_unique<Issuers>(std::move(issuers), std::move(directory), health, std::move(failed))),
      watch_([this](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          wait_for(kBetweenLooksAtList, stop);
          issuers_->follow();
        }
      }) {}

KeyFetcher::~KeyFetcher() = default;

}  // namespace duet
