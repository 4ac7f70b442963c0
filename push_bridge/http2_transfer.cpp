#include "push_bridge/http2_transfer.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>
#include <vector>

namespace duet {
namespace {

constexpr std::size_t kMaxBodyBytes = std::size_t{64} * 1024;
constexpr long kKeepAliveS = 60;          // what a dead path is found by, and a NAT kept open with
constexpr long kMaxIdleS = 3600;          // Apple: PING after an hour. libcurl's own default is 118 s
constexpr long kMaxAgeS = 12L * 60 * 60;  // so that balancers' new addresses are seen

curl_socket_t open_socket(void* sockets, curlsocktype, curl_sockaddr* address) noexcept try {
  return static_cast<HostSockets*>(sockets)->open(*address);
} catch (const std::exception&) {
  return CURL_SOCKET_BAD;
}

int close_socket(void* sockets, curl_socket_t socket) noexcept try {
  static_cast<HostSockets*>(sockets)->close(socket);
  return 0;
} catch (const std::exception&) {
  return 1;
}

bool names_content_type(const std::string& header) {
  constexpr std::string_view kName = "content-type:";
  return header.size() >= kName.size() &&
         std::equal(kName.begin(), kName.end(), header.begin(),
                    [](char name, unsigned char given) { return name == std::tolower(given); });
}

// What libcurl says by itself is not said: an empty value takes a header away.
CurlList headers_of(HttpPost& post) {
  std::vector<std::string> lines = std::move(post.headers);
  if (std::ranges::none_of(lines, names_content_type)) lines.emplace_back("Content-Type:");
  lines.emplace_back("Accept:");
  lines.emplace_back("Expect:");
  return to_curl_list(lines);
}

bool is_about_trust(CURLcode code) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
      return true;
    default:
      return false;
  }
}

HostWindow::End end_of(const PostResult& result, CURLcode code) {
  if (result.kind == PostResult::Kind::answered) {
    return result.status / 100 == 2 ? HostWindow::End::success : HostWindow::End::refusal;
  }
  if (result.kind != PostResult::Kind::unknown) return HostWindow::End::connection_failure;
  if (code == CURLE_OPERATION_TIMEDOUT) return HostWindow::End::timeout;
  return code == CURLE_HTTP2_STREAM ? HostWindow::End::stream_failure : HostWindow::End::connection_failure;
}

}  // namespace

Http2Transfer::Http2Transfer(const TransferOptions& options) {
  curl_.ask_nobody_else();
  curl_.verify_peer("https", options.ca_file);
  curl_.deliver_to(answer_);
  curl_.set(CURLOPT_PRIVATE, this);
  curl_.set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  curl_.set(CURLOPT_PIPEWAIT, 1L);
  curl_.set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect.count()));
  curl_.set(CURLOPT_TIMEOUT_MS, static_cast<long>(options.total.count()));
  curl_.set(CURLOPT_DNS_CACHE_TIMEOUT, 0L);  // Apple: an uncached query for each connection
  curl_.set(CURLOPT_MAXAGE_CONN, kMaxIdleS);
  curl_.set(CURLOPT_MAXLIFETIME_CONN, kMaxAgeS);
  curl_.set(CURLOPT_TCP_KEEPALIVE, 1L);
  curl_.set(CURLOPT_TCP_KEEPIDLE, kKeepAliveS);
  curl_.set(CURLOPT_TCP_KEEPINTVL, kKeepAliveS / 4);
  curl_.set(CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_.set(CURLOPT_CLOSESOCKETFUNCTION, close_socket);
  curl_.set(CURLOPT_PREREQFUNCTION, before_sending);
  curl_.set(CURLOPT_PREREQDATA, this);
}

void Http2Transfer::prepare(HttpPost post, HostSockets& sockets) {
  post_ = std::move(post);
  headers_ = headers_of(post_);
  answer_ = {.max_body_bytes = kMaxBodyBytes};
  sendings_ = 0;
  refused_ = false;
  curl_.forget_reason();
  curl_.set(CURLOPT_URL, post_.url.c_str());
  curl_.set(CURLOPT_HTTPHEADER, headers_.get());
  curl_.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(post_.body.size()));
  curl_.set(CURLOPT_POSTFIELDS, post_.body.c_str());
  curl_.set(CURLOPT_OPENSOCKETDATA, &sockets);
  curl_.set(CURLOPT_CLOSESOCKETDATA, &sockets);
}

// Anything but CURL_PREREQFUNC_OK ends the transfer before a byte of it is sent. CURLINFO_HTTP_VERSION would
// say what was spoken only once it was.
int Http2Transfer::before_sending(void* self, char*, char*, int, int) noexcept {
  auto& transfer = *static_cast<Http2Transfer*>(self);
  if (!transfer.speaks_http2()) {
    transfer.refused_ = true;
    return CURL_PREREQFUNC_ABORT;
  }
  ++transfer.sendings_;
  return CURL_PREREQFUNC_OK;
}

bool Http2Transfer::speaks_http2() const {
  const curl_tlssessioninfo* session = nullptr;
  if (curl_easy_getinfo(curl_.get(), CURLINFO_TLS_SSL_PTR, &session) != CURLE_OK || session == nullptr)
    return false;
  if (session->backend != CURLSSLBACKEND_OPENSSL || session->internals == nullptr) return false;
  const unsigned char* name = nullptr;
  unsigned int bytes = 0;
  SSL_get0_alpn_selected(static_cast<const SSL*>(session->internals), &name, &bytes);
  return bytes == 2 && name[0] == 'h' && name[1] == '2';
}

Http2Transfer::Outcome Http2Transfer::finish(CURLcode code) {
  PostResult result;
  if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && answer_.body_cut)) {
    result = {.kind = PostResult::Kind::answered,
              .status = curl_.status(),
              .headers = std::move(answer_.headers),
              .body = std::move(answer_.body)};
  } else {
    result = unanswered(code);
  }
  const HostWindow::End end = end_of(result, code);
  return {.result = std::move(result), .end = end, .resent = sendings_ > 1 ? sendings_ - 1 : 0};
}

PostResult Http2Transfer::unanswered(CURLcode code) const {
  if (refused_) {
    return {.kind = PostResult::Kind::untrusted, .error = "the server does not speak HTTP/2"};
  }
  const auto kind = is_about_trust(code) ? PostResult::Kind::untrusted
                    : sendings_ == 0     ? PostResult::Kind::not_sent
                                         : PostResult::Kind::unknown;
  return {.kind = kind, .error = curl_.reason(code)};
}

PostResult Http2Transfer::abandon() const {
  return {.kind = sendings_ == 0 ? PostResult::Kind::not_sent : PostResult::Kind::unknown,
          .error = "the bridge stops"};
}

}  // namespace duet
