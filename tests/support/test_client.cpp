#include "tests/support/test_client.h"

#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <sys/socket.h>

#include <cstdlib>
#include <stdexcept>

namespace duet {
namespace {

// An MQTT 5 property list on its way to libmosquitto.
class Properties {
 public:
  Properties() = default;
  ~Properties() { mosquitto_property_free_all(&list_); }
  Properties(const Properties&) = delete;
  Properties& operator=(const Properties&) = delete;

  void add_int32(int id, std::uint32_t value) { mosquitto_property_add_int32(&list_, id, value); }
  void add_int16(int id, std::uint16_t value) { mosquitto_property_add_int16(&list_, id, value); }
  void add_binary(int id, const std::string& value) {
    mosquitto_property_add_binary(&list_, id, value.data(), static_cast<std::uint16_t>(value.size()));
  }
  const mosquitto_property* get() const { return list_; }

 private:
  mosquitto_property* list_ = nullptr;
};

std::optional<std::string> correlation_in(const mosquitto_property* properties) {
  void* value = nullptr;
  std::uint16_t size = 0;
  if (mosquitto_property_read_binary(properties, MQTT_PROP_CORRELATION_DATA, &value, &size, false) ==
      nullptr) {
    return std::nullopt;
  }
  const std::unique_ptr<void, void (*)(void*)> owner(value, std::free);
  return std::string(static_cast<const char*>(value), size);
}

void require(int code, const std::string& what) {
  if (code != MOSQ_ERR_SUCCESS) throw std::runtime_error(what + ": " + mosquitto_strerror(code));
}

// The connection may end at any time, also just before it is used.
bool connection_lost(int code) {
  return code == MOSQ_ERR_NO_CONN || code == MOSQ_ERR_CONN_LOST || code == MOSQ_ERR_ERRNO;
}

const char* c_str_or_null(const std::optional<std::string>& text) {
  return text ? text->c_str() : nullptr;
}

mosquitto* make_client(const std::string& client_id, TestClient* self, bool clean) {
  [[maybe_unused]] static const int initialised = mosquitto_lib_init();
  mosquitto* client = mosquitto_new(client_id.empty() ? nullptr : client_id.c_str(), clean, self);
  if (client == nullptr) throw std::runtime_error("mosquitto_new refuses the client id " + client_id);
  return client;
}

}  // namespace

std::string_view to_string(MqttVersion version) {
  return version == MqttVersion::v5 ? "5" : "3.1.1";
}

// What libmosquitto calls in the client's thread.
struct TestClient::Callbacks {
  static void change(TestClient* self, const std::function<void()>& how) {
    {
      const std::lock_guard lock(self->mutex_);
      how();
    }
    self->changed_.notify_all();
  }
  static void on_connect(mosquitto*, void* object, int code, int, const mosquitto_property*) {
    auto* self = static_cast<TestClient*>(object);
    change(self, [&] { self->connack_ = code; });
  }
  static void on_publish(mosquitto*, void* object, int id, int reason, const mosquitto_property*) {
    auto* self = static_cast<TestClient*>(object);
    if (self->on_puback_) self->on_puback_(id, reason);
    change(self, [&] { self->pubacks_[id] = reason; });
  }
  static void on_subscribe(mosquitto*, void* object, int id, int count, const int* codes,
                           const mosquitto_property*) {
    auto* self = static_cast<TestClient*>(object);
    change(self, [&] { self->subacks_[id] = count > 0 ? codes[0] : kNoAnswer; });
  }
  static void on_unsubscribe(mosquitto*, void* object, int id, const mosquitto_property*) {
    auto* self = static_cast<TestClient*>(object);
    change(self, [&] { self->unsubacks_[id] = true; });
  }
  static void on_disconnect(mosquitto*, void* object, int code, const mosquitto_property*) {
    constexpr int kFirstReason = 0x80;  // below are the library's own errors
    auto* self = static_cast<TestClient*>(object);
    if (code >= kFirstReason) change(self, [&] { self->end_reason_ = code; });
  }
  static void on_message(mosquitto*, void* object, const mosquitto_message* message,
                         const mosquitto_property* properties) {
    auto* self = static_cast<TestClient*>(object);
    Received received{
        .topic = message->topic,
        .payload = std::string(static_cast<const char*>(message->payload),
                               static_cast<std::size_t>(message->payloadlen)),
        .qos = message->qos,
        .retain = message->retain,
        .correlation = correlation_in(properties),
    };
    if (self->listener_) self->listener_(received);
    change(self, [&] { self->inbox_.push_back(std::move(received)); });
  }
};

TestClient::TestClient(ConnectSpec spec)
    : spec_(std::move(spec)), mosq_(make_client(spec_.client_id, this, spec_.clean), mosquitto_destroy) {
  mosquitto* m = mosq_.get();
  mosquitto_threaded_set(m, true);
  const bool v5 = spec_.version == MqttVersion::v5;
  mosquitto_int_option(m, MOSQ_OPT_PROTOCOL_VERSION, v5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
  mosquitto_int_option(m, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_int_option(m, MOSQ_OPT_SEND_MAXIMUM, 1000);
  mosquitto_username_pw_set(m, c_str_or_null(spec_.username), c_str_or_null(spec_.password));
  set_will();
  if (!spec_.ca_file.empty()) {
    require(mosquitto_tls_set(m, spec_.ca_file.c_str(), nullptr, nullptr, nullptr, nullptr), "TLS");
  }
  mosquitto_connect_v5_callback_set(m, Callbacks::on_connect);
  mosquitto_publish_v5_callback_set(m, Callbacks::on_publish);
  mosquitto_subscribe_v5_callback_set(m, Callbacks::on_subscribe);
  mosquitto_unsubscribe_v5_callback_set(m, Callbacks::on_unsubscribe);
  mosquitto_disconnect_v5_callback_set(m, Callbacks::on_disconnect);
  mosquitto_message_v5_callback_set(m, Callbacks::on_message);
}

TestClient::~TestClient() {
  disconnect();
  if (thread_.joinable()) thread_.join();
}

void TestClient::set_will() const {
  if (!spec_.will) return;
  const Publish& will = *spec_.will;
  require(mosquitto_will_set(mosq_.get(), will.topic.c_str(), static_cast<int>(will.payload.size()),
                             will.payload.data(), will.qos, will.retain),
          "will");
}

int TestClient::connect() {
  constexpr int kKeepAliveSeconds = 60;
  Properties properties;
  if (spec_.session_expiry_s > 0) {
    properties.add_int32(MQTT_PROP_SESSION_EXPIRY_INTERVAL, spec_.session_expiry_s);
  }
  if (spec_.receive_maximum > 0) {
    properties.add_int16(MQTT_PROP_RECEIVE_MAXIMUM, spec_.receive_maximum);
  }
  if (spec_.maximum_packet_size > 0) {
    properties.add_int32(MQTT_PROP_MAXIMUM_PACKET_SIZE, spec_.maximum_packet_size);
  }
  const char* const host = spec_.ca_file.empty() ? "127.0.0.1" : "localhost";  // as its certificate says
  if (mosquitto_connect_bind_v5(mosq_.get(), host, spec_.port, kKeepAliveSeconds, nullptr,
                                properties.get()) != MOSQ_ERR_SUCCESS) {
    return kNoAnswer;
  }
  std::unique_lock lock(mutex_);
  ended_ = false;
  end_reason_.reset();
  thread_ = std::jthread([this] { run(); });
  changed_.wait_for(lock, kPatience, [this] { return connack_.has_value() || ended_; });
  return connack_.value_or(kNoAnswer);
}

// Not mosquitto_loop_start: that one connects again by itself.
void TestClient::run() {
  constexpr int kLoopMilliseconds = 1000;  // the library is woken from it when there is something to send
  while (mosquitto_loop(mosq_.get(), kLoopMilliseconds, 1) == MOSQ_ERR_SUCCESS) {
  }
  Callbacks::change(this, [this] { ended_ = true; });
  if (on_end_) on_end_();
}

void TestClient::disconnect() {
  mosquitto_disconnect_v5(mosq_.get(), 0, nullptr);
}

void TestClient::drop() {
  shutdown(mosquitto_socket(mosq_.get()), SHUT_RDWR);
  wait_disconnected();
}

bool TestClient::connected() const {
  const std::lock_guard lock(mutex_);
  return !ended_ && connack_ == kSuccess;
}

bool TestClient::wait_disconnected(std::chrono::milliseconds patience) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [this] { return ended_; });
}

std::optional<int> TestClient::end_reason() const {
  const std::lock_guard lock(mutex_);
  return end_reason_;
}

int TestClient::subscribe(const std::string& filter, int qos) {
  int id = 0;
  const int result = mosquitto_subscribe_v5(mosq_.get(), &id, filter.c_str(), qos, 0, nullptr);
  if (connection_lost(result)) return kNoAnswer;
  require(result, "subscribe " + filter);
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kPatience, [&] { return subacks_.contains(id) || ended_; });
  const auto found = subacks_.find(id);
  return found == subacks_.end() ? kNoAnswer : found->second;
}

