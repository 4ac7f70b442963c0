// One provider's server: HTTP/2 over TLS alone, on a port of loopback that stays its own. Reads requests, has the
// provider examine them and the planned faults happen, and judges how connections are used:
//   too-many-connections      open at once
//   stream-before-valid-token (providers with a first-stream limit, APNs) another request on a connection before one
//                             with a valid token
//   streams-over-limit        … that was refused for that, as a gap in the numbers of the streams shows
//
// A provider has
//   firstStreamLimit          whether one stream is all it allows until `connection.proven`
//   examine(request)          → {push: {token, id, conversation, seq, payload, headers}} or, if it is wrong,
//                             with refusal: {status, reason, …} and violation: [kind, detail]
//   answer(outcome)           → {status, headers, body} of {status, reason, timestamp, …}
//   accept(push)              → the outcome when all is well
'use strict';

const http2 = require('node:http2');

const kMaxBodyBytes = 64 * 1024;
const kMaxStreams = 1000;

class Host {
  constructor({name, provider, port, keys, settings, record, faults, behaviour}) {
    Object.assign(this, {name, provider, settings, record, faults, behaviour});
    this.tls = {cert: keys.certificate, key: keys.certificateKey, minVersion: 'TLSv1.2', allowHTTP1: false};
    this.port = port;
    this.sockets = new Map(); // by the peer's port: the TCP sockets
    this.connections = new Set();
    this.numbers = 0;
    this.streams = 0; // open, of all connections
    this.disturbed = 0; // when the double itself last ended a connection
    record.of(name);
  }

