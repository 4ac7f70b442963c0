#include "push_bridge/http2_poster.h"

#include <atomic>
#include <csignal>
#include <deque>
#include <mutex>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocol/secure_url.h"
#include "push_bridge/http2_transfer.h"
#include "push_bridge/poster_host.h"
#include "push_bridge/stream_resets.h"

namespace duet {
namespace {

constexpr std::size_t kManyHosts = 256;  // beyond it, those that nothing goes to are forgotten
constexpr long kMaxConnections = 64;     // to all hosts
constexpr int kPollMs = 1000;

using HostClock = std::chrono::steady_clock;

// "host:port" of an https URL; empty if it is none.
std::string authority_of(std::string_view url) {
  constexpr std::string_view kScheme = "https://";
  if (!url.starts_with(kScheme) || !is_secure_url(url)) return {};
  url.remove_prefix(kScheme.size());
  return std::string(url.substr(0, url.find_first_of("/?#")));
}

std::uint64_t& counter_of(PostResult::Kind kind, PosterCounters& counters) {
  switch (kind) {
    case PostResult::Kind::answered:
      return counters.answered;
    case PostResult::Kind::not_sent:
      return counters.not_sent;
    case PostResult::Kind::unknown:
      return counters.unknown;
    case PostResult::Kind::untrusted:
      break;
  }
  return counters.untrusted;
}

}  // namespace

class Http2Poster::Engine {
 public:
  explicit Engine(PosterOptions options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  bool post(HttpPost request, Http2Transfer::OnDone on_done);
  void renew_connections(const std::string& url);
  PosterCounters counters() const;

 private:
  struct Queued {
    HttpPost post;
    Http2Transfer::OnDone on_done;
    PosterHost* host;  // nullptr: no URL that anything can be sent to
    bool anew = false;
  };
  struct Active {
    std::unique_ptr<Http2Transfer> transfer;
    Http2Transfer::OnDone on_done;
    PosterHost* host;
  };

  PosterHost& host_of(const std::string& authority);

  void run();
  void forget_hosts();
  void begin(Queued queued);
  void finish_ended();
  void finish(CURL* handle, CURLcode code);
  void abandon_all();
  void done(Active active, Http2Transfer::Outcome outcome);

  const PosterOptions options_;
  const TransferOptions transfer_options_;

  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::unique_ptr<PosterHost>>
      hosts_;  // guarded by mutex_, as all to `counters_`
  std::deque<Queued> queued_;
  bool stopping_ = false;
  PosterCounters counters_;

  std::atomic<std::uint64_t> connections_opened_ = 0;

  CurlMulti multi_;  // of the poster's thread, as all below; closes its connections before hosts_ goes
  std::unordered_map<CURL*, Active> active_;
  std::vector<std::unique_ptr<Http2Transfer>> unused_;
  std::jthread thread_;
};

Http2Poster::Engine::Engine(PosterOptions options)
    : options_(std::move(options)),
      transfer_options_({.ca_file = options_.ca_file, .connect = options_.connect, .total = options_.total}) {
  multi_.set(CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
  multi_.set(CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(options_.connections_per_host));
  multi_.set(CURLMOPT_MAX_TOTAL_CONNECTIONS, kMaxConnections);
  multi_.set(CURLMOPT_MAXCONNECTS, kMaxConnections);
  multi_.set(CURLMOPT_MAX_CONCURRENT_STREAMS, static_cast<long>(options_.window));
  thread_ = std::jthread([this] { run(); });
}

Http2Poster::Engine::~Engine() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  curl_multi_wakeup(multi_.get());
  thread_.join();
}

bool Http2Poster::Engine::post(HttpPost request, Http2Transfer::OnDone on_done) {
  const std::string authority = authority_of(request.url);
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_ || counters_.in_flight >= options_.total_window) return false;
    PosterHost* const host = authority.empty() ? nullptr : &host_of(authority);
    if (host != nullptr && !host->window.take(HostClock::now())) return false;
    queued_.push_back({.post = std::move(request),
                       .on_done = std::move(on_done),
                       .host = host,
                       .anew = host != nullptr && host->window.starts_anew()});
    ++counters_.posts;
    ++counters_.in_flight;
  }
  curl_multi_wakeup(multi_.get());
  return true;
}

void Http2Poster::Engine::renew_connections(const std::string& url) {
  const std::string authority = authority_of(url);
  const std::scoped_lock lock(mutex_);
  if (!authority.empty()) host_of(authority).window.renew();
}