bool TestClient::unsubscribe(const std::string& filter) {
  int id = 0;
  const int result = mosquitto_unsubscribe_v5(mosq_.get(), &id, filter.c_str(), nullptr);
  if (connection_lost(result)) return false;
  require(result, "unsubscribe " + filter);
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kPatience, [&] { return unsubacks_.contains(id) || ended_; });
  return unsubacks_.contains(id);
}

int TestClient::publish(const Publish& message) {
  const auto token = publish_async(message);
  if (!token) return kNoAnswer;
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kPatience, [&] { return pubacks_.contains(*token) || ended_; });
  const auto found = pubacks_.find(*token);
  return found == pubacks_.end() ? kNoAnswer : found->second;
}

std::optional<int> TestClient::publish_async(const Publish& message) {
  Properties properties;
  if (message.correlation) properties.add_binary(MQTT_PROP_CORRELATION_DATA, *message.correlation);
  if (!connected()) return std::nullopt;
  int id = 0;
  const int code =
      mosquitto_publish_v5(mosq_.get(), &id, message.topic.c_str(), static_cast<int>(message.payload.size()),
                           message.payload.data(), message.qos, message.retain, properties.get());
  if (connection_lost(code)) return std::nullopt;
  require(code, "publish on " + message.topic);
  return id;
}

std::optional<int> TestClient::puback_of(int token) const {
  const std::lock_guard lock(mutex_);
  const auto found = pubacks_.find(token);
  if (found == pubacks_.end()) return std::nullopt;
  return found->second;
}

std::vector<Received> TestClient::inbox() const {
  const std::lock_guard lock(mutex_);
  return inbox_;
}

std::optional<Received> TestClient::wait_for(const std::function<bool(const Received&)>& match,
                                             std::chrono::milliseconds patience) const {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::size_t seen = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    for (; seen < inbox_.size(); ++seen) {
      if (match(inbox_[seen])) return inbox_[seen];
    }
    const bool more = changed_.wait_until(lock, deadline, [&] { return inbox_.size() > seen || ended_; });
    if (!more || inbox_.size() == seen) return std::nullopt;
  }
}

bool TestClient::wait_until(const std::function<bool(const std::vector<Received>&)>& done,
                            std::chrono::milliseconds patience) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [&] { return done(inbox_) || ended_; }) && done(inbox_);
}

}  // namespace duet
