#include "tests/support/fake_provider.h"

#include <httplib.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace duet {
namespace {

constexpr std::size_t kTooManyBytes = std::size_t{1024} * 1024;

void openssl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "openssl");
  const Finished finished = run_command(arguments);
  if (finished.status != 0) throw std::runtime_error("openssl: " + finished.err);
}

// NAME.pem and NAME.key in `dir`, self-signed or signed by `ca`.
void make_certificate(const std::filesystem::path& dir, const std::string& name, const std::string& extension,
                      const std::string& ca = "") {
  const auto file = [&dir](const std::string& file_name) { return (dir / file_name).string(); };
  std::vector<std::string> arguments{"req",
                                     "-x509",
                                     "-newkey",
                                     "ec",
                                     "-pkeyopt",
                                     "ec_paramgen_curve:P-256",
                                     "-nodes",
                                     "-days",
                                     "2",
                                     "-subj",
                                     "/CN=" + name,
                                     "-addext",
                                     extension,
                                     "-keyout",
                                     file(name + ".key"),
                                     "-out",
                                     file(name + ".pem")};
  if (!ca.empty()) {
    arguments.insert(arguments.end(), {"-CA", file(ca + ".pem"), "-CAkey", file(ca + ".key")});
  }
  openssl(arguments);
}

void make_certificates(const std::filesystem::path& dir, FakeProvider::Certificate certificate) {
  constexpr const char* kIsCa = "basicConstraints=critical,CA:TRUE";
  make_certificate(dir, "ca", kIsCa);
  std::string signer = "ca";
  if (certificate == FakeProvider::Certificate::of_another_ca) {
    signer = "other";
    make_certificate(dir, signer, kIsCa);
  }
  const bool of_another_host = certificate == FakeProvider::Certificate::of_another_host;
  make_certificate(dir, "server",
                   of_another_host ? "subjectAltName=DNS:id.example.com" : "subjectAltName=IP:127.0.0.1",
                   signer);
}

}  // namespace

class FakeProvider::Server {
 public:
  explicit Server(const std::filesystem::path& dir)
      : server_((dir / "server.pem").c_str(), (dir / "server.key").c_str()),
        port_(server_.bind_to_any_port("127.0.0.1")) {
    if (port_ <= 0) throw std::runtime_error("the provider cannot listen");
    server_.set_pre_routing_handler([this](const httplib::Request&, httplib::Response&) {
      set([](State& state) { ++state.requests; });
      return httplib::Server::HandlerResponse::Unhandled;
    });
    server_.Get("/keys", [this](const httplib::Request& request, httplib::Response& response) {
      answer(request, response);
    });
    server_.Get("/.well-known/openid-configuration",
                [this](const httplib::Request&, httplib::Response& response) {
                  const nlohmann::json said{{"issuer", url()}, {"jwks_uri", url() + "/keys"}};
                  response.set_content(said.dump(), "application/json");
                });
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    eventually([this] { return server_.is_running(); });
  }
  ~Server() { stop(); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void stop() {
    set([](State& state) { state.mood = Mood::failing; });  // lets go of who waits
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }
  std::string url() const { return "https://127.0.0.1:" + std::to_string(port_); }

  struct State {
    std::string keys;
    std::string cache_control;
    Mood mood = Mood::well;
    int version = 0;  // of the keys, and their ETag
    int requests = 0;
    int begun = 0;
    int answers = 0;
    int not_modified = 0;
  };
  void set(const std::function<void(State&)>& change) {
    const std::scoped_lock lock(mutex_);
    change(state_);
    changed_.notify_all();
  }
  State state() {
    const std::scoped_lock lock(mutex_);
    return state_;
  }

 private:
  void answer(const httplib::Request& request, httplib::Response& response) {
    std::unique_lock lock(mutex_);
    ++state_.begun;
    changed_.wait(lock, [this] { return state_.mood != Mood::slow; });
    ++state_.answers;
    switch (state_.mood) {
      case Mood::failing:
        response.status = 503;
        return;
      case Mood::garbage:
        response.set_content("<html>We are sorry</html>", "text/html");
        return;
      case Mood::no_keys:
        response.set_content(R"({"keys":[]})", "application/json");
        return;
      case Mood::too_large:
        response.set_content(std::string(kTooManyBytes, ' ') + state_.keys, "application/json");
        return;
      case Mood::redirecting:
        response.set_redirect("http" + url().substr(5) + "/keys");
        return;
      case Mood::well:
      case Mood::slow:
        break;
    }
    answer_well(request, response);
  }

  void answer_well(const httplib::Request& request, httplib::Response& response) {
    const std::string etag = '"' + std::to_string(state_.version) + '"';
    if (!state_.cache_control.empty()) response.set_header("Cache-Control", state_.cache_control);
    response.set_header("ETag", etag);
    if (request.get_header_value("If-None-Match") == etag) {
      ++state_.not_modified;
      response.status = 304;
      return;
    }
    response.set_content(state_.keys, "application/json");
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  State state_;  // guarded by mutex_
  httplib::SSLServer server_;
  const int port_;
  std::thread thread_;
};

FakeProvider::FakeProvider(Certificate certificate) {
  make_certificates(dir_.path(), certificate);
  server_ = std::make_unique<Server>(dir_.path());
}

FakeProvider::~FakeProvider() = default;

std::string FakeProvider::issuer() const {
  return server_->url();
}

void FakeProvider::publish(const std::string& jwk_set) {
  server_->set([&](Server::State& state) {
    state.keys = jwk_set;
    ++state.version;
  });
}

void FakeProvider::set_mood(Mood mood) {
  server_->set([&](Server::State& state) { state.mood = mood; });
}

void FakeProvider::set_cache_control(const std::string& value) {
  server_->set([&](Server::State& state) { state.cache_control = value; });
}

void FakeProvider::go_away() {
  server_->stop();
}

int FakeProvider::answers() const {
  return server_->state().answers;
}

int FakeProvider::not_modified() const {
  return server_->state().not_modified;
}

int FakeProvider::begun() const {
  return server_->state().begun;
}

int FakeProvider::requests() const {
  return server_->state().requests;
}

}  // namespace duet
