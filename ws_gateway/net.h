// ws_gateway/net.h: the sockets, for those who use Asio. Internal: compiles slowly.
#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>

namespace duet {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

// With the executor's own type: the default, which can be any, makes every socket larger.
using Executor = asio::io_context::executor_type;
using ClientSocket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using BrokerSocket = asio::basic_stream_socket<asio::generic::stream_protocol, Executor>;  // TCP or unix

using Moment = std::chrono::steady_clock::time_point;
inline Moment moment_now() {
  return std::chrono::steady_clock::now();
}

}  // namespace duet
