#include "push_bridge/stream_resets.h"

#include <dlfcn.h>

#include <atomic>

// Of nghttp2.h, whose ABI is stable.
struct nghttp2_session;
struct nghttp2_stream;

namespace duet {
namespace {

using SubmitReset = int (*)(nghttp2_session*, std::uint8_t, std::int32_t, std::uint32_t);
using FindStream = nghttp2_stream* (*)(nghttp2_session*, std::int32_t);

std::atomic<std::uint64_t> resets_left_out = 0;

int submit_reset(nghttp2_session* session, std::uint8_t flags, std::int32_t stream, std::uint32_t error) {
  constexpr std::uint32_t kStreamClosed = 5;  // RFC 9113 7
  constexpr int kInvalidState = -519;         // NGHTTP2_ERR_INVALID_STATE
  static const auto submit = reinterpret_cast<SubmitReset>(dlsym(RTLD_NEXT, "nghttp2_submit_rst_stream"));
  static const auto find = reinterpret_cast<FindStream>(dlsym(RTLD_NEXT, "nghttp2_session_find_stream"));
  if (error == kStreamClosed && find != nullptr && find(session, stream) == nullptr) {
    ++resets_left_out;
    return 0;
  }
  return submit != nullptr ? submit(session, flags, stream, error) : kInvalidState;
}

}  // namespace

std::uint64_t stream_resets_left_out() {
  return resets_left_out;
}

}  // namespace duet

extern "C" __attribute__((visibility("default"))) int nghttp2_submit_rst_stream(nghttp2_session* session,
                                                                                std::uint8_t flags,
                                                                                std::int32_t stream,
                                                                                std::uint32_t error) {
  return duet::submit_reset(session, flags, stream, error);
}