  // Listens, on the port it had. Returns the port.
  up() {
    if (this.server) return Promise.resolve(this.port);
    const maxConcurrentStreams = this.provider.firstStreamLimit ? 1 : kMaxStreams;
    this.server = http2.createSecureServer({...this.tls, settings: {maxConcurrentStreams}});
    this.server.on('connection', (socket) => {
      const port = socket.remotePort;
      this.sockets.set(port, socket);
      socket.on('close', () => this.sockets.delete(port)).on('error', () => {});
    });
    this.server.on('unknownProtocol', (socket) => {
      this.record.violation(this.name, 'no-http2', 'a client does not speak HTTP/2');
      socket.destroy();
    });
    this.server.on('session', (session) => this.connected(session));
    this.server.on('sessionError', () => {});
    this.server.on('tlsClientError', () => this.record.count(this.name, 'tls_failures'));
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.port, '127.0.0.1', () => {
        this.port = this.server.address().port;
        resolve(this.port);
      });
    });
  }

  // Nobody listens any more, and whoever was connected is reset.
  async down() {
    const {server} = this;
    this.server = undefined;
    if (!server) return;
    this.disturbed = Date.now();
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of this.sockets.values()) socket.resetAndDestroy();
    await closed;
  }

  connected(session) {
    const connection = {number: ++this.numbers, session, open: 0, last: -1, proven: false, since: Date.now()};
    connection.port = session.socket.remotePort;
    connection.burst = connection.since < this.disturbed + this.settings.disturbance_ms;
    this.connections.add(connection);
    const open = this.record.opened(this.name);
    if (open > this.settings.max_connections) {
      this.record.violation(this.name, 'too-many-connections', `${open} are open`);
    }
    session.on('error', () => {});
    // Of a client that has gone, a session may know nothing when it has said GOAWAY itself.
    const socket = this.sockets.get(connection.port);
    const gone = () => {
      if (!this.connections.delete(connection)) return;
      this.record.closed(this.name);
      session.destroy();
    };
    if (socket) socket.on('close', gone);
    else gone();
    session.on('stream', (stream, headers, flags, raw) => this.opened(connection, stream, headers, raw));
  }

  opened(connection, stream, headers, raw) {
    stream.on('error', () => {});
    if (connection.goawayAfter !== undefined && stream.id > connection.goawayAfter) {
      stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
      return;
    }
    connection.open += 1;
    this.streams += 1;
    stream.on('close', () => {
      connection.open -= 1;
      this.streams -= 1;
    });
    this.record.peak(this.name, 'peak_streams', this.streams);
    this.record.count(this.name, 'requests');
    const gap = stream.id > connection.last + 2;
    connection.last = stream.id;
    if (this.provider.firstStreamLimit && !this.withinLimit(connection, stream, gap)) return;
    const request = {at: Date.now(), connection, stream, headers, raw};
    const chunks = [];
    let bytes = 0;
    stream.on('data', (chunk) => {
      bytes += chunk.length;
      if (bytes <= kMaxBodyBytes) chunks.push(chunk);
    });
    stream.on('end', () => {
      request.body = Buffer.concat(chunks);
      this.handle(request).catch((error) => {
        console.error(error);
        this.record.violation(this.name, 'double-failed', String(error.stack));
        stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
      });
    });
  }

  withinLimit(connection, stream, refusedBefore) {
    const tooMany = !connection.proven && connection.open > 1;
    if (!refusedBefore && !tooMany) return true;
    if (connection.burst) {
      this.record.count(this.name, 'bursts');
    } else {
      const kind = tooMany ? 'stream-before-valid-token' : 'streams-over-limit';
      this.record.violation(this.name, kind, `connection ${connection.number}, stream ${stream.id}`);
    }
    if (tooMany) stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
    return !tooMany;
  }

  async handle(request) {
    this.record.request(this.name, request.headers, request.body);
    const {push, refusal, violation} = await this.provider.examine(request);
    const {connection} = request;
    if (connection.proven && !connection.lifted && this.provider.firstStreamLimit && !connection.session.destroyed) {
      connection.lifted = true;
      connection.session.settings({maxConcurrentStreams: kMaxStreams});
    }
    if (violation) this.record.violation(this.name, ...violation);
    const attempt = push ? this.behaviour.arrived(this.name, push, request.at) : 0;
    if (refusal) {
      this.reply(request, push, refusal);
      return;
    }
    const fault = this.faults.take(this.name, push.token) ?? {do: 'well'};
    const taken = {...push, at: request.at, connection: connection.number, attempt};
    if (fault.do === 'well' || fault.do === 'goaway' || fault.accept) this.record.accept(this.name, taken);
    this.carryOut(fault, request, push);
  }

  carryOut(fault, request, push) {
    const {connection, stream} = request;
    switch (fault.do) {
      case 'answer':
        return this.reply(request, push, fault);
      case 'hang':
        return undefined;
      case 'reset':
        this.disturbed = Date.now();
        return this.sockets.get(connection.port)?.resetAndDestroy();
      case 'rst':
        return stream.close(fault.code ?? http2.constants.NGHTTP2_INTERNAL_ERROR);
      case 'goaway':
        this.sayGoaway(request, fault);
        return this.reply(request, push, this.provider.accept(push));
      default:
        return this.reply(request, push, this.provider.accept(push));
    }
  }

  // What has come until now is answered; what comes after is refused.
  sayGoaway({connection, stream}, {reason = 'Shutdown'}) {
    if (connection.session.destroyed || connection.goawayAfter !== undefined) return;
    this.disturbed = Date.now();
    connection.goawayAfter = Math.max(connection.last, stream.id);
    connection.session.goaway(0, connection.goawayAfter, Buffer.from(JSON.stringify({reason})));
    stream.on('close', () => connection.session.close());
  }

  reply(request, push, outcome) {
    const {stream} = request;
    if (push) this.behaviour.answered(this.name, push, {...outcome, retryAfter: outcome.retry_after});
    if (stream.destroyed || stream.closed) return;
    const {status, headers = {}, body = ''} = this.formatted(outcome);
    stream.respond({':status': status, ...headers}, {endStream: body.length === 0});
    if (body.length > 0) stream.end(body);
  }

  formatted(outcome) {
    const answer = outcome.body === undefined && outcome.body_bytes === undefined
      ? this.provider.answer(outcome)
      : {status: outcome.status, headers: {'content-type': 'text/html'}, body: outcome.body ?? 'x'.repeat(outcome.body_bytes)};
    const retry = outcome.retry_after === undefined ? {} : {'retry-after': String(outcome.retry_after)};
    return {...answer, headers: {...answer.headers, ...retry, ...outcome.headers}};
  }
}

module.exports = {Host};