PosterCounters Http2Poster::Engine::counters() const {
  const std::scoped_lock lock(mutex_);
  PosterCounters counters = counters_;
  counters.connections_opened = connections_opened_;
  counters.resets_left_out = stream_resets_left_out();
  return counters;
}

PosterHost& Http2Poster::Engine::host_of(const std::string& authority) {
  auto& host = hosts_[authority];
  if (!host) host = std::make_unique<PosterHost>(options_.window, options_.total, connections_opened_);
  return *host;
}

void Http2Poster::Engine::run() {
  // A broken connection is an error to report, not a signal; libcurl leaves that to us (CURLOPT_NOSIGNAL).
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  for (bool stopping = false;;) {
    std::deque<Queued> queued;
    {
      const std::scoped_lock lock(mutex_);
      queued.swap(queued_);
      stopping = stopping_;
      if (hosts_.size() > kManyHosts) forget_hosts();
    }
    for (Queued& one : queued) begin(std::move(one));
    if (stopping) break;
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
    finish_ended();
    curl_multi_poll(multi_.get(), nullptr, 0, kPollMs, nullptr);
  }
  abandon_all();
}

void Http2Poster::Engine::forget_hosts() {
  std::erase_if(hosts_, [](const auto& entry) {
    return entry.second->window.taken() == 0 && !entry.second->connected();
  });
}

void Http2Poster::Engine::begin(Queued queued) {
  if (queued.host == nullptr) {
    done({.transfer = nullptr, .on_done = std::move(queued.on_done), .host = nullptr},
         {.result = {.kind = PostResult::Kind::untrusted, .error = "no https URL"}, .end = {}});
    return;
  }
  if (unused_.empty()) unused_.push_back(std::make_unique<Http2Transfer>(transfer_options_));
  auto transfer = std::move(unused_.back());
  unused_.pop_back();
  if (queued.anew) queued.host->shut_down();
  transfer->prepare(std::move(queued.post), *queued.host);
  CURL* const handle = transfer->handle();
  active_[handle] = {
      .transfer = std::move(transfer), .on_done = std::move(queued.on_done), .host = queued.host};
  if (curl_multi_add_handle(multi_.get(), handle) != CURLM_OK) finish(handle, CURLE_FAILED_INIT);
}

void Http2Poster::Engine::finish_ended() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* const handle = message->easy_handle;
    const CURLcode code = message->data.result;
    curl_multi_remove_handle(multi_.get(), handle);
    finish(handle, code);
  }
}

void Http2Poster::Engine::finish(CURL* handle, CURLcode code) {
  auto entry = active_.extract(handle);
  Active active = std::move(entry.mapped());
  auto outcome = active.transfer->finish(code);
  unused_.push_back(std::move(active.transfer));
  done(std::move(active), std::move(outcome));
}

void Http2Poster::Engine::abandon_all() {
  for (auto entry = active_.begin(); entry != active_.end(); entry = active_.begin()) {
    Active active = std::move(active_.extract(entry).mapped());
    curl_multi_remove_handle(multi_.get(), active.transfer->handle());
    PostResult result = active.transfer->abandon();
    done(std::move(active), {.result = std::move(result), .end = HostWindow::End::stream_failure});
  }
}

void Http2Poster::Engine::done(Active active, Http2Transfer::Outcome outcome) {
  {
    const std::scoped_lock lock(mutex_);
    --counters_.in_flight;
    ++counter_of(outcome.result.kind, counters_);
    counters_.resent += static_cast<std::uint64_t>(outcome.resent);
    if (active.host != nullptr && outcome.resent > 0) active.host->window.connection_ended();
    if (active.host != nullptr) active.host->window.give_back(outcome.end, HostClock::now());
  }
  active.on_done(std::move(outcome.result));
}

Http2Poster::Http2Poster(PosterOptions options) : engine_(std::make_unique<Engine>(std::move(options))) {}

Http2Poster::~Http2Poster() = default;

bool Http2Poster::post(HttpPost request, std::function<void(PostResult)> on_done) {
  return engine_->post(std::move(request), std::move(on_done));
}

void Http2Poster::renew_connections(const std::string& url) {
  engine_->renew_connections(url);
}

PosterCounters Http2Poster::counters() const {
  return engine_->counters();
}

}  // namespace duet
