#include "client/client.h"

#include <utility>

#include "client/core.h"

namespace duet {

Client::Client(ClientOptions options, ClientHandlers handlers)
    : core_(std::make_unique<Core>(std::move(options), std::move(handlers))) {}

Client::~Client() = default;

void Client::start() {
  core_->start();
}

Result<MessageId, Refusal> Client::send(const UserId& peer, const std::string& body, const std::string& type,
                                        std::optional<MessageId> id) {
  return core_->send(peer, body, type, std::move(id));
}

void Client::mark_read(const UserId& peer, Seq seq) {
  core_->mark_read(peer, seq);
}

void Client::set_typing(const UserId& peer, bool typing) {
  core_->set_typing(peer, typing);
}

void Client::request(const std::string& method, RequestPayload parameters,
                     std::function<void(Answer)> handler) {
  core_->request(method, std::move(parameters), std::move(handler));
}

void Client::set_push(std::string registration, std::function<void()> on_taken) {
  core_->set_push(std::move(registration), std::move(on_taken));
}

void Client::stop_following() {
  core_->stop_following();
}

std::size_t Client::outbox_size() const {
  return core_->outbox_size();
}

}  // namespace duet
